"""CPU that a search takes, in this process and in those that it started, whether they have ended or wait for the next page."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """User and system time up to now, in seconds: of this process, its ended children, and the living ones of this thread (Linux)."""
    living = Path("/proc/thread-self/children").read_text().split()
    return sum(os.times()[:4]) + sum(map(_of_living, living)) / _TICKS


def _of_living(pid: str) -> int:
    """Ticks of a process and of its own ended children: fields 14 to 17 of its `stat` (proc(5)), counted behind its name in brackets."""
    fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
