"""WriteInstance: a whole de-identified instance goes to the destination, or to the quarantine where a doubt remains."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.records import Outcome, ScrubbedInstance, WrittenInstance
from transforms.model.transform import OUTCOME, InstanceDoFn, typed
from transforms.model.workspace import OperationFolder
from transforms.write.claims import is_claimed
from transforms.write.local import forget, publish, quarantine, withdraw
from transforms.write.measure import measure
from transforms.write.paths import destination_path, quarantine_path

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

    destination: str
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

    def __init__(self, destination: str, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> None:
        self._destination, self._folder, self._clock = destination, folder, clock

    def reference(self, element: ScrubbedInstance) -> str:
        return element.opened.ref.reference

    def work(self, element: ScrubbedInstance) -> Iterator[WrittenInstance | TaggedOutput]:
        aside = quarantine_path(self._folder.quarantine, self.reference(element))
        if element.holds:
            quarantine(aside, element.content)
            self._withdraw(element)
            first = element.holds[0]
            yield TaggedOutput(_HELD, self._written(element, first.code))
            yield self.outcome(element, InstanceProblem(first.stage, first.code, first.sentence, OutcomeKind.HELD))
            return
        publish(destination_path(self._destination, element.target), element.content)
        forget(aside)
        yield self._written(element)

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
        )

    def _withdraw(self, element: ScrubbedInstance) -> None:
        """A killed run may have published what is held now (a new collision, say); unless proven, it goes."""
        try:
            path = destination_path(self._destination, element.target)
        except InstanceProblem:
            return  # no run can have published it
        if path.exists() and not is_claimed(self._folder.spool, element.target):
            withdraw(path, element.content)
