"""What the workers of a run counted of their time, out of Beam's metrics."""

from __future__ import annotations

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from pipeline.accounting import PixelTimes
from transforms.model.transform import NAMESPACE, THROTTLED
from transforms.pixels.transform import INSTANCES, PIXEL_TIME, TOOK, UNREAD, UP_TO


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
