"""The whole graph on one page (DESIGN, What a run is); wiring only."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics

from pipeline.counting import Numbers, count, tell
from pipeline.done_before import DoneReference
from pipeline.operation import Counts, Operation
from pipeline.progress import tick
from pipeline.tables import Tables
from transforms.bigquery.operation import TableAnswer, TableTarget
from transforms.bigquery.transform import WriteProvenanceTable
from transforms.fhir.ledger import ShardAnswer
from transforms.fhir.transform import WriteToFhirStore
from transforms.model.credentials import TokenReference
from transforms.model.keys import KeyReference
from transforms.model.plan import ActionPlan
from transforms.model.records import OpenInstance, Outcome, ShardRef, WrittenInstance
from transforms.model.transform import NAMESPACE, nameless
from transforms.model.workspace import OperationFolder
from transforms.pixels.redactor import Redactor
from transforms.pixels.transform import RedactText
from transforms.proof.transform import Prove
from transforms.provenance.transform import SpoolProvenance, Told
from transforms.read.chosen import ChosenReference
from transforms.read.origin import Origin
from transforms.read.transform import ListInstances, ReadInstance
from transforms.tags.policy import admit
from transforms.tags.transform import ScrubTags
from transforms.write.destination import Destination
from transforms.write.transform import WriteInstance


def utc_now() -> dt.datetime:
    """The clock of a real run."""
    return dt.datetime.now(dt.UTC)


@dataclasses.dataclass(frozen=True)
class Run:
    """All that the graph of one run is made of. References only: it is pickled."""

    operation: Operation
    plan: ActionPlan
    redactor: Callable[[], Redactor]
    """Makes what redacts pixels, once a worker."""
    key: KeyReference
    source: Origin
    destination: Destination
    on_uid_collision: str
    store_url: str
    write_ops_per_minute: int | None
    phi: str
    shape: str
    bigquery: TableTarget | None
    """None: the tables of the workspace."""
    max_failure_ratio: float | None = None
    """The part of instances that may fail before the run does; None: all."""
    table_files: str | None = None
    clock: Callable[[], dt.datetime] = utc_now
    token: TokenReference | None = None
    provenance_for_held: bool = False
    validate_provenance: bool = False
    chosen: ChosenReference | None = None
    """The instances that the request chooses, where it does."""
    done: DoneReference | None = None
    """What earlier operations have done, where that is to be left out."""
    identifiers: bool = False
    """Whether the spool is to say which identifiers became which, for mapping files."""
    progress_file: str | None = None
    """What workers on this machine `tick`; None: nobody looks."""
    turn_file: str | None = None
    """Where the writer beside the graph (`overlap`) and the graph's own take turns; None: there is none beside."""
    name: str = ""
    """Tells the run from others of its operation, before and after (`OperationFolder.run_file`); empty: there are none."""

    @property
    def folder(self) -> OperationFolder:
        """That of its operation, on its behalf: what stands in it as another's run is not touched."""
        return dataclasses.replace(self.operation.folder, run=self.name)


def build(run: Run, p: beam.Pipeline) -> None:
    """Wire the stages of a run into `p`."""
    folder = run.folder
    listed = p | "ListInstances" >> ListInstances(run.source, folder, run.key, run.on_uid_collision, run.chosen)
    read = ReadInstance(run.source, run.key, admit, run.clock, run.chosen, run.done, run.plan.searches_overlays)
    opened = listed.instances | "ReadInstance" >> read
    redacted = opened.with_pixels | "RedactText" >> RedactText(run.redactor)
    pixels = _finish_branch(run, redacted.instances, "Pixels")
    tags = _finish_branch(run, opened.tags_only, "Tags")

    stages = {"List": listed.outcomes, "Read": opened.outcomes, "Redact": redacted.outcomes} | pixels.outcomes | tags.outcomes
    new = (pixels.shards, tags.shards) | "NewShards" >> beam.Flatten()
    shards = (new, *pixels.held, *tags.held) | "Shards" >> beam.Flatten()
    answers = shards | "WriteToFhirStore" >> WriteToFhirStore(run.store_url, folder, run.write_ops_per_minute, run.token, run.turn_file)
    counts = [
        listed.listed | "CountListed" >> count(_listed),
        listed.done | "CountDone" >> count(_done),
        *(outcomes | f"{name}/TellOutcomes" >> tell(folder.outcomes, run.progress_file) for name, outcomes in stages.items()),
        new | "CountNew" >> count(_entries),
        answers | "CountAnswers" >> count(_answers),
    ]
    if run.bigquery:
        rows = shards | "WriteProvenanceTable" >> WriteProvenanceTable(run.bigquery, folder, run.clock)
        counts.append(rows | "CountRows" >> count(_rows))
    _ = counts | "Counts" >> beam.Flatten() | "AllCounts" >> beam.GroupByKey() | "FinishOperation" >> beam.ParDo(_Finish(run))


