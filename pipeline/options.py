"""Options of a run: what they are, their defaults, and what is refused before anything starts."""

from __future__ import annotations

import argparse
import dataclasses
import re

from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions, StandardOptions

from pipeline.apart import keep_apart
from pipeline.delivery import check_quota
from pipeline.documents import read_document
from pipeline.job_server import check_job_server
from pipeline.maps import map_place
from pipeline.quarantine import quarantine_apart
from pipeline.remote import apply_defaults, check_remote, failure_ratio, is_local
from pipeline.runners import Refusing, refuse_unknown, runner_of
from pipeline.stores import asked_destination, dicom_stores
from transforms.bigquery.client import check_endpoint
from transforms.bigquery.operation import TableTarget
from transforms.bigquery.schema import Schema
from transforms.model.config import DeidentifyDicomStoreRequest, parse_request
from transforms.model.credentials import TokenReference
from transforms.model.dicom_store import DicomStore, is_store
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference
from transforms.model.records import PixelSearch
from transforms.model.storage import canonical, canonical_source, check_place, glob_folder, is_inside
from transforms.model.workspace import Workspace


def _yes_or_no(word: str) -> bool:
    """A flag as templates pass it: `--flag=true`."""
    if word.lower() not in {"true", "false"}:
        raise argparse.ArgumentTypeError("the choices are true and false")
    return word.lower() == "true"


