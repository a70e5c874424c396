"""Runs whose workers are not on this machine: what is refused before anything is submitted, and what they start with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, WorkerOptions

from pipeline.dataflow_options import apply_dataflow, check_dataflow
from pipeline.runners import LOCAL_RUNNERS, TAKES_ENVIRONMENT, is_given, leaves
from transforms.model.dicom_store import is_store
from transforms.model.errors import ConfigError
from transforms.model.gcs import is_gcs

LOOPBACK = "LOOPBACK"
"""The environment in which the launcher's own process works for an engine beside it."""
PRISM_SECONDS = 30 * 24 * 3600
"""How long a run on Prism may take. Beam ends it at --job_server_timeout, 300 s, for Prism tells of a run in answer to one call."""


def is_local(runner: str, beam: Sequence[str]) -> bool:
    """Whether the workers are on this machine: Beam's own runners, or an engine whose workers are in the launcher's process."""
    if leaves(runner):
        return False
    environment = PortableOptions(list(beam)).environment_type
    if runner.lower() in LOCAL_RUNNERS:
        return runner.lower() not in TAKES_ENVIRONMENT or environment in (None, LOOPBACK)
    return environment == LOOPBACK


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
            here = "" if leaves(runner) else ", or let the workers be here by --environment_type=LOOPBACK"
            raise ConfigError(f"--{option}", why, f"name gs://BUCKET/…{here}")
    for option, mend in (
        ("key_uri", "name it by gs://, secret: or kms:"),
        ("fhir_token_uri", "name a store that takes Google's credentials"),
        ("dicom_token_uri", "name stores that take Google's credentials"),
    ):
        if re.search(r"(^([^,=/]+=)?|#)(file|env):", named[option] or ""):
            raise ConfigError(f"--{option}", f"workers of {runner} have neither this machine's files nor its environment", mend)
    if leaves(runner):
        check_dataflow(runner, beam, named)
    portable = PortableOptions(list(beam))
    if leaves(runner) or (portable.environment_type in (None, "DOCKER") and not portable.environment_config):
        _require_image(beam)


def _require_image(beam: Sequence[str]) -> None:
    if not WorkerOptions(list(beam)).sdk_container_image:
        raise ConfigError("--sdk_container_image", "workers of the stock image have neither Tesseract nor this program", "name our image")


def apply_defaults(options: PipelineOptions, runner: str, beam: Sequence[str], operation_id: str, write_ops_per_minute: int | None) -> None:
    """What a job starts with where nobody says otherwise."""
    if runner.lower() in LOCAL_RUNNERS and not is_given("job_server_timeout", PortableOptions, beam):
        options.view_as(PortableOptions).job_server_timeout = PRISM_SECONDS
    if leaves(runner):
        apply_dataflow(options, beam, operation_id, write_ops_per_minute)
