"""The job server of a portable engine: one is named, and it answers before an operation begins.

Beam would say the first in the middle of a run, the second after minutes, and would download what is not named.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PortableOptions, PrismRunnerOptions

from transforms.model.errors import ConfigError, PreflightError

EMBEDDED = "embed"
"""In place of an address: Beam's own, in the launcher's process."""
PATIENCE = 5.0
"""Seconds in which a job server must take a connection."""
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:/\[\]\s]+)):(\d{1,5})")
_NEEDED = {"portablerunner": "--job_endpoint", "prismrunner": "--prism_location"}
"""Runners that need a job server, in small letters, and what says where theirs is."""


def check_job_server(runner: str, beam: Sequence[str]) -> None:
    """Raise ConfigError where the options of a portable runner name no job server, or none that there can be."""
    endpoint, needed = PortableOptions(list(beam)).job_endpoint, _NEEDED.get(runner.lower())
    if needed is None:
        return
    if endpoint:
        if endpoint != EMBEDDED and _parts(endpoint) is None:
            raise ConfigError("--job_endpoint", "this is no address of a job server", "write HOST:PORT", endpoint)
    elif needed == "--job_endpoint":
        raise ConfigError(needed, f"{runner} gives its job to a server", "start one, and name it as HOST:PORT")
    elif not PrismRunnerOptions(list(beam)).prism_location:
        raise ConfigError(needed, "Beam would download the program of Prism", "name one that is there")


def reach_job_server(runner: str, beam: Sequence[str]) -> None:
    """Raise PreflightError unless the job server that the options name takes a connection; one that Beam starts is none yet."""
    endpoint = PortableOptions(list(beam)).job_endpoint if runner.lower() in _NEEDED else None
    if address := _parts(endpoint or EMBEDDED):
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
        except OSError as fault:
            why = f"nobody answers there ({fault.strerror or type(fault).__name__})"
            raise PreflightError("--job_endpoint", why, "start the job server, or correct its address", endpoint or "") from None


def _parts(endpoint: str) -> tuple[str, int] | None:
    """Host and port; None where it is no such address."""
    found = _ADDRESS.fullmatch(endpoint)
    return (found[1] or found[2], int(found[3])) if found and 0 < int(found[3]) < 2**16 else None