class DeidentifyOptions(PipelineOptions):
    """The options of `dicom-deid run`; `templates/metadata.json` lists the same."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--source",
            help="DICOM files: a directory, a glob, a .txt list of paths, or one file; on disk, or on Cloud Storage as gs://BUCKET/…."
            " Or a DICOM store: projects/P/locations/L/datasets/D/dicomStores/S, or the URL of a DICOMweb server.",
        )
        add(
            "--destination",
            help="Folder or gs://BUCKET/FOLDER for de-identified instances, as STUDY/SERIES/INSTANCE.dcm under their new UIDs; or a"
            " DICOM store. With a request its destinationStore, which may be a folder too.",
        )
        add(
            "--workspace",
            help="Confidential folder or gs://BUCKET/FOLDER of the run: key, spool, outcomes, stores. Never inside the destination.",
        )
        add(
            "--quarantine",
            help="Folder or gs://BUCKET/FOLDER for held instances and why they are held, as confidential as the workspace."
            " Or a DICOM store, beside which the workspace keeps why. By default in the workspace.",
        )
        add(
            "--config",
            help="A DeidentifyConfig in JSON: the text itself, a path, or gs://BUCKET/OBJECT. Else: Basic profile, all text redacted.",
        )
        add(
            "--request",
            help="A DeidentifyDicomStoreRequest in JSON: the text itself, a path, or gs://BUCKET/OBJECT; its config counts as consent.",
        )
        add("--operation_id", help="Name of the operation (letters, digits, dots, hyphens); by default a keyed hash of what is run.")
        add(
            "--key_uri",
            help="Where the secret of 64 hex digits is: file:PATH, env:NAME, gs://BUCKET/OBJECT, secret:VERSION, kms:KEY#WRAPPED."
            " By default a local run keeps one in the workspace.",
        )
        add(
            "--patient_id",
            default="pseudonym",
            choices=("pseudonym", "empty"),
            help="What the Basic profile puts into Patient ID and Patient's Name: a keyed pseudonym, or nothing.",
        )
        add(
            "--patient_map",
            help="CSV of patients (issuer,id,subject and optionally days), in place of pseudonyms: a path or gs://BUCKET/OBJECT."
            " Patients who are not in it are held.",
        )
        add("--write_uid_map", help="File for the UIDs that were replaced, CSV id_old,id_new, mode 0600; never in the destination.")
        add("--write_patient_map", help="The same for Patient IDs.")
        add(
            "--on_uid_collision",
            default="hold",
            choices=("hold", "distinct"),
            help="Different instances under one SOP Instance UID: hold all, or give each a UID of its own.",
        )
        add(
            "--fhir_store",
            help="FHIR store for Provenance: projects/P/locations/L/datasets/D/fhirStores/F, or a URL. By default the embedded one.",
        )
        add(
            "--healthcare_endpoint",
            help="Server of projects/… names, such as https://healthcare.googleapis.com/v1beta1. By default the embedded FHIR store.",
        )
        add(
            "--fhir_token_uri",
            help="Where the Bearer token is that the FHIR store wants: file:PATH or env:NAME. Google's own needs none: it takes ADC.",
        )
        add(
            "--fhir_write_ops_per_minute",
            type=int,
            help="The write quota of the FHIR store; writing is paced to it. Required on Google Cloud.",
        )
        add(
            "--dicom_token_uri",
            help="Where the Bearer token is that the server of the DICOM stores wants, as --fhir_token_uri; HOST[:PORT]=file:PATH,… for"
            " several servers.",
        )
        add("--dicomweb_ops_per_minute", type=int, help="The quota of the DICOM stores, of which each process takes its share.")
        add("--bigquery_table", help="PROJECT:DATASET.TABLE for Provenance rows, in place of the local table.")
        add(
            "--bigquery_schema",
            default="analytics_v2",
            choices=("analytics_v2", "lossless"),
            help="Form of --bigquery_table: extensions as columns, which the views read, or everything as it is in FHIR.",
        )
        add("--bigquery_endpoint", help="URL of another server of the BigQuery API than Google's; no token is sent over plain http.")
        add(
            "--table_files",
            choices=("parquet", "ndjson"),
            help="Keep the tables of the workspace as files of this kind too, in WORKSPACE/tables.",
        )
        add(
            "--provenance_phi",
            default="include",
            choices=("include", "hash", "omit"),
            help="Original texts and source names in Provenance: as they are, hashed, or left out.",
        )
        add(
            "--provenance_shape",
            default="google",
            choices=("google", "r4"),
            help="Extensions as on the API's page, or the same facts as strict R4 servers want them.",
        )
        add(
            "--text_search",
            default="default",
            choices=("fast", "default", "strict"),
            help="How hard to look for text in pixels: fast finds lines only, default also reads them, strict asks a second detector.",
        )
        add(
            "--ocr_languages",
            help="Tesseract's language packs that lines are read with, such as eng,kor. By default all that are installed.",
        )
        add("--pixel_templates", help="YAML file of known layouts, whose boxes are redacted in every frame (docs/config.md).")
        add(
            "--inspection_engine",
            default="local",
            choices=("local", "dlp"),
            help="What finds names and places by language: a model on the worker, or Cloud DLP (content.inspect).",
        )
        add("--dlp_parent", help="Where Cloud DLP is asked, with Application Default Credentials: projects/P/locations/L.")
        add(
            "--max_failure_ratio",
            type=float,
            help="A job on Dataflow fails as a whole, for its alerts, where more than this part (0 to 1) of the instances failed.",
        )
        for option, text in (
            ("--skip_done", "Leave out what another finished operation of this very request has written (by the table of Provenance)."),
            ("--no_second_look", "Do not search redacted frames a second time; then nothing is claimed in the header."),
            ("--provenance_for_held", "Held instances have a Provenance too, whose target is in the quarantine."),
            ("--validate_provenance", "Validate every Provenance by fhir.resources, not the first hundred of a worker only."),
            ("--skip_preflight", "Do not try FHIR store, destination and BigQuery table before the first instance is read."),
            ("--api_vrs_only", "Inspect texts of the API's VRs alone (AE AS DA DT LO LT PN SH ST UC UT), not of CS DS IS TM UI UN UR."),
            ("--allow_identifiable", "Consent to a config that can leave identity behind."),
        ):
            add(option, nargs="?", const=True, default=False, type=_yes_or_no, metavar="true|false", help=text)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of one run, checked. Paths are canonical."""

    source: str
    """A place, or the name of the store."""
    destination: str
    source_store: DicomStore | None
    destination_store: DicomStore | None
    workspace: Workspace
    quarantine: str | None
    """A folder, or the name of the store."""
    quarantine_store: DicomStore | None
    config: str | None
    request: str | None
    """As it was given."""
    asked: DeidentifyDicomStoreRequest | None
    """What was read there, once, so that all of the run is of one version of it."""
    operation_id: str | None
    key: KeyReference | None
    patient_id: str
    patient_map: str | None
    write_uid_map: str | None
    write_patient_map: str | None
    on_uid_collision: str
    fhir_store: str | None
    healthcare_endpoint: str | None
    fhir_token: TokenReference | None
    fhir_write_ops_per_minute: int | None
    bigquery: TableTarget | None
    table_files: str | None
    provenance_phi: str
    provenance_shape: str
    text_search: PixelSearch
    ocr_languages: tuple[str, ...]
    """Empty: all that are installed."""
    pixel_templates: str | None
    dlp_parent: str
    """Empty: the local engine inspects."""
    max_failure_ratio: float | None
    skip_done: bool
    no_second_look: bool
    provenance_for_held: bool
    validate_provenance: bool
    skip_preflight: bool
    api_vrs_only: bool
    allow_identifiable: bool
    runner: str
    beam: tuple[str, ...]
    """Flags that are Beam's alone. Ours stay out of the pipeline's options: runners log those, and a source name is PHI."""
    command: tuple[str, ...]
    """The whole command line, as it was given."""

    @property
    def writes_maps(self) -> bool:
        """Whether the run has to remember which identifiers became which."""
        return bool(self.write_uid_map or self.write_patient_map)

    @property
    def is_local(self) -> bool:
        """Whether the workers are on this machine."""
        return is_local(self.runner, self.beam)


