"""WriteInstance: a whole de-identified instance goes to the destination, or to the quarantine where a doubt remains."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.records import Hold, Outcome, ScrubbedInstance, WrittenInstance
from transforms.model.transform import OUTCOME, InstanceDoFn, typed
from transforms.model.workspace import OperationFolder
from transforms.write.claims import is_claimed
from transforms.write.destination import Destination
from transforms.write.measure import measure
from transforms.write.paths import check_uids
from transforms.write.quarantine import quarantine_of

_INSTANCES = "instances"
_HELD = "held"


def utc_now() -> dt.datetime:
    """The clock of a real run."""
    return dt.datetime.now(dt.UTC)


class Written(NamedTuple):
    """What stands in the destination, and what became of the rest."""

    instances: beam.PCollection[WrittenInstance]
    outcomes: beam.PCollection[Outcome]
    held: beam.PCollection[WrittenInstance]
    """What stands in the quarantine; each has an outcome too."""


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class WriteInstance(beam.PTransform):
    """Publish each instance without a doubt, whole or not at all; put the others into the quarantine."""

    destination: Destination
    folder: OperationFolder
    clock: Callable[[], dt.datetime] = utc_now

    def expand(self, instances: beam.PCollection[ScrubbedInstance]) -> Written:
        """ScrubbedInstance to Written."""
        write = beam.ParDo(_Write(self.destination, self.folder, self.clock))
        written = instances | "Write" >> write.with_outputs(OUTCOME, _HELD, main=_INSTANCES)
        instances, held = (typed(written[name], WrittenInstance) for name in (_INSTANCES, _HELD))
        return Written(instances, typed(written[OUTCOME], Outcome), held)


class _Write(InstanceDoFn):
    stage = "write"

    def __init__(self, destination: Destination, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> None:
        self._destination, self._folder, self._clock = destination, folder, clock

    def setup(self) -> None:
        super().setup()
        self._quarantine = quarantine_of(self._folder)

    def reference(self, element: ScrubbedInstance) -> str:
        return element.opened.ref.reference

    def work(self, element: ScrubbedInstance) -> Iterator[WrittenInstance | TaggedOutput]:
        doubt = next((InstanceProblem(hold.stage, hold.code, hold.sentence, OutcomeKind.HELD) for hold in element.holds), None)
        doubt = doubt or self._published(element)
        if doubt is None:
            self._quarantine.remove(self.reference(element))
            yield self._written(element)
            return
        self._quarantine.keep(self.reference(element), element.target, element.content, self._said(element, doubt))
        if element.holds:
            self._withdraw(element)
        yield TaggedOutput(_HELD, self._written(element, doubt.code))
        yield self.outcome(element, doubt)

    def _published(self, element: ScrubbedInstance) -> InstanceProblem | None:
        """Put it into the destination; the doubt that arises there. Raises InstanceProblem of other kinds."""
        try:
            self._destination.publish(element.target, element.content)
        except InstanceProblem as problem:
            if problem.kind is not OutcomeKind.HELD:
                raise
            return problem
        return None

    def _said(self, element: ScrubbedInstance, doubt: InstanceProblem) -> dict[str, Any]:
        """Why the instance is held, for the person who decides."""
        holds = element.holds or (Hold(doubt.stage, doubt.code, doubt.sentence),)
        reasons = [dataclasses.asdict(hold) for hold in holds]
        return {"operation": self._folder.operation_id, "reference": self.reference(element), "reasons": reasons}

    def _written(self, element: ScrubbedInstance, held: str = "") -> WrittenInstance:
        measures = measure(element)
        return WrittenInstance(
            ref=element.opened.ref,
            source=element.opened.source,
            target=element.target,
            columns=measures.columns,
            rows=measures.rows,
            frames=measures.frames,
            structured_size=measures.structured_size,
            tags=element.findings,
            boxes=element.opened.pixels.boxes,
            search=element.opened.pixels.search,
            started=element.opened.started,
            recorded=self._clock(),
            held=held,
            all_text=element.opened.pixels.all_text,
            release=element.release,
        )

    def _withdraw(self, element: ScrubbedInstance) -> None:
        """A killed run may have published what is held now (a new collision, say); unless proven, it goes."""
        try:
            check_uids(element.target)
        except InstanceProblem:
            return  # no run can have published it
        if self._destination.has(element.target, element.content) and not is_claimed(self._folder, element.target):
            self._destination.withdraw(element.target)
