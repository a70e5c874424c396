"""A job for Dataflow: what is refused before it is submitted, and what it starts with (docs/dataflow.md says why)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

from pipeline.apart import keep_staged_apart
from pipeline.capacity import HARNESS_THREADS, most_workers
from pipeline.runners import is_given
from transforms.model.endpoints import is_for_itself
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import is_empty, place_of

MIN_RAM = "min_ram=8GB"
"""For Dataflow Prime. One hint for the whole job: steps with hints of their own would not be fused with others (DESIGN 1)."""

_FOLDERS = ("temp_location", "staging_location")
_SAMPLES = ("enable_data_sampling", "enable_always_on_exception_sampling")
_NO_SAMPLES = "disable_always_on_exception_sampling"
"""Dataflow keeps the element at which a step fails, unless told not to, and shows it on the job's page: here, names of sources."""


def check_dataflow(runner: str, beam: Sequence[str], named: Mapping[str, str | None]) -> None:
    """Raise ConfigError where Dataflow could not do what the options ask; `named` are ours, by option without dashes."""
    for option in ("write_uid_map", "write_patient_map"):
        if named[option]:
            raise ConfigError(f"--{option}", "it is written at the end of a run, which the launcher does not wait for", "leave it out")
    for option in ("source", "destination", "quarantine", "healthcare_endpoint", "bigquery_endpoint"):
        if (url := named[option]) and url.startswith(("http://", "https://")):
            require_reached(f"--{option}", url, beam)
    _check_workers(beam)
    _check_job(runner, beam)
    _check_staged(beam, str(named["source"]), str(named["destination"]))


def require_reached(option: str, url: str, beam: Sequence[str]) -> None:
    """Raise ConfigError where workers are to ask a server that only this machine reaches, unless Dataflow itself is such a one."""
    service = GoogleCloudOptions(list(beam)).dataflow_endpoint
    if is_for_itself(option, url) and not is_for_itself("--dataflow_endpoint", service):
        why = "workers on Dataflow do not reach a server that only this machine does"
        raise ConfigError(option, why, "name one by an address that they reach")


def _check_workers(beam: Sequence[str]) -> None:
    for option in ("environment_type", "environment_config"):
        if given := getattr(PortableOptions(list(beam)), option):
            raise ConfigError(f"--{option}", "Dataflow's workers run in the image of --sdk_container_image", "leave it out", given)
    for experiment in _SAMPLES:
        if DebugOptions(list(beam)).lookup_experiment(experiment):
            why = "Dataflow would keep samples of what steps pass on, which name sources"
            raise ConfigError("--experiments", why, "leave it out", experiment)


def _check_job(runner: str, beam: Sequence[str]) -> None:
    google = GoogleCloudOptions(list(beam))
    for option in ("project", "region", "temp_location"):
        if not getattr(google, option):
            raise ConfigError(f"--{option}", f"{runner} needs it", "add it")
    for option, form in (("project", PipelineOptionsValidator.PROJECT_ID_PATTERN), ("job_name", PipelineOptionsValidator.JOB_PATTERN)):
        if (name := getattr(google, option)) and not re.fullmatch(form, name):
            raise ConfigError(f"--{option}", "Dataflow takes no such name", "write small letters and digits, dashes between them", name)


def _check_staged(beam: Sequence[str], source: str, destination: str) -> None:
    google = GoogleCloudOptions(list(beam))
    for option in _FOLDERS:
        if (place := getattr(google, option)) and PipelineOptionsValidator(google, None).validate_gcs_path(google, option):
            raise ConfigError(f"--{option}", "it is a folder on Cloud Storage", "write gs://BUCKET/FOLDER", place)
    given = {option: getattr(google, option) for option in (*_FOLDERS, "template_location")}
    keep_staged_apart({option: place for option, place in given.items() if place}, source, destination)


def check_staging(beam: Sequence[str]) -> None:
    """Raise PreflightError unless the buckets of temp and staging location are there: Beam asks for them when it submits the job."""
    google = GoogleCloudOptions(list(beam))
    for option in _FOLDERS:
        if place := getattr(google, option):
            try:
                is_empty(place_of(place))
            except OSError as error:
                why = f"its bucket cannot be listed ({error})"
                raise PreflightError(f"--{option}", why, "make it, or grant storage.objects.list on it", place) from None


def apply_dataflow(options: PipelineOptions, beam: Sequence[str], operation_id: str, write_ops_per_minute: int | None) -> None:
    """What a job starts with where nobody says otherwise."""
    debug, google, standard = (options.view_as(kind) for kind in (DebugOptions, GoogleCloudOptions, StandardOptions))
    debug.add_experiment(_NO_SAMPLES)
    debug.number_of_worker_harness_threads = debug.number_of_worker_harness_threads or HARNESS_THREADS
    workers = options.view_as(WorkerOptions)
    if workers.autoscaling_algorithm != "NONE":
        workers.max_num_workers = most_workers(beam, write_ops_per_minute)
    standard.resource_hints = standard.resource_hints or [MIN_RAM]
    google.job_name = google.job_name or f"dicom-deid-{operation_id.lower().replace('.', '-')}".rstrip("-")
    if not is_given("sdk_location", SetupOptions, beam):
        options.view_as(SetupOptions).sdk_location = "container"
