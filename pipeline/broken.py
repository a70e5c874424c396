"""A run that does not come to its end: what its operation, and the person who started it, are told."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator

from apache_beam.runners.runner import PipelineResult, PipelineState

from pipeline.faults import BrokenOffError
from pipeline.operation import Clock, Operation
from pipeline.operation_row import CANCELLED
from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder

_STEP = re.compile(r" \[while running '[^']*'\]")
"""What the runner puts into an exception."""
END_SECONDS = 20.0
"""Within which a job that is cancelled is at its end, as a rule; nobody waits longer."""
POLL_SECONDS = 0.2


@contextlib.contextmanager
def told_if_broken(operation: Operation, clock: Clock) -> Iterator[None]:
    """A run that breaks off says so in its operation, and why, if that is expected; the traceback, whose texts may hold PHI, stays in
    the workspace.
    """
    try:
        with _heeded() as interrupted:
            yield
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last net: whatever a runner raises
        if interrupted.is_set() or operation.folder.is_cancelled():
            operation.fail("interrupted; start the same command again to go on", clock(), CANCELLED)
            raise KeyboardInterrupt from None
        expected = isinstance(error, (ConfigError, PreflightError, StoreError))
        why = _STEP.sub("", str(error)).rstrip(".") if expected else type(error).__name__
        file = operation.folder.failure_file
        with contextlib.suppress(OSError):  # a full disk may be the reason
            replace(file, traceback.format_exc().encode(errors="backslashreplace"))
            operation.fail(f"the run broke off ({why}); start the same command again to go on", clock())
        see = "" if expected else f"see {file}, then "
        raise BrokenOffError(f"the run broke off ({why}); {see}start the same command again to go on.") from None


@contextlib.contextmanager
def given_up_if_broken(folder: OperationFolder) -> Iterator[Callable[[PipelineResult], None]]:
    """A run that breaks off during the block has the operation in hand no more, and its job, as soon as the block names it, is cancelled.

    Workers elsewhere, which nobody may be able to stop, see the former before they publish, and before they conclude. `folder` is the
    operation's on behalf of the run: where another has begun by now, that one goes on.
    """
    jobs: list[PipelineResult] = []
    try:
        yield jobs.append
    except BaseException:
        with contextlib.suppress(OSError):
            if not folder.is_given_up():
                remove(folder.run_file)
        for job in jobs:
            _cancel(job)
        raise


def _cancel(job: PipelineResult) -> None:
    deadline = time.monotonic() + END_SECONDS
    with contextlib.suppress(Exception):  # the engine is gone, or cannot
        job.cancel()
        while not PipelineState.is_terminal(job.state) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def _heeded() -> Iterator[threading.Event]:
    """Ctrl-C ends the run, even where a worker or a codec in this process took the interrupt for a fault of its own."""
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: types.FrameType | None) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt) if threading.current_thread() is threading.main_thread() else None
    try:
        yield interrupted
        if interrupted.is_set():
            raise KeyboardInterrupt
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
