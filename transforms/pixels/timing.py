"""Where the time of an instance goes: seconds by the name of what was done, and what there was no time for."""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Iterator


class Stopwatch:
    """Adds up, over one instance, the seconds spent in each kind of work (decode, render, detect, read, choose, encode), each by itself:
    kinds do not nest.
    """

    def __init__(self) -> None:
        self.seconds: collections.Counter[str] = collections.Counter()
        self.unread = 0
        """Strips of lines that nobody read, since reading took too long."""

    def reset(self) -> None:
        """Begin with another instance."""
        self.seconds.clear()
        self.unread = 0

    @contextlib.contextmanager
    def measured(self, kind: str) -> Iterator[None]:
        """Count what happens inside as time of `kind`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[kind] += time.perf_counter() - start  # type: ignore[assignment]  # a Counter of floats adds all the same
