"""ScrubTags: de-identifies the elements of each instance and encodes the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam

from transforms.model.keys import KeyReference
from transforms.model.plan import ActionPlan
from transforms.model.records import OpenInstance, Outcome, ScrubbedInstance
from transforms.model.transform import OUTCOME, InstanceDoFn, typed
from transforms.tags.scrubber import Scrubber

_SCRUBBED = "scrubbed"


class Scrubbed(NamedTuple):
    """What ScrubTags returns."""

    instances: beam.PCollection
    """ScrubbedInstance."""
    outcomes: beam.PCollection
    """Outcome, of instances that could not be de-identified."""


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class ScrubTags(beam.PTransform):
    """De-identify the elements of each OpenInstance; what cannot be trusted becomes an outcome."""

    plan: ActionPlan
    key: KeyReference

    def expand(self, instances: beam.PCollection) -> Scrubbed:
        """The transform's graph."""
        done = instances | "Scrub" >> beam.ParDo(_Scrub(self.plan, self.key)).with_outputs(OUTCOME, main=_SCRUBBED)
        return Scrubbed(typed(done[_SCRUBBED], ScrubbedInstance), typed(done[OUTCOME], Outcome))


class _Scrub(InstanceDoFn):
    stage = "tags"

    def __init__(self, plan: ActionPlan, key: KeyReference) -> None:
        self._plan, self._key = plan, key

    def setup(self) -> None:
        """Load the key and derive the purposes' keys, once a worker."""
        super().setup()
        self._scrubber = Scrubber(self._plan, self._key.load())

    def reference(self, element: OpenInstance) -> str:
        """The reference of the source instance."""
        return element.ref.reference

    def work(self, element: OpenInstance) -> Iterator[ScrubbedInstance]:
        """The de-identified instance."""
        yield self._scrubber.scrub(element)