@dataclasses.dataclass(frozen=True)
class _Branch:
    shards: beam.PCollection[ShardRef]
    held: tuple[beam.PCollection[ShardRef], ...]
    """Shards of held instances, where they have a Provenance."""
    outcomes: dict[str, beam.PCollection[Outcome]]
    """By the name of the stage."""


def _finish_branch(run: Run, instances: beam.PCollection[OpenInstance], name: str) -> _Branch:
    """From an open instance to its spooled Provenance. Branches stay apart: joining them moves bytes (DESIGN)."""
    folder = run.folder
    scrubbed = instances | f"{name}/ScrubTags" >> ScrubTags(run.plan, run.key)
    proven = scrubbed.instances | f"{name}/Prove" >> Prove(run.plan)
    written = proven.instances | f"{name}/WriteInstance" >> WriteInstance(run.destination, folder, run.clock)
    shards = (
        written.instances
        | f"{name}/Tick" >> beam.Map(functools.partial(tick, file=run.progress_file)).with_output_types(WrittenInstance)
        | f"{name}/SpoolProvenance" >> _spool(run, Told.WRITTEN)
    )
    _ = written.held | f"{name}/SpoolReleasable" >> _spool(run, Told.RELEASABLE)
    held = (written.held | f"{name}/SpoolHeld" >> _spool(run, Told.HELD),) if run.provenance_for_held else ()
    outcomes = {f"{name}/Scrub": scrubbed.outcomes, f"{name}/Prove": proven.outcomes, f"{name}/Write": written.outcomes}
    return _Branch(shards, held, outcomes)


def _spool(run: Run, told: Told) -> SpoolProvenance:
    operation, identifiers = run.operation, run.identifiers and told is not Told.HELD
    return SpoolProvenance(operation.name, run.key, run.folder, run.phi, run.shape, run.validate_provenance, told, identifiers)


def _listed(found: int) -> Numbers:
    return [("listed", found)]


def _done(_reference: str) -> Numbers:
    return [("done", 1)]


def _entries(shard: ShardRef) -> Numbers:
    return [("new", shard.entries)]


def _answers(answer: ShardAnswer) -> Numbers:
    return [("answered", answer.answered), ("dead", answer.dead)]


def _rows(answer: TableAnswer) -> Numbers:
    return [("rows", answer.rows), ("refused_rows", answer.refused)]


class TooManyFailedError(Exception):
    """The run did all it could, and is to be looked at."""


class _Finish(beam.DoFn):
    def __init__(self, run: Run) -> None:
        self._run = run

    @nameless
    def process(self, grouped: tuple[bytes, Iterable[tuple[str, int]]]) -> Iterator[Counts]:
        if not self._run.folder.is_given_up():  # else its launcher died, it was begun again, and these counts are not the operation's
            yield self._concluded(grouped[1])

    def _concluded(self, pairs: Iterable[tuple[str, int]]) -> Counts:
        run = self._run
        tables = Tables(run.operation.workspace, run.bigquery, run.table_files)
        known = None if run.operation.is_submitted else run.operation.counts()  # they are there where the engine does this again
        counts = known or run.operation.conclude(pairs, run.destination, tables, run.clock, run.provenance_for_held)
        Metrics.counter(NAMESPACE, "failed").inc(counts.failed)
        Metrics.counter(NAMESPACE, "refused_rows").inc(counts.refused_rows)
        Metrics.counter(NAMESPACE, "not_reconciled").inc(0 if counts.reconciled else 1)
        if run.max_failure_ratio is not None and counts.failed > run.max_failure_ratio * counts.listed:
            raise TooManyFailedError
        return counts