def parser() -> argparse.ArgumentParser:
    """The parser of our own options; Beam's are left over by parse_known_args."""
    made = Refusing(prog="dicom-deid run", allow_abbrev=False, epilog="Any Apache Beam option may be added.")
    DeidentifyOptions._add_argparse_args(made)
    return made


def parse(argv: list[str]) -> Settings:
    """Settings from a command line. Raises ConfigError, which names the option and the mend."""
    known, beam = parser().parse_known_args(argv)
    if known.config and known.request:
        raise ConfigError("--request", "a request brings its own config", "give --config or --request, not both")
    asked = parse_request(read_document("--request", known.request).text) if known.request else None
    if asked:
        known.destination = asked_destination(asked.destination_store, known.destination)
    for option in ("source", "destination", "workspace"):
        if not getattr(known, option):
            raise ConfigError(f"--{option}", "this option is required", "add it")
        if option == "workspace" or not is_store(getattr(known, option)):
            check_place(f"--{option}", getattr(known, option))
    refuse_unknown(beam)
    runner = runner_of(beam)
    check_job_server(runner, beam)
    stores = dicom_stores(known, runner, beam)
    source = stores["source"].name if stores["source"] else canonical_source(known.source)
    destination = stores["destination"].name if stores["destination"] else canonical(known.destination)
    workspace = canonical(known.workspace)
    keep_apart(source, destination, workspace)
    if known.operation_id and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,53}", known.operation_id):
        why = "only letters, digits, dots and hyphens, at most 54, the first a letter or digit"
        raise ConfigError("--operation_id", why, "choose another", known.operation_id)
    bigquery = _bigquery(known)
    check_quota("--fhir_write_ops_per_minute", known.fhir_write_ops_per_minute)
    settings = Settings(
        source=source,
        destination=destination,
        source_store=stores["source"],
        destination_store=stores["destination"],
        workspace=Workspace(workspace),
        quarantine=quarantine_apart(known.quarantine, stores["quarantine"], source, destination),
        quarantine_store=stores["quarantine"],
        config=known.config,
        request=known.request,
        asked=asked,
        operation_id=known.operation_id,
        key=KeyReference(known.key_uri) if known.key_uri else None,
        patient_id=known.patient_id,
        patient_map=canonical(known.patient_map) if known.patient_map else None,
        **_maps(known, source, destination),
        on_uid_collision=known.on_uid_collision,
        fhir_store=known.fhir_store,
        healthcare_endpoint=known.healthcare_endpoint,
        fhir_token=TokenReference(known.fhir_token_uri) if known.fhir_token_uri else None,
        fhir_write_ops_per_minute=known.fhir_write_ops_per_minute,
        bigquery=bigquery,
        table_files=known.table_files,
        provenance_phi=known.provenance_phi,
        provenance_shape=known.provenance_shape,
        text_search=PixelSearch(known.text_search),
        ocr_languages=_languages(known.ocr_languages, known.text_search),
        pixel_templates=known.pixel_templates,
        dlp_parent=dlp_parent(known.inspection_engine, known.dlp_parent),
        max_failure_ratio=failure_ratio(known.max_failure_ratio, runner),
        skip_done=known.skip_done,
        no_second_look=known.no_second_look,
        provenance_for_held=known.provenance_for_held,
        validate_provenance=known.validate_provenance,
        skip_preflight=known.skip_preflight,
        api_vrs_only=known.api_vrs_only,
        allow_identifiable=known.allow_identifiable,
        runner=runner,
        beam=tuple(beam),
        command=tuple(argv),
    )
    if not settings.is_local:
        check_remote(runner, beam, vars(known))
    elif settings.key is None and settings.workspace.is_remote:
        raise ConfigError("--key_uri", "a key is kept in a workspace on this machine only", "name the key by --key_uri")
    return settings


