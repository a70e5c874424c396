"""The write quota of the embedded FHIR store, as a token bucket (Healthcare API quota metric `fhir_write_ops`).

The API counts writes a minute and lets bursts within the minute average out, so the bucket holds a minute's writes.
Each entry of a bundle counts as if it were sent alone.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class WriteQuota:
    """`per_minute` writes a minute; None: no limit. May be shared by threads. One for all stores of a server.

    `clock` gives seconds and never goes back.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._lock, self._tokens, self._at = threading.Lock(), float(per_minute or 0), clock()

    def take(self, writes: int, whole: bool) -> int:
        """How many of `writes` may go ahead now; their tokens are taken.

        `whole` (a transaction): all or none. One larger than the bucket goes when the bucket is full, and is paid for afterwards.
        """
        if self._per_minute is None:
            return writes
        with self._lock:
            self._fill(self._per_minute)
            due = min(writes, self._per_minute) if whole else 1
            if writes == 0 or self._tokens < due:
                return 0
            granted = writes if whole else min(writes, int(self._tokens))
            self._tokens -= granted
            return granted

    def retry_after(self, writes: int) -> int:
        """Whole seconds, at least 1, until so many writes (at most a bucket full) can go ahead."""
        if self._per_minute is None:
            return 1
        with self._lock:
            self._fill(self._per_minute)
            missing = min(writes, self._per_minute) - self._tokens
            return max(1, math.ceil(missing * 60 / self._per_minute))

    def _fill(self, per_minute: int) -> None:
        now = self._clock()
        self._tokens = min(float(per_minute), self._tokens + (now - self._at) * per_minute / 60)
        self._at = now
