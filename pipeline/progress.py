"""The bar of a local run: workers append one byte for each finished instance, the launcher looks at the size."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

POLL_SECONDS = 0.5
LINE_SECONDS = 10.0


def tick(element: object, file: str) -> object:
    """Count one finished instance, in whatever process this runs, and pass it on."""
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
def watched(file: Path, expected: int, report: Callable[[int, int], None]) -> Iterator[None]:
    """Show progress while the body runs: a bar on a terminal, a line now and then elsewhere.

    `report` gets the count too, and what is expected; what it cannot write down does not matter to the run.
    """
    file.unlink(missing_ok=True)
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(file, expected, report, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        file.unlink(missing_ok=True)


def _watch(file: Path, expected: int, report: Callable[[int, int], None], over: threading.Event) -> None:
    columns = (TextColumn("de-identifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    on_terminal = sys.stderr.isatty()
    with Progress(*columns, disable=not on_terminal) as bar:
        task = bar.add_task("instances", total=expected)
        shown, told, last_line = -1, -1, time.monotonic()
        while True:
            ended = over.wait(POLL_SECONDS)
            count = min(finished(file), expected)
            bar.update(task, completed=count)
            if count != shown:
                with contextlib.suppress(OSError):
                    report(count, expected)
                shown = count
            if not on_terminal and count != told and (ended or time.monotonic() - last_line >= LINE_SECONDS):
                print(f"{count} of {expected} instances", file=sys.stderr, flush=True)
                told, last_line = count, time.monotonic()
            if ended:
                return
