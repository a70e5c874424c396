"""One run at a time in a workspace: two would count, gather and clear each other's outcomes."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from transforms.model.errors import PreflightError
from transforms.model.workspace import Workspace


@contextlib.contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace during the block; the kernel lets go of it even if the process is killed.

    Raises PreflightError where another run holds it. A server may run beside.
    """
    handle = os.open(workspace.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PreflightError("--workspace", "another run is at work in it", "wait for its end, or name another workspace") from None
        yield
    finally:
        os.close(handle)
