"""Where the time of a run went, as its workers counted it, in pixels and in waiting: for the operation's state, and for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms.model.transform import NAMESPACE, THROTTLED
from transforms.pixels.transform import INSTANCES, PIXEL_TIME, TOOK, UNREAD, UP_TO


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


def pixel_times(result: PipelineResult) -> PixelTimes | None:
    """Those of a run; None where no instance with pixels came through, or a runner counts nothing."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts = {one.key.metric.name: one.result for one in found["counters"]}
    if not counts.get(INSTANCES):
        return None
    times = {one.key.metric.name: one.result for one in found["distributions"] if one.key.metric.name.startswith(PIXEL_TIME)}
    return {
        "instances": counts[INSTANCES],
        "seconds": {name.removeprefix(PIXEL_TIME): time.sum / 1e6 for name, time in sorted(times.items())},
        "longest": {name.removeprefix(PIXEL_TIME): time.max / 1e6 for name, time in sorted(times.items())},
        "took": {limit: counts.get(f"{TOOK}{limit}", 0) for limit in (*map(str, UP_TO), "more")},
        "unread": counts.get(UNREAD, 0),
    }


def waited(result: PipelineResult) -> int:
    """Seconds that the stages of a run waited for the quotas of stores, those of all workers added up."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE).with_name(THROTTLED))["counters"]
    return sum(one.result for one in found)


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
