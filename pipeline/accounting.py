"""Where the time of a run went, in pixels and in waiting: for the operation's state, and for a person.

Plain data: what reads an operation's state starts without Beam. `metrics` asks a run for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict


class PixelTimes(TypedDict):
    """What the pixels of instances took, as it stands in `operations/<id>.json`."""

    instances: int
    seconds: Mapping[str, float]
    """Of all instances, by kind of work (`Stopwatch`), to the microsecond."""
    longest: Mapping[str, float]
    """Of the one instance that took longest in it."""
    took: Mapping[str, int]
    """Instances by the seconds that their pixels took: each under the smallest of UP_TO that is enough, or `more`."""
    unread: int
    """Strips of lines that Tesseract took too long to read."""


def together(one: PixelTimes, other: PixelTimes) -> PixelTimes:
    """Those of two runs."""
    kinds = sorted({*one["seconds"], *other["seconds"]})
    return {
        "instances": one["instances"] + other["instances"],
        "seconds": {kind: round(one["seconds"].get(kind, 0) + other["seconds"].get(kind, 0), 6) for kind in kinds},
        "longest": {kind: max(one["longest"].get(kind, 0), other["longest"].get(kind, 0)) for kind in kinds},
        "took": {limit: number + other["took"][limit] for limit, number in one["took"].items()},
        "unread": one.get("unread", 0) + other.get("unread", 0),
    }


def pixel_lines(times: PixelTimes | None) -> list[str]:
    """Two lines, and a third where Tesseract was too slow; none where there is nothing to tell."""
    if times is None:
        return []
    spent = ", ".join(f"{kind} {seconds:.1f} s (at most {times['longest'][kind]:.2f})" for kind, seconds in times["seconds"].items())
    took = [f"{number} longer" if limit == "more" else f"{number} within {limit} s" for limit, number in times["took"].items()]
    instances = f"{times['instances']} instance{'' if times['instances'] == 1 else 's'}"
    lines = [f"pixels: {instances}; {spent}", f"an instance's pixels took: {', '.join(took)}"]
    unread = f"{times['unread']} lines that were found were not read, since Tesseract took too long for a page"
    return [*lines, unread] if times["unread"] else lines


def waiting_lines(seconds: int) -> list[str]:
    """One line; none where nobody waited."""
    return [f"quotas: {seconds} s of waiting for them"] if seconds else []
