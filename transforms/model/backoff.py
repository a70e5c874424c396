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
