"""Whose turn it is to write, of several writers of one run: two would use its quota twice.

On one machine it is a lock on a file; between machines a lease on Cloud Storage, whose taker waits some seconds to see it given back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from transforms.model.gcs import is_gcs
from transforms.model.lease import leased


@contextlib.contextmanager
def turn(file: str | None, wait: bool) -> Iterator[bool]:
    """Hold the turn during the block; False where another has it and is not waited for. Without a file there is no other."""
    if file is None:
        yield True
        return
    if is_gcs(file):  # who loses it, after a long sleep of the machine, goes on: what is sent twice is the same
        with leased(file, wait=wait) as ours:
            yield ours
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
