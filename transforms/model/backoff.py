"""When to try again: the back-off that the Healthcare API recommends, and `Retry-After` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
from collections.abc import Callable

MAX_DELAY = 32.0
"""Seconds; the API's best practices name 32 or 64."""


def delay(attempt: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the failed try number `attempt` (from 0): 2^n and a random part of a second, at most MAX_DELAY."""
    return min(2.0 ** min(attempt, 10) + chance(), MAX_DELAY)


class Patience:
    """For how long a store's calls are tried again, in all threads together: what is away for good is not waited for by each.

    A call has so many seconds from its first try. Where no call has had an answer for as long, each has one try until one is answered.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._away_since: float | None = None

    def answered(self) -> None:
        """The store gave an answer, whatever it says."""
        self._away_since = None

    def is_over(self, start: float, pause: float) -> bool:
        """Whether a call that began at `start` is given up, after a try that failed in passing, rather than tried again after `pause`."""
        now, away_since = self._clock(), self._away_since
        if away_since is None:
            self._away_since = away_since = now
        return now - min(start, away_since) + pause > self._seconds


def retry_after(header: str | None, now: dt.datetime) -> float | None:
    """Seconds to wait from the header's value, which is seconds or a date; None if it is missing or cannot be read."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header.strip())
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())
