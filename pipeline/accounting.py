"""Where the time of a run's pixels went: what the workers counted, as lines for a person. No metric names an instance."""

from __future__ import annotations

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms.pixels.transform import INSTANCES, NAMESPACE, PIXEL_TIME, TOOK, UP_TO


def pixel_lines(result: PipelineResult) -> list[str]:
    """Two lines; none where no instance with pixels came through, or a runner counts nothing."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts = {one.key.metric.name: one.result for one in found["counters"]}
    times = {one.key.metric.name: one.result for one in found["distributions"] if one.key.metric.name.startswith(PIXEL_TIME)}
    if not counts.get(INSTANCES):
        return []
    spent = ", ".join(f"{name.removeprefix(PIXEL_TIME)} {time.sum / 1000:.1f} s" for name, time in sorted(times.items()))
    took = [f"{counts.get(f'{TOOK}{limit}', 0)} within {limit} s" for limit in UP_TO] + [f"{counts.get(f'{TOOK}more', 0)} longer"]
    return [f"pixels: {counts[INSTANCES]} instances; {spent}", f"an instance's pixels took: {', '.join(took)}"]
