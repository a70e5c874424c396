"""RedactText: text burned into pixels is found and hidden, and what can hide text beside the samples goes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

import apache_beam as beam
import cv2
from apache_beam.metrics import Metrics

from transforms.model.records import OpenInstance, Outcome
from transforms.model.transform import NAMESPACE, OUTCOME, InstanceDoFn, typed
from transforms.pixels.redactor import Redactor
from transforms.pixels.timing import Stopwatch

_REDACTED = "redacted"

INSTANCES = "pixels_instances"
PIXEL_TIME = "pixels_us_"
"""Distributions of microseconds an instance, by kind of work."""
TOOK = "pixels_took_"
"""Counters of instances by the seconds they took in all: each under the smallest of UP_TO that is enough, or `more`."""
UP_TO = (0.1, 1, 10, 100)
UNREAD = "pixels_unread"
"""Counter of strips of lines that there was no time to read."""

log = logging.getLogger(__name__)


class Redacted(NamedTuple):
    """What comes out of the pixel stage."""

    instances: beam.PCollection
    """OpenInstance, with `pixels` filled in."""
    outcomes: beam.PCollection


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class RedactText(beam.PTransform):
    """Search every frame for text and hide what is found; a frame that cannot be searched becomes an outcome."""

    make: Callable[[], Redactor]
    """Called once a worker; pickled."""

    def expand(self, instances: beam.PCollection) -> Redacted:
        """PCollection[OpenInstance] -> Redacted."""
        done = instances | "Redact" >> beam.ParDo(_Redact(self.make)).with_outputs(OUTCOME, main=_REDACTED)
        return Redacted(typed(done[_REDACTED], OpenInstance), typed(done[OUTCOME], Outcome))


class _Redact(InstanceDoFn):
    stage = "pixels"

    def __init__(self, make: Callable[[], Redactor]) -> None:
        self._make = make

    def setup(self) -> None:
        super().setup()
        cv2.setNumThreads(1)
        self._redactor = self._make()

    def reference(self, element: OpenInstance) -> str:
        return element.ref.reference

    def work(self, element: OpenInstance) -> Iterable[OpenInstance]:
        yield self._redactor.redact(element)
        _account(element.ref.reference, self._redactor.watch)


def _account(reference: str, watch: Stopwatch) -> None:
    """Count one instance, and log its own times, which are no part of what is said of it elsewhere: no two runs take as long."""
    log.info("%s: %s", reference, ", ".join(f"{kind} {round(1000 * seconds)} ms" for kind, seconds in sorted(watch.seconds.items())))
    Metrics.counter(NAMESPACE, INSTANCES).inc()
    Metrics.counter(NAMESPACE, UNREAD).inc(watch.unread)
    for kind, seconds in watch.seconds.items():
        Metrics.distribution(NAMESPACE, f"{PIXEL_TIME}{kind}").update(round(1e6 * seconds))
    whole = sum(watch.seconds.values())
    limit = next((str(limit) for limit in UP_TO if whole <= limit), "more")
    Metrics.counter(NAMESPACE, f"{TOOK}{limit}").inc()
