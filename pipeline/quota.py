"""Among how many processes a project's quota is shared out: each keeps to its part, so their number must have a bound."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, FlinkRunnerOptions, PortableOptions, WorkerOptions

from pipeline.capacity import cores_of
from pipeline.remote import is_local
from pipeline.runners import LOCAL_RUNNERS, leaves
from transforms.model.errors import ConfigError

_SHARED = "--dicomweb_ops_per_minute is shared out among"


def processes(runner: str, beam: Sequence[str]) -> int:
    """How many processes there are at most, each of which takes its share of a quota; threads of one process share its share.

    Raises ConfigError, which names the option that has to say it, where nothing does.
    """
    options = list(beam)
    if runner.lower() in LOCAL_RUNNERS and is_local(runner, beam):
        direct = DirectOptions(options)
        return (direct.direct_num_workers or os.cpu_count() or 1) if direct.direct_running_mode == "multi_processing" else 1
    if leaves(runner):
        return _dataflow_workers(options) * _harnesses_a_worker(options)
    if is_local(runner, beam) and not DebugOptions(options).lookup_experiment("use_loopback_process_worker"):
        return 1  # LOOPBACK: threads of the launcher
    return _portable(runner, options)


def _dataflow_workers(options: list[str]) -> int:
    workers = WorkerOptions(options)
    if workers.autoscaling_algorithm == "NONE" and (workers.num_workers or 0) > 0:
        return int(workers.num_workers)
    if (workers.max_num_workers or 0) < 1:
        raise ConfigError("--max_num_workers", f"{_SHARED} the processes of at most this many workers", "name it")
    return int(workers.max_num_workers)


def _harnesses_a_worker(options: list[str]) -> int:
    """A worker on Dataflow starts a process a core, unless it is told to start one."""
    if DebugOptions(options).lookup_experiment("no_use_multiple_sdk_containers"):
        return 1
    machine = WorkerOptions(options).machine_type or ""
    cores = cores_of(machine)
    if cores is None:
        why = f"{_SHARED} the processes of all workers, one a core, and the machine type does not tell how many cores a worker has"
        raise ConfigError("--machine_type", why, "name one that ends in their number, such as n2-highmem-2", machine)
    return cores


def _portable(runner: str, options: list[str]) -> int:
    """Flink starts so many processes on each task manager, and takes part of no more task managers than its parallelism."""
    if runner.lower() != "portablerunner":
        raise ConfigError("--dicomweb_ops_per_minute", f"nothing bounds the processes of {runner} that would share it", "leave it out")
    parallelism, each = FlinkRunnerOptions(options).parallelism, str(PortableOptions(options).sdk_worker_parallelism)
    if parallelism < 1:
        raise ConfigError("--parallelism", f"{_SHARED} the processes of at most this many workers", "name it")
    if not re.fullmatch(r"[1-9]\d*", each):
        raise ConfigError("--sdk_worker_parallelism", f"{_SHARED} so many processes a worker", "give a number, 1 or more", each)
    return parallelism * int(each)
