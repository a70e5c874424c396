"""One run at a time in a workspace, where two would clear each other's outcomes; and one of an operation in a destination folder.

On a disk the kernel holds the lock, and lets go of it even if the process is killed. On Cloud Storage nobody does: there it is
an object that its holder writes anew every few seconds. Whoever finds one watches it, and takes over what is not written anew.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
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
from transforms.model.places import place_of
from transforms.model.workspace import Workspace

LEASE_SECONDS = 60.0
"""For so long a lock on Cloud Storage that is not written anew counts as held; by the watcher's clock, so that no two are compared."""
_BEATS = 6
"""How often a holder writes it in that time."""
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
    file, taken = workspace.lock_file, _taken("--workspace", "another run")
    with _flocked(file, taken) if isinstance(file, Path) else _leased(file.uri, taken, lease):
        yield


@contextlib.contextmanager
def alone_at(destination: str, operation_id: str, workspace: Workspace, lease: float = LEASE_SECONDS) -> Iterator[None]:
    """Hold an operation in a destination folder during the block: no other workspace's run of it goes on there meanwhile.

    The caller is alone in its workspace, so a lock that a run in it has left is nobody's. It is a hidden file, which goes at the end;
    on a file system without locks nothing is held. Raises PreflightError.
    """
    file, taken = place_of(destination) / f".{operation_id}.lock", _taken("--destination", "a run of this operation with another workspace")
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
    mine = f"{house}{secrets.token_hex(16)}".encode()
    try:
        generation = _acquire(uri, mine, taken, lease, house.encode())
    except OSError as error:
        raise _unlockable(taken.at, str(error)) from None
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(uri, mine, generation, lease, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _acquire(uri: str, mine: bytes, taken: PreflightError, lease: float, house: bytes) -> int:
    """The version of the lock that is ours."""
    gcs.create_if_absent(uri, mine)
    found = gcs.read_generation(uri)
    if found.content == mine:
        return found.number
    if not house or not found.content.startswith(house):
        print(f"{taken.at} is locked: watching whether the run that holds it is alive", file=sys.stderr)
        try:
            if _is_alive(uri, found.number, lease):
                raise taken
        except FileNotFoundError:
            return _acquire(uri, mine, taken, lease, house)
    ours = gcs.take_over(uri, mine, found.number)
    if ours is None:
        raise taken
    return ours


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
                print("another run took the lock over", file=sys.stderr)
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


def _taken(option: str, who: str) -> PreflightError:
    return PreflightError(option, f"{who} is at work in it", "wait for its end, or name another")


def _unlockable(option: str, why: str) -> PreflightError:
    return PreflightError(option, f"it cannot be locked ({why})", "check its name and your permissions")
