"""What is asked for: the config in force, consent, and the names under which the run is known."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.dataflow_options import require_reached
from pipeline.documents import read_document
from pipeline.options import Settings
from pipeline.runners import leaves
from transforms.inspection import wanted
from transforms.model.config import SAFE_CONFIG, DeidentifyConfig, DeidentifyDicomStoreRequest, parse_config
from transforms.model.cryptokey import CryptoKey
from transforms.model.endpoints import refuse_credentials, with_version
from transforms.model.errors import ConfigError
from transforms.model.gcs import split
from transforms.model.keys import KeyReference, Purpose, Secret
from transforms.model.names import HEALTHCARE_HOST, LOCAL_FHIR_STORE, Asked, OperationName, local_store
from transforms.model.plan import ActionPlan
from transforms.model.resolve import crypto_keys, resolve, with_api_vrs_only
from transforms.model.storage import create_if_absent
from transforms.model.workspace import Workspace
from transforms.pixels.redactor import Redactor, redactor_of
from transforms.pixels.templates import Template, parse_templates, shipped
from transforms.read.chosen import ChosenReference, read_chosen
from transforms.read.origin import Files, Origin
from transforms.read.origin import Store as SourceStore
from transforms.tags import tables
from transforms.tags.consent import leaves_identity
from transforms.tags.patients import patient_plan, with_patients
from transforms.write.destination import Folder
from transforms.write.destination import Store as DestinationStore

_STORE = re.compile(r"projects/[^/]+/locations/[^/]+/datasets/[^/]+/fhirStores/[^/]+")


@dataclasses.dataclass(frozen=True)
class Request:
    """A config with its plan, and whether asking for it was consent to what it leaves."""

    config: DeidentifyConfig
    plan: ActionPlan
    consented: bool
    recorded: str
    """What Provenance says of the config: its JSON, or which version of which object on Cloud Storage it was."""
    chosen: ChosenReference | None = None
    """The instances that the request is about; None: all."""


@dataclasses.dataclass(frozen=True)
class StoreAddress:
    """Where Provenance goes. `url` is None for the embedded store, which has no address before it runs."""

    name: str
    """`projects/…/fhirStores/ID`, or the base URL of a plain FHIR server; part of what is published."""
    url: str | None


def read_request(settings: Settings) -> Request:
    """The request of a run. Raises ConfigError."""
    config, origin = _config(settings)
    consented = settings.asked is not None or settings.allow_identifiable
    return Request(config, _plan(settings, config), consented, origin or config.to_json(), _chosen(settings.asked))


def _config(settings: Settings) -> tuple[DeidentifyConfig, str]:
    """The config in force, and which version of which object on Cloud Storage it is; empty where it is none."""
    if settings.asked is not None:
        return config_asked(settings.asked)
    return _read_config("--config", settings.config) if settings.config is not None else (SAFE_CONFIG, "")


def config_asked(request: DeidentifyDicomStoreRequest) -> tuple[DeidentifyConfig, str]:
    """The same of a request, which has a config or names one on Cloud Storage. Raises ConfigError."""
    at, given = "request.gcsConfigUri", request.gcs_config_uri
    if given is None:
        return request.config or SAFE_CONFIG, ""
    if request.config is not None:
        raise ConfigError(at, "config and gcsConfigUri exclude each other", "give one of them")
    split(given, at)
    return _read_config(at, given)


def _read_config(at: str, given: str) -> tuple[DeidentifyConfig, str]:
    document = read_document(at, given)
    return parse_config(document.text), document.origin


def _chosen(asked: DeidentifyDicomStoreRequest | None) -> ChosenReference | None:
    if asked is None or asked.filter_config is None:
        return None
    uri = asked.filter_config.resource_paths_gcs_uri
    split(uri, "request.filterConfig.resourcePathsGcsUri")
    return ChosenReference(uri, read_chosen(uri).digest)


def _plan(settings: Settings, config: DeidentifyConfig) -> ActionPlan:
    """A raw key of a config stays in a workspace on this machine; where there is none it is refused (DESIGN 4)."""

    def place(key: CryptoKey | KeyReference) -> KeyReference:
        return key if isinstance(key, KeyReference) else KeyReference(f"file:{settings.workspace.crypto_key_file(key.fingerprint)}")

    resolved = resolve(config, place if settings.is_local and not settings.workspace.is_remote else None)
    plan = with_patients(resolved, patient_plan(settings.patient_id, settings.patient_map))
    plan = with_api_vrs_only(plan) if settings.api_vrs_only else plan
    plan = dataclasses.replace(plan, dlp_parent=settings.dlp_parent)
    wanted.require_known(plan)
    return plan


def redactor(settings: Settings, plan: ActionPlan) -> Callable[[], Redactor]:
    """What makes the redactor of a run, once a worker. Raises ConfigError where a file of templates cannot be read."""
    templates = {template.name: template for template in (*shipped(), *_own_templates(settings))}
    return functools.partial(
        redactor_of,
        plan.image,
        settings.text_search,
        settings.ocr_languages,
        second_look=not settings.no_second_look,
        templates=tuple(templates.values()),
        phrase_tags=tables.NAMED,
        overlays=plan.searches_overlays,
        dlp_parent=plan.dlp_parent,
    )


def _own_templates(settings: Settings) -> tuple[Template, ...]:
    option = "--pixel_templates"
    return parse_templates(read_document(option, settings.pixel_templates).text, option) if settings.pixel_templates else ()


def keep_keys(config: DeidentifyConfig, workspace: Workspace) -> None:
    """Put each raw key of a config into a file of its own, mode 0600."""
    for key in crypto_keys(config):
        create_if_absent(workspace.crypto_key_file(key.fingerprint), key.file_content(), 0o600)


def check_keys(plan: ActionPlan) -> None:
    """Raise PreflightError where a key of the config cannot be had; the workers fetch it again, for themselves."""
    for reference in {rule.key for rule in plan.text.transformations if rule.key is not None}:
        reference.purpose_key(Purpose.HASH)


def check_inspection(plan: ActionPlan) -> None:
    """Raise PreflightError where Cloud DLP is the engine and does not inspect for us, or does not know an infoType of the config."""
    if plan.dlp_parent:
        from transforms.inspection.dlp import check_dlp  # noqa: PLC0415 - Google's client takes seconds to import

        check_dlp(plan.dlp_parent, wanted.of_text(plan.text) | wanted.of_image(plan.image))


def require_consent(request: Request) -> list[str]:
    """What the plan can leave behind, a line each. Raises ConfigError where nobody consented to it (DESIGN 16)."""
    lines = leaves_identity(request.plan)
    if lines and not request.consented:
        raise ConfigError(
            "config", f"this plan can leave identity behind ({'; '.join(lines)})", "consent by --allow_identifiable, or change it"
        )
    return lines


def store_address(settings: Settings, config: DeidentifyConfig) -> StoreAddress:
    """Which FHIR store is meant: the option, else the config's `operationMetadata`, else the embedded one."""
    named = settings.fhir_store or config.fhir_store or LOCAL_FHIR_STORE
    if named.startswith(("http://", "https://")):
        refuse_credentials("--fhir_store", named, "--fhir_token_uri")
        path = re.search(_STORE, named)
        address = StoreAddress(path[0] if path else named.rstrip("/"), named.rstrip("/"))
    elif not re.fullmatch(_STORE, named):
        raise ConfigError("--fhir_store", "a store is projects/P/locations/L/datasets/D/fhirStores/F or a URL", "correct the name", named)
    elif settings.healthcare_endpoint is None:
        _refuse_embedded(settings.workspace)
        address = StoreAddress(named, None)
    else:
        address = StoreAddress(named, f"{with_version(settings.healthcare_endpoint, 'v1beta1')}/{named}")
    if address.url and leaves(settings.runner):
        require_reached("--fhir_store", address.url, settings.beam)
    if address.url and urlsplit(address.url).hostname == HEALTHCARE_HOST and settings.fhir_write_ops_per_minute is None:
        raise ConfigError(
            "--fhir_write_ops_per_minute", "the quota of a store on Google Cloud cannot be guessed", "give the project's fhir_write_ops"
        )
    return address


