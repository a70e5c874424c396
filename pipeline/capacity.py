"""How many instances are worked on at a time, and how many the write quota of a FHIR store feeds."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, FlinkRunnerOptions, WorkerOptions

from pipeline.runners import leaves

if TYPE_CHECKING:
    from pipeline.options import Settings

HARNESS_THREADS = 1
"""Instances that a process of a worker on Dataflow has open at a time: there is one a core, and pixels are what fills memory."""
SUPPOSED = 0.145
"""Seconds of CPU that an instance is supposed to take where none was measured: those of a CT of 512×512 (docs/scale.md)."""
_CORES = re.compile(r"(?:.*-)?custom-(\d+)-.*|.*-(\d+)(?:-metal|-\w*lssd)?")
"""How many cores a machine type of Compute Engine has, by its name; machines with accelerators tell only of those."""


def cores_of(machine: str) -> int | None:
    """How many cores a machine type has; None where its name does not tell."""
    found = _CORES.fullmatch(machine)
    return int(found[1] or found[2]) if found else None


def _cores_each(remote: WorkerOptions) -> int:
    return cores_of(remote.machine_type or "") or 1


def cores_fed(seconds_each: float, write_ops_per_minute: int) -> int:
    """As many cores as de-identify in the time that the quota takes to write, where an instance takes so much of a core."""
    return math.ceil(write_ops_per_minute * seconds_each / 60)


def workers(settings: Settings) -> int:
    """How many instances the options have worked on at a time at most, a core each; one where they leave it to the runner."""
    options = list(settings.beam)
    if settings.is_local:
        cores = os.cpu_count() or 1
        return min(DirectOptions(options).direct_num_workers or cores, cores)
    remote = WorkerOptions(options)
    bound = most_workers(options, settings.fhir_write_ops_per_minute) if leaves(settings.runner) else remote.max_num_workers
    scaled = None if remote.autoscaling_algorithm == "NONE" else bound
    machines: int = scaled or remote.num_workers or max(FlinkRunnerOptions(options).parallelism, 1)
    return machines * _cores_each(remote)


def threads(settings: Settings) -> int:
    """How many instances a core has open at a time: engines other than Dataflow give each worker one."""
    given: int | None = DebugOptions(list(settings.beam)).number_of_worker_harness_threads
    return (given or HARNESS_THREADS) if leaves(settings.runner) else 1


def most_workers(beam: Sequence[str], write_ops_per_minute: int | None) -> int | None:
    """How many machines Dataflow may start at most: as `--max_num_workers` says, else those that the quota feeds, if there is one."""
    remote = WorkerOptions(list(beam))
    if remote.max_num_workers or not write_ops_per_minute:
        return remote.max_num_workers or None
    machines = math.ceil(cores_fed(SUPPOSED, write_ops_per_minute) / _cores_each(remote))
    return max(machines, remote.num_workers or 1)
