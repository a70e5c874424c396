"""Runs whose workers are not on this machine: what is refused before anything is submitted, and what they start with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from apache_beam.options.pipeline_options import (
    DebugOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

from pipeline.runners import LOCAL_RUNNERS, TAKES_ENVIRONMENT, is_given
from transforms.model.dicom_store import is_store
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.gcs import is_gcs
from transforms.model.places import is_empty, place_of

DATAFLOW = "DataflowRunner"
LOOPBACK = "LOOPBACK"
"""The environment in which the launcher's own process works for an engine beside it."""
OWN_CLUSTER = frozenset({"[local]", "[auto]"})
"""Values of --flink_master at which Beam takes LOOPBACK unless told otherwise."""
HARNESS_THREADS = 1
"""Instances that a worker's process has open at a time: it starts a process a core, and pixels are what fills memory."""
MIN_RAM = "min_ram=8GB"
"""For Dataflow Prime. One hint for the whole job: steps with hints of their own would not be fused with others (DESIGN 1)."""
PRISM_SECONDS = 30 * 24 * 3600
"""How long a run on Prism may take. Beam ends it at --job_server_timeout, 300 s, for Prism tells of a run in answer to one call."""

_SAMPLES = ("enable_data_sampling", "enable_always_on_exception_sampling")
_NO_SAMPLES = "disable_always_on_exception_sampling"
"""Dataflow keeps the element at which a step fails, unless told not to, and shows it on the job's page: here, names of sources."""


def is_local(runner: str, beam: Sequence[str]) -> bool:
    """Whether the workers are on this machine: Beam's own runners, or an engine whose workers are in the launcher's process."""
    environment = PortableOptions(list(beam)).environment_type
    if runner.lower() in LOCAL_RUNNERS:
        return runner.lower() not in TAKES_ENVIRONMENT or environment in (None, LOOPBACK)
    if environment is None and runner.lower() == "flinkrunner":
        return FlinkRunnerOptions(list(beam)).flink_master in OWN_CLUSTER
    return environment == LOOPBACK


def leaves(runner: str) -> bool:
    """Whether the launcher is done when the job is submitted."""
    return runner.lower() == DATAFLOW.lower()


def failure_ratio(given: float | None, runner: str) -> float | None:
    """`--max_failure_ratio`, the part of instances that may fail before the job does.

    Raises ConfigError where it is none, or where a launcher waits for the run.
    """
    if given is not None and not 0 <= given <= 1:
        raise ConfigError("--max_failure_ratio", "it is a part of all instances", "give a number from 0 to 1", str(given))
    if given is not None and not leaves(runner):
        raise ConfigError("--max_failure_ratio", "the launcher waits for the run, and tells by its exit code", "leave it out")
    return given


def check_remote(runner: str, beam: Sequence[str], named: Mapping[str, str | None]) -> None:
    """Raise ConfigError where workers elsewhere could not do what the options ask; `named` are ours, by option without dashes."""
    if not named["key_uri"]:
        raise ConfigError("--key_uri", f"{runner} has no workspace to keep a key in", "name the key by --key_uri")
    for option in ("source", "destination", "workspace", "quarantine", "patient_map"):
        if (place := named[option]) and not is_gcs(place) and not is_store(place):
            why = f"workers of {runner} do not see this machine's disk"
            raise ConfigError(f"--{option}", why, "name gs://BUCKET/…, or let the workers be here by --environment_type=LOOPBACK")
    for option, mend in (
        ("key_uri", "name it by gs://, secret: or kms:"),
        ("fhir_token_uri", "name a store that takes Google's credentials"),
        ("dicom_token_uri", "name stores that take Google's credentials"),
    ):
        if re.match(r"([^,=/]+=)?(file|env):", named[option] or ""):
            raise ConfigError(f"--{option}", f"workers of {runner} have neither this machine's files nor its environment", mend)
    if leaves(runner):
        _check_dataflow(runner, beam, named)
    portable = PortableOptions(list(beam))
    if leaves(runner) or (portable.environment_type in (None, "DOCKER") and not portable.environment_config):
        _require_image(beam)


def _require_image(beam: Sequence[str]) -> None:
    if not WorkerOptions(list(beam)).sdk_container_image:
        raise ConfigError("--sdk_container_image", "workers of the stock image have neither Tesseract nor this program", "name our image")


def _check_dataflow(runner: str, beam: Sequence[str], named: Mapping[str, str | None]) -> None:
    for option in ("write_uid_map", "write_patient_map"):
        if named[option]:
            raise ConfigError(f"--{option}", "it is written at the end of a run, which the launcher does not wait for", "leave it out")
    for experiment in _SAMPLES:
        if DebugOptions(list(beam)).lookup_experiment(experiment):
            why = "Dataflow would keep samples of what steps pass on, which name sources"
            raise ConfigError("--experiments", why, "leave it out", experiment)
    google = GoogleCloudOptions(list(beam))
    for option in ("project", "region", "temp_location"):
        if not getattr(google, option):
            raise ConfigError(f"--{option}", f"{runner} needs it", "add it")
    for option, form in (("project", PipelineOptionsValidator.PROJECT_ID_PATTERN), ("job_name", PipelineOptionsValidator.JOB_PATTERN)):
        if (name := getattr(google, option)) and not re.fullmatch(form, name):
            raise ConfigError(f"--{option}", "Dataflow takes no such name", "write small letters and digits, dashes between them", name)
    for option in ("temp_location", "staging_location"):
        if (place := getattr(google, option)) and PipelineOptionsValidator(google, None).validate_gcs_path(google, option):
            raise ConfigError(f"--{option}", "it is a folder on Cloud Storage", "write gs://BUCKET/FOLDER", place)


def check_staging(beam: Sequence[str]) -> None:
    """Raise PreflightError unless the buckets of temp and staging location are there: Beam asks for them when it submits the job."""
    google = GoogleCloudOptions(list(beam))
    for option in ("temp_location", "staging_location"):
        if place := getattr(google, option):
            try:
                is_empty(place_of(place))
            except OSError as error:
                why = f"its bucket cannot be listed ({error})"
                raise PreflightError(f"--{option}", why, "make it, or grant storage.objects.list on it", place) from None


def apply_defaults(options: PipelineOptions, runner: str, beam: Sequence[str], operation_id: str) -> None:
    """What a job starts with where nobody says otherwise (docs/dataflow.md says why for Dataflow)."""
    if runner.lower() in LOCAL_RUNNERS and not is_given("job_server_timeout", PortableOptions, beam):
        options.view_as(PortableOptions).job_server_timeout = PRISM_SECONDS
    if leaves(runner):
        _apply_dataflow(options, beam, operation_id)


def _apply_dataflow(options: PipelineOptions, beam: Sequence[str], operation_id: str) -> None:
    debug, google, standard = (options.view_as(kind) for kind in (DebugOptions, GoogleCloudOptions, StandardOptions))
    debug.add_experiment(_NO_SAMPLES)
    debug.number_of_worker_harness_threads = debug.number_of_worker_harness_threads or HARNESS_THREADS
    standard.resource_hints = standard.resource_hints or [MIN_RAM]
    google.job_name = google.job_name or f"dicom-deid-{operation_id.lower().replace('.', '-')}".rstrip("-")
    if not is_given("sdk_location", SetupOptions, beam):
        options.view_as(SetupOptions).sdk_location = "container"
