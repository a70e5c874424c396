"""`dicom-deid release`: what was held is published after a person's decision, and the decision is told by Provenance.

The decision is written down first, with the Provenance that will tell of it; then the instance is published, under a mark as any is,
and then its Provenance is spooled. Whatever breaks off in between, the next release or run carries the decision out (`carry_out`).
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Collection, Iterator

from pipeline.delivery import Delivery
from pipeline.lock import alone
from pipeline.maps import renew_maps
from pipeline.operation import Clock, Counts, Operation
from pipeline.replay import deliver
from pipeline.still_held import leave_quarantine, told_and_waiting
from pipeline.stores import check_sinks, known_destination
from pipeline.tables import Tables
from transforms.model import spool
from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.model.large import Content, digest_of
from transforms.model.records import InstanceUids
from transforms.model.storage import remove_all
from transforms.model.workspace import OperationFolder
from transforms.provenance.instance import decided
from transforms.provenance.values import Json, text_value
from transforms.tags.released import released
from transforms.write.destination import Destination
from transforms.write.marks import Mark, write_marks
from transforms.write.quarantine import Quarantine, quarantine_of

MAX_NAME = 200
"""Characters of a person's name."""
_MAY_PASS = "CANNOT_WRITE"  # noqa: S105 - no password
"""The code of a problem with the place, and not with the instance."""


def release(
    operation: Operation, delivery: Delivery, chosen: Collection[str], person: str, skip_preflight: bool, clock: Clock
) -> tuple[Counts, list[str]]:
    """Publish held instances (references; none: all that are held) as `person` decides now.

    The operation's counts then, and for each that could not be released a line that says why; it stays held. Raises ConfigError for
    a name or reference that is none, and where the operation's latest run did not come to its end; PreflightError; StoreError.
    """
    name = text_value(person, MAX_NAME)
    if name is None:
        raise ConfigError("--by", "nobody is named", "name the person who decides")
    workspace, folder = operation.workspace, operation.folder
    with alone(workspace):
        counted = operation.counted()
        wanted = _wanted(folder, chosen)
        tables, destination, refused = Tables.of(workspace, folder), known_destination(folder), _Refused()
        with deliver(operation, delivery, skip_preflight) as send:
            if not skip_preflight:
                check_sinks(destination, tables.bigquery)
            entries = _decide(folder, destination, wanted, functools.partial(decided, person=name.strip(), moment=clock()), refused)
            spool.write_entries(folder.decided, entries)
            lines = carry_out(folder, destination)
            renew_maps(folder)
            answered, dead = send()
        counts = operation.recounted(counted, destination, answered=answered, dead=dead, loaded=tables.load(folder, clock))
        operation.tell_outcomes()
        return operation.settle(counts, tables, clock), refused.lines() + lines


def carry_out(folder: OperationFolder, destination: Destination) -> list[str]:
    """Publish and spool what a person has released, then take it out of the quarantine; a line for each that stays held all the same.

    Raises PreflightError where destination or quarantine do not do now what they may do later.
    """
    carried = _Carried(folder, destination)
    spool.write_entries(folder.spool, carried.published())
    carried.clear()
    return carried.refused.lines()


class _Carried:
    """Decisions on their way."""

    def __init__(self, folder: OperationFolder, destination: Destination) -> None:
        self._folder, self._destination, self._quarantine = folder, destination, quarantine_of(folder)
        self._fault: InstanceProblem | None = None
        self.refused = _Refused()

    def published(self) -> Iterator[tuple[str, Json]]:
        """The entries of what is published now. What is refused for good is not told as released; what may pass ends it."""
        if not spool.shard_names(self._folder.decided):
            return
        told = spool.references(self._folder.spool)
        for entry in spool.read_all(self._folder.decided):
            if entry["reference"] in told:  # killed after that
                continue
            try:
                self._publish(entry)
            except InstanceProblem as problem:
                if problem.code == _MAY_PASS:
                    self._fault = problem
                    return
                self.refused.add(entry["reference"], problem.sentence)
            else:
                yield entry["reference"], entry

    def _publish(self, entry: Json) -> None:
        target, content = _target(entry), _content(self._quarantine, entry)
        if not self._destination.holds(target, content):
            write_marks(self._folder, [Mark(entry["reference"], target, digest_of(content).hex())])
            self._destination.put(target, content)

    def clear(self) -> None:
        """Take out of the quarantine what is told of as published, and away the decisions. Raises PreflightError."""
        try:
            leave_quarantine(self._folder, told_and_waiting(self._folder)[0])
        except InstanceProblem as problem:
            self._fault = self._fault or problem
        if self._fault:
            why = f"an instance that a person released cannot be published ({self._fault.code}: {self._fault.sentence})"
            raise PreflightError("--destination", why, "mend that, then repeat the command")
        remove_all(self._folder.decided)


class _Refused:
    """References that were not released, by the reason."""

    def __init__(self) -> None:
        self._by_reason: dict[str, list[str]] = collections.defaultdict(list)

    def add(self, reference: str, why: str) -> None:
        self._by_reason[why].append(reference)

    def lines(self) -> list[str]:
        return [f"not released: {' '.join(references)}: {why}" for why, references in self._by_reason.items()]


def _wanted(folder: OperationFolder, chosen: Collection[str]) -> set[str]:
    """Those of the references over which nobody has decided yet."""
    held = spool.references(folder.releasable)
    unknown = set(chosen) - held
    if unknown:
        why = f"{len(unknown)} of these references name nothing that is held"
        raise ConfigError("REF", why, "see outcomes.ndjson in the workspace")
    return set((set(chosen) or held) - spool.references(folder.spool) - spool.references(folder.decided))


def _decide(
    folder: OperationFolder, destination: Destination, wanted: set[str], decision: Callable[[Json, str], Json], refused: _Refused
) -> Iterator[tuple[str, Json]]:
    """What is to be told of each instance that can be published; of two that would be one, the first."""
    quarantine, taken = quarantine_of(folder), set[InstanceUids]()
    for entry in spool.read_all(folder.releasable):
        reference, target = entry["reference"], _target(entry)
        if reference not in wanted:
            continue
        try:
            _content(quarantine, entry)
            if target in taken or destination.is_taken(target):
                raise InstanceProblem("write", "DUPLICATE_INSTANCE", "the destination has an instance of its UID already")
        except InstanceProblem as problem:
            refused.add(reference, problem.sentence)
            continue
        taken.add(target)
        yield reference, {**entry, "provenance": decision(entry["provenance"], entry["release"]["held"])}


def _target(entry: Json) -> InstanceUids:
    return InstanceUids(*entry["release"]["target"])


def _content(quarantine: Quarantine, entry: Json) -> Content:
    """The held file with what may be said of it now. Raises InstanceProblem."""
    return released(quarantine.content(entry["reference"]), [(code, meaning) for code, meaning in entry["release"]["methods"]])
