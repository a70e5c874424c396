"""One run at a time in a workspace, where two would clear each other's outcomes; and one of an operation in a destination folder.

On a disk the kernel holds the lock, and lets go of it even if the process is killed. On Cloud Storage it is a lease.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from transforms.model.errors import PreflightError
from transforms.model.lease import LEASE_SECONDS, is_leased, leased
from transforms.model.places import place_of
from transforms.model.workspace import Workspace

AT_WORK = "another run is at work in it"
"""What a run is refused with whose workspace another holds."""
_GLANCES = 5
_GLANCE_SECONDS = 0.1
"""Who asks `is_held` of a lock on a disk holds it for a moment itself: a run tries so often, so far apart, before it is refused."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks answer."""


@contextlib.contextmanager
def alone(workspace: Workspace, lease: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold the workspace during the block. A server may run beside.

    Raises PreflightError where another run holds it. After a kill on Cloud Storage it takes `lease` seconds to be sure of it.
    """
    file, taken = workspace.lock_file, _taken("--workspace", AT_WORK)
    with _flocked(file, taken) if isinstance(file, Path) else _leased(file.uri, taken, lease):
        yield


@contextlib.contextmanager
def alone_at(destination: str, operation_id: str, workspace: Workspace, lease: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold an operation in a destination folder during the block: no other workspace's run of it goes on there meanwhile.

    The caller is alone in its workspace, so a lock that a run in it has left is nobody's. It is a hidden file, which goes at the end;
    on a file system without locks nothing is held. Raises PreflightError.
    """
    file = place_of(destination) / f".{operation_id}.lock"
    taken = _taken("--destination", "a run of this operation with another workspace is at work in it")
    if not isinstance(file, Path):
        with _leased(file.uri, taken, lease, hashlib.sha256(workspace.root.encode()).hexdigest()[:16]):
            yield
        return
    with contextlib.ExitStack() as held:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(_flocked(file, taken, passing=True))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise _unlockable("--destination", os.strerror(error.errno or 0)) from None
        yield


def is_held(workspace: Workspace, lease: float = LEASE_SECONDS) -> bool:
    """Whether a run is at work in the workspace. On Cloud Storage it takes up to `lease` seconds to be sure that none is."""
    file = workspace.lock_file
    if not isinstance(file, Path):
        return is_leased(file.uri, lease)
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
def _flocked(file: Path, taken: PreflightError, passing: bool = False) -> Iterator[None]:
    """Hold the lock of a file, which goes at the end if it is `passing`."""
    handle = _flock(file, taken)
    try:
        yield
    finally:
        if passing:
            file.unlink(missing_ok=True)
        os.close(handle)


def _flock(file: Path, taken: PreflightError) -> int:
    """A handle that holds the lock of the file of that name: another one's may have gone while we waited for it."""
    for _ in range(_GLANCES):
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.exists() and file.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except BlockingIOError:
            pass
        except OSError:
            os.close(handle)
            raise
        os.close(handle)
        time.sleep(_GLANCE_SECONDS)
    raise taken


@contextlib.contextmanager
def _leased(uri: str, taken: PreflightError, lease: float, house: str = "") -> Iterator[None]:
    """Hold a lock on Cloud Storage; one of the same `house`, if that is named, is a dead one."""
    with contextlib.ExitStack() as held:
        try:
            ours = held.enter_context(leased(uri, lease, house, met=functools.partial(_watch, taken.at), lost=_interrupt))
        except OSError as error:
            raise _unlockable(taken.at, str(error)) from None
        if not ours:
            raise taken
        yield


def _watch(at: str) -> None:
    print(f"{at} is locked: watching whether the run that holds it is alive", file=sys.stderr)


def _interrupt() -> None:
    """Who lost it, after a long sleep of the machine or without a way to the store, does not go on."""
    print("the lock is lost: another run took it over, or may do so now", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGINT)


def _taken(option: str, why: str) -> PreflightError:
    return PreflightError(option, why, "wait for its end, or name another")


def _unlockable(option: str, why: str) -> PreflightError:
    return PreflightError(option, f"it cannot be locked ({why})", "check its name and your permissions")
