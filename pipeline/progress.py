"""The bar of a local run: workers append one byte for each finished instance, the launcher looks at the size."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from transforms.model.places import place_of, scratch
from transforms.model.workspace import Workspace

POLL_SECONDS = 0.5
LINE_SECONDS = 10.0
REMOTE_SECONDS = 5.0
"""Between reports to Cloud Storage, which takes one version of an object a second."""


def tick(element: object, file: str | None) -> object:
    """Count one finished instance, in whatever process of this machine, and pass it on; without a file nobody looks."""
    if file is None:
        return element
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, b".")
    finally:
        os.close(handle)
    return element


def finished(file: Path) -> int:
    """How many instances were counted so far."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def watched(workspace: Workspace, expected: int, report: Callable[[int, int], None]) -> Iterator[str]:
    """Show progress of a local run while the body runs: a bar on a terminal, a line now and then elsewhere.

    Yields the file that workers are to `tick`. `report` gets the count too, and what is expected; what it cannot write down does
    not matter to the run.
    """
    over = threading.Event()
    seconds = REMOTE_SECONDS if workspace.is_remote else 0.0
    with scratch(place_of(workspace.root)) as beside:
        file = beside / "progress"
        watcher = threading.Thread(target=_watch, args=(file, expected, report, seconds, over), daemon=True)
        watcher.start()
        try:
            yield str(file)
        finally:
            over.set()
            watcher.join()


def _watch(file: Path, expected: int, report: Callable[[int, int], None], seconds: float, over: threading.Event) -> None:
    columns = (TextColumn("de-identifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    on_terminal = sys.stderr.isatty()
    with Progress(*columns, disable=not on_terminal) as bar:
        task = bar.add_task("instances", total=expected)
        shown, told, last_line = -1, -1, time.monotonic()
        reported = -math.inf
        while True:
            ended = over.wait(POLL_SECONDS)
            count = min(finished(file), expected)
            bar.update(task, completed=count)
            if count != shown and (ended or time.monotonic() - reported >= seconds):
                with contextlib.suppress(OSError):
                    report(count, expected)
                shown, reported = count, time.monotonic()
            if not on_terminal and count != told and (ended or time.monotonic() - last_line >= LINE_SECONDS):
                print(f"{count} of {expected} instances", file=sys.stderr, flush=True)
                told, last_line = count, time.monotonic()
            if ended:
                return
