"""Prove: the second look at tags, after which an instance may be published or is held."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam

from transforms.model.plan import ActionPlan
from transforms.model.records import Outcome, ScrubbedInstance
from transforms.model.transform import OUTCOME, InstanceDoFn, typed
from transforms.proof.prover import Prover

_PROVEN = "proven"


class Proven(NamedTuple):
    """What comes out of the second look."""

    instances: beam.PCollection
    """ScrubbedInstance, with the doubts added to its holds."""
    outcomes: beam.PCollection


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class Prove(beam.PTransform):
    """Parse each output again and look for its source's own tokens; none is dropped for what is found."""

    plan: ActionPlan

    def expand(self, instances: beam.PCollection) -> Proven:
        """PCollection[ScrubbedInstance] -> Proven."""
        done = instances | "Sweep" >> beam.ParDo(_Prove(self.plan)).with_outputs(OUTCOME, main=_PROVEN)
        return Proven(typed(done[_PROVEN], ScrubbedInstance), typed(done[OUTCOME], Outcome))


class _Prove(InstanceDoFn):
    stage = "proof"

    def __init__(self, plan: ActionPlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        super().setup()
        self._prover = Prover(self._plan)

    def reference(self, element: ScrubbedInstance) -> str:
        return element.opened.ref.reference

    def work(self, element: ScrubbedInstance) -> Iterable[ScrubbedInstance]:
        yield self._prover.prove(element)
