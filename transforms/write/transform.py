"""WriteInstance: a whole de-identified instance goes to the destination, or to the quarantine where a doubt remains."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms.model.errors import CancelledError, InstanceProblem, OutcomeKind
from transforms.model.records import Hold, Outcome, ScrubbedInstance, WrittenInstance
from transforms.model.transform import OUTCOME, InstanceDoFn, typed
from transforms.model.workspace import OperationFolder
from transforms.write.destination import Destination
from transforms.write.marks import set_marks
from transforms.write.measure import measure
from transforms.write.quarantine import quarantine_of

BATCH, BATCH_BYTES = 16, 4 << 20
"""Instances that are marked together, so that a mark costs little, as long as they are small: they wait for one another in memory."""
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
        marked = instances | "Mark" >> beam.ParDo(_Mark(self.destination, self.folder)).with_outputs(OUTCOME, main=_INSTANCES)
        write = beam.ParDo(_Write(self.destination, self.folder, self.clock))
        written = typed(marked[_INSTANCES], ScrubbedInstance) | "Write" >> write.with_outputs(OUTCOME, _HELD, main=_INSTANCES)
        outcomes = (marked[OUTCOME], written[OUTCOME]) | "Outcomes" >> beam.Flatten()
        instances, held = (typed(written[name], WrittenInstance) for name in (_INSTANCES, _HELD))
        return Written(instances, typed(outcomes, Outcome), held)


class _Mark(InstanceDoFn):
    """Says in the workspace, for a batch at a time, what is about to be published.

    First it finds out what the destination has under an instance's name; another one of that name is a doubt.
    """

    stage = "write"

    def __init__(self, destination: Destination, folder: OperationFolder) -> None:
        self._destination, self._folder = destination, folder

    def reference(self, element: ScrubbedInstance) -> str:
        return element.opened.ref.reference

    def start_bundle(self) -> None:
        self._batch: list[ScrubbedInstance] = []
        self._size = 0

    def process(self, element: ScrubbedInstance) -> Iterator[ScrubbedInstance | TaggedOutput]:
        for looked in super().process(element):
            if isinstance(looked, TaggedOutput):
                yield looked
            else:
                self._batch.append(looked)
                self._size += len(looked.content)
        if len(self._batch) >= BATCH or self._size >= BATCH_BYTES:
            yield from self._marked()

    def work(self, element: ScrubbedInstance) -> Iterator[ScrubbedInstance]:
        if element.holds:
            yield element
            return
        try:
            published = self._destination.holds(element.target, element.content)
        except InstanceProblem as problem:
            yield _doubted(element, problem)
        else:
            yield dataclasses.replace(element, published=published)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        yield from (WindowedValue(element, window.max_timestamp(), [window]) for element in self._marked())

    def _marked(self) -> list[ScrubbedInstance]:
        """Outside of the net of `work`: where a mark cannot be written the run breaks off, and nothing of the batch is published."""
        marked, self._batch, self._size = self._batch, [], 0
        if marked:
            self._folder.require_in_hand()
        set_marks(self._folder, marked)
        return marked


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
        if self._folder.is_cancelled():
            raise CancelledError("the operation was cancelled")
        element = self._put(element)
        if not element.holds:
            yield self._written(element)
            return
        self._quarantine.keep(self.reference(element), element.target, element.content, self._said(element))
        first = element.holds[0]
        yield TaggedOutput(_HELD, self._written(element, first.code))
        yield self.outcome(element, InstanceProblem(first.stage, first.code, first.sentence, OutcomeKind.HELD))

    def _put(self, element: ScrubbedInstance) -> ScrubbedInstance:
        """Into the destination, unless it is held or there already; with the doubt that arises there. Raises InstanceProblem."""
        if element.holds or element.published:
            return element
        try:
            self._destination.put(element.target, element.content)
        except InstanceProblem as problem:
            return _doubted(element, problem)
        return element

    def _said(self, element: ScrubbedInstance) -> dict[str, Any]:
        """Why the instance is held, for the person who decides."""
        reasons = [dataclasses.asdict(hold) for hold in element.holds]
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


def _doubted(element: ScrubbedInstance, problem: InstanceProblem) -> ScrubbedInstance:
    """The instance with a doubt that is to be held. Raises InstanceProblem where it is to fail."""
    if problem.kind is not OutcomeKind.HELD:
        raise problem
    return dataclasses.replace(element, holds=(Hold(problem.stage, problem.code, problem.sentence),))