def _refuse_embedded(workspace: Workspace) -> None:
    if workspace.is_remote:
        why = "the embedded FHIR store needs a workspace on this machine"
        raise ConfigError("--fhir_store", why, "name a store by its URL, or its server by --healthcare_endpoint")


def asked_for(settings: Settings, request: Request, store: StoreAddress, secret: Secret) -> Asked:
    """Keyed hashes of all that decides what is published and what is told of it (DESIGN 10)."""
    flags = (str(settings.provenance_for_held), str(settings.api_vrs_only))
    how = [settings.on_uid_collision, settings.provenance_phi, settings.provenance_shape, *flags]
    how += [settings.text_search, "+".join(settings.ocr_languages)]
    how += ["no second look"] if settings.no_second_look else []
    how += [f"Cloud DLP {settings.dlp_parent}"] if settings.dlp_parent else []
    how += [repr(_own_templates(settings))] if settings.pixel_templates else []
    who = (settings.patient_id, request.plan.patients.map_digest, str(settings.writes_maps))
    key, where = secret.purpose(Purpose.OPERATION), (settings.source, settings.destination)

    def hashed(chosen: str) -> str:
        return key.hex("operation", *where, request.config.to_json(), store.name, *how, *who, chosen)

    return Asked(hashed(request.chosen.digest if request.chosen else ""), hashed(""))


def origin_of(settings: Settings, chosen: ChosenReference | None) -> Origin:
    """Where the run's instances come from."""
    return SourceStore(settings.source_store, chosen) if settings.source_store else Files(settings.source)


def destination_of(settings: Settings) -> Folder | DestinationStore:
    """Where they go."""
    return DestinationStore(settings.destination_store) if settings.destination_store else Folder(settings.destination)


def operation_name(settings: Settings, request: Request, store: StoreAddress, secret: Secret) -> OperationName:
    """The names of a run. Its id is what it is asked for, unless it is named."""
    key = secret.purpose(Purpose.OPERATION)
    return OperationName(
        operation_id=settings.operation_id or asked_for(settings, request, store, secret).exactly,
        source_store=settings.source_store.base if settings.source_store else local_store(key, settings.source),
        destination_store=settings.destination_store.base if settings.destination_store else local_store(key, settings.destination),
        fhir_store=store.name,
    )