def beam_options(settings: Settings, operation_id: str) -> PipelineOptions:
    """Beam's own options with our defaults: the pinned runner, no pickled `__main__`, and what an engine needs."""
    options = PipelineOptions(list(settings.beam))
    options.view_as(StandardOptions).runner = settings.runner
    options.view_as(SetupOptions).save_main_session = False
    apply_defaults(options, settings.runner, settings.beam, operation_id, settings.fhir_write_ops_per_minute)
    return options


def dlp_parent(engine: str, parent: str | None) -> str:
    """Where Cloud DLP is asked; empty where the local engine inspects. Raises ConfigError."""
    if engine == "local" and parent:
        raise ConfigError("--dlp_parent", "the local engine asks nobody", "leave it out, or add --inspection_engine dlp", parent)
    if engine == "dlp" and not re.fullmatch(r"projects/[^/]+/locations/[^/]+", parent or ""):
        raise ConfigError("--dlp_parent", "Cloud DLP is asked in a project and location", "write projects/P/locations/L", parent or "")
    return parent or ""


def _bigquery(known: argparse.Namespace) -> TableTarget | None:
    check_endpoint(known.bigquery_endpoint)
    if known.bigquery_table:
        if known.table_files:
            raise ConfigError("--table_files", "they are made of the local table", "leave it out, or --bigquery_table")
        return TableTarget(known.bigquery_table, Schema(known.bigquery_schema), known.bigquery_endpoint)
    if known.bigquery_endpoint or known.bigquery_schema != Schema.ANALYTICS_V2:
        raise ConfigError("--bigquery_table", "the other options of BigQuery go with it", "name a table, or leave them out")
    return None


def _maps(known: argparse.Namespace, source: str, destination: str) -> dict[str, str | None]:
    """The places of the mapping files, by their options."""
    if known.patient_map and is_inside(canonical(known.patient_map), destination):
        raise ConfigError("--patient_map", "it says who is who, and may not lie inside the destination", "choose another folder")
    places = {"destination": destination, "source": glob_folder(source)}
    given = {name: getattr(known, name) for name in ("write_uid_map", "write_patient_map")}
    made = {name: map_place(f"--{name}", path, places) if path else None for name, path in given.items()}
    if made["write_uid_map"] and made["write_uid_map"] == made["write_patient_map"]:
        raise ConfigError("--write_patient_map", "it is the file of --write_uid_map", "choose another name")
    return made


def _languages(wanted: str | None, search: str) -> tuple[str, ...]:
    """The packs of `--ocr_languages`, by commas or, as Tesseract has it, plus signs."""
    if wanted is not None and search == PixelSearch.FAST:
        raise ConfigError("--ocr_languages", "--text_search fast reads nothing", "leave it out, or search by default or strict", wanted)
    packs = tuple(re.split(r"[,+]", wanted)) if wanted is not None else ()
    for pack in packs:
        if not re.fullmatch(r"[A-Za-z][A-Za-z_/]*", pack):
            raise ConfigError("--ocr_languages", "a pack is named by letters and underscores", "write names as in eng,chi_sim", pack)
    return tuple(dict.fromkeys(packs))
