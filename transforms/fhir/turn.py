"""Whose turn it is to write, of several writers of one run on one machine: two would use its quota twice."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator


@contextlib.contextmanager
def turn(file: str | None, wait: bool) -> Iterator[bool]:
    """Hold the turn during the block; False where another has it and is not waited for. Without a file there is no other."""
    if file is None:
        yield True
        return
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)
