"""The pace of writing: one token bucket at the store's quota, and what refusals do to it (DESIGN 11).

The quota (`fhir_write_ops`) counts entries a minute, not requests. All writing goes through one `Pacer`, so its rate is
the run's rate without a coordinator. A store also answers 429 when requests contend for its locks: that is no matter of
the rate but of how many are under way, which `Crowd` bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

LATENESS = 1.0
"""Seconds that a late sender may catch up; more would be a burst."""
DECREASE = 0.8
"""What a refusal leaves of the rate."""
FLOOR = 0.05
"""The part of the quota below which the rate never falls."""
RECOVERY = 60.0
"""Seconds in which the rate grows by a whole quota while nothing is refused."""
ROUND = 5.0
"""Seconds in which several refusals count as one: requests in flight together are refused together."""
MAX_PAUSE = 300.0
"""Seconds that a Retry-After can hold up writing; a store that asks for longer is asked again then."""
MIN_IN_FLIGHT = 4
MAX_IN_FLIGHT = 32
EASE = 10.0
"""Seconds without contention after which one more request may be under way."""


class Pacer:
    """Says when the next bundle may go. For one thread; `per_minute` None means no quota is known."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float]) -> None:
        self._quota = per_minute / 60 if per_minute else None
        self._clock = clock
        self._next = self._free = self._changed = self._refused = clock()
        self._rate = self._quota
        self._refusals = 0

    @property
    def rate(self) -> float | None:
        """Entries a second at this moment; None where no quota is known."""
        if self._rate is None or self._quota is None:
            return None
        grown = self._quota * (self._clock() - self._changed) / RECOVERY
        return min(self._quota, self._rate + grown)

    def wait(self) -> float:
        """Seconds until the next bundle may go; 0 if it may go now."""
        return max(0.0, self._next - self._clock(), self._free - self._clock())

    def took(self, entries: int) -> None:
        """So many entries are sent now."""
        rate = self.rate
        if rate is not None:
            self._next = max(self._next, self._clock() - LATENESS) + entries / rate

    def refused(self) -> None:
        """The store answered 429: others use the quota too, so take less of it (multiplicative decrease, linear recovery)."""
        now, rate = self._clock(), self.rate
        if rate is None or self._quota is None or (self._refusals and now - self._refused < ROUND):
            return
        self._rate, self._changed, self._refused = max(rate * DECREASE, self._quota * FLOOR), now, now
        self._refusals += 1

    def pause(self, seconds: float) -> None:
        """Nothing goes for so long (Retry-After), at most MAX_PAUSE."""
        self._free = max(self._free, self._clock() + min(seconds, MAX_PAUSE))


class Crowd:
    """How many requests may be under way at once: each round of contention halves it, calm gives them back. For one thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._allowed = MAX_IN_FLIGHT
        self._changed = clock()

    def limit(self, wanted: int) -> int:
        """`wanted`, or as many as are allowed now; at least 1."""
        return min(wanted, self._allowed + int((self._clock() - self._changed) / EASE))

    def contended(self, wanted: int, sent: float) -> None:
        """A request sent at `sent` met others, while `wanted` would be under way but for earlier contention.

        What was sent before the latest change says nothing about it: requests that contend are refused together.
        """
        if sent >= self._changed:
            self._allowed, self._changed = max(1, self.limit(wanted) // 2), self._clock()


def bundle_entries(per_minute: int | None, most: int = 100) -> int:
    """Entries in a bundle: a second's worth of the quota, at most `most`, so that writing is even and answers are soon."""
    return most if per_minute is None else min(most, max(1, per_minute // 60))


def in_flight(per_minute: int | None, entries: int, latencies: Sequence[float]) -> int:
    """How many requests to have under way so that the quota, not the store's latency, bounds the pace.

    Twice the quota's requests within the 95th percentile of the latest `latencies` (seconds), within fixed bounds.
    """
    if per_minute is None or not latencies:
        return MIN_IN_FLIGHT
    p95 = sorted(latencies)[math.ceil(0.95 * len(latencies)) - 1]
    return min(MAX_IN_FLIGHT, max(MIN_IN_FLIGHT, 2 * math.ceil(per_minute / 60 * p95 / entries)))
