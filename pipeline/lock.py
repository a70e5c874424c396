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
_GLANCES = 5
_GLANCE_SECONDS = 0.1
"""Who asks `is_held` of a lock on a disk holds it for a moment itself: a run tries so often, so far apart, before it is refused."""


@contextlib.contextmanager
def alone(workspace: Workspace, lease: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold the workspace during the block. A server may run beside.

    Raises PreflightError where another run holds it. After a kill on Cloud Storage it takes `lease` seconds to be sure of it.
    """
    file = workspace.lock_file
    with _flocked(file) if isinstance(file, Path) else _leased(file.uri, lease):
        yield


def is_held(workspace: Workspace, lease: float = LEASE_SECONDS) -> bool:
    """Whether a run is at work in the workspace. On Cloud Storage it takes up to `lease` seconds to be sure that none is."""
    file = workspace.lock_file
    if not isinstance(file, Path):
        try:
            return _is_alive(file.uri, gcs.read_generation(file.uri).number, lease)
        except FileNotFoundError:
            return False
    if not file.exists():
        return False
    handle = os.open(file, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _flocked(file: Path) -> Iterator[None]:
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for glance in range(_GLANCES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if glance == _GLANCES - 1:
                    raise _taken() from None
                time.sleep(_GLANCE_SECONDS)
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
    try:
        if _is_alive(uri, found.number, lease):
            raise _taken()
    except FileNotFoundError:
        return _acquire(uri, mine, lease)
    taken = gcs.take_over(uri, mine, found.number)
    if taken is None:
        raise _taken()
    return taken


def _is_alive(uri: str, generation: int, lease: float) -> bool:
    """Whether a lock is written anew within its lease. Raises FileNotFoundError where it is given back meanwhile."""
    for _ in range(_BEATS):
        time.sleep(lease / _BEATS)
        if gcs.read_generation(uri).number != generation:
            return True
    return False


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
