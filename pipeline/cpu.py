"""CPU that this process and all that it started have taken: what work costs, whatever else the machine does meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TASKS = Path("/proc/self/task")


def cpu_seconds() -> float:
    """User and system time up to now, in seconds: of this process, of its children that have ended, and of those that live.

    A program that keeps a model loaded is one of the last. Only Linux tells of these while they run.
    """
    return sum(os.times()[:4]) + sum(map(_of_living, _living()))


def _living() -> Iterator[str]:
    """Process ids of children, which each thread has its own of."""
    for task in _TASKS.glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # the thread has just ended
            yield from task.read_text().split()


def _of_living(pid: str) -> float:
    """Seconds of a process and of its own ended children: fields 14 to 17 of its `stat` (proc(5)), counted behind its name in brackets."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0
