"""One run at a time in a workspace: two would count, gather and clear each other's outcomes.

On a disk the kernel holds the lock, and lets go of it even if the process is killed. On Cloud Storage nobody does: there it is
an object that its holder writes anew every few seconds. Whoever finds one watches it, and takes over what is not written anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from transforms.model import gcs
from transforms.model.errors import PreflightError
from transforms.model.workspace import Workspace

LEASE_SECONDS = 60.0
"""For so long a lock on Cloud Storage that is not written anew counts as held; by the watcher's clock, so that no two are compared."""
_BEATS = 6
"""How often a holder writes it in that time."""


@contextlib.contextmanager
def alone(workspace: Workspace, lease: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold the workspace during the block. A server may run beside.

    Raises PreflightError where another run holds it. After a kill on Cloud Storage it takes `lease` seconds to be sure of it.
    """
    file = workspace.lock_file
    with _flocked(file) if isinstance(file, Path) else _leased(file.uri, lease):
        yield


@contextlib.contextmanager
def _flocked(file: Path) -> Iterator[None]:
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken() from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _leased(uri: str, lease: float) -> Iterator[None]:
    mine = secrets.token_hex(16).encode()
    try:
        generation = _acquire(uri, mine, lease)
    except OSError as error:
        raise PreflightError("--workspace", f"it cannot be locked ({error})", "check its name and your permissions") from None
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(uri, mine, generation, lease, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _acquire(uri: str, mine: bytes, lease: float) -> int:
    """The version of the lock that is ours."""
    gcs.create_if_absent(uri, mine)
    found = gcs.read_generation(uri)
    if found.content == mine:
        return found.number
    print("the workspace is locked: watching whether the run that holds it is alive", file=sys.stderr)
    for _ in range(_BEATS):
        time.sleep(lease / _BEATS)
        try:
            alive = gcs.read_generation(uri).number != found.number
        except FileNotFoundError:
            return _acquire(uri, mine, lease)
        if alive:
            raise _taken()
    taken = gcs.take_over(uri, mine, found.number)
    if taken is None:
        raise _taken()
    return taken


def _keep(uri: str, mine: bytes, generation: int, lease: float, over: threading.Event) -> None:
    """Write the lock anew until it is over, then take it away; who lost it, after a long sleep of the machine, is interrupted."""
    while not over.wait(lease / _BEATS):
        with contextlib.suppress(OSError):  # the next beat may get through
            kept = gcs.take_over(uri, mine, generation) or _ours(uri, mine)
            if kept is None:
                print("another run took the workspace over", file=sys.stderr)
                os.kill(os.getpid(), signal.SIGINT)
                return
            generation = kept
    with contextlib.suppress(OSError):  # then the next run waits for the lease to end
        if _ours(uri, mine):
            gcs.remove(uri)


def _ours(uri: str, mine: bytes) -> int | None:
    """The version that is ours, where an answer was lost on the way."""
    found = gcs.read_generation(uri)
    return found.number if found.content == mine else None


def _taken() -> PreflightError:
    return PreflightError("--workspace", "another run is at work in it", "wait for its end, or name another workspace")
