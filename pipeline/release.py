"""`dicom-deid release`: what was held is published after a person's decision, and the decision is told by Provenance.

The Provenance is spooled first, and is the decision: whatever breaks off then, the next release or run publishes what is
spooled and still waits in the quarantine (`carry_out`). Nothing is ever published that is not spooled.
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
from pipeline.stores import check_sinks, known_destination
from pipeline.tables import Tables
from transforms.model import spool
from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.model.large import Content
from transforms.model.records import InstanceUids
from transforms.model.workspace import OperationFolder
from transforms.provenance.instance import decided
from transforms.provenance.values import Json, text_value
from transforms.tags.released import released
from transforms.write.destination import Destination
from transforms.write.quarantine import GONE, Quarantine, quarantine_of

MAX_NAME = 200
"""Characters of a person's name."""


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
            spool.write_entries(folder.spool, entries)
            carry_out(folder, destination)
            renew_maps(folder)
            answered, dead = send()
        counts = operation.recounted(counted, answered=answered, dead=dead, loaded=tables.load(folder, clock))
        operation.tell_outcomes()
        return operation.settle(counts, tables, clock), refused.lines()


def carry_out(folder: OperationFolder, destination: Destination) -> None:
    """Publish what a person has released and still waits in the quarantine. Raises PreflightError where that cannot be."""
    quarantine = quarantine_of(folder)
    waiting = quarantine.waiting()
    waiting &= spool.references(folder.spool) if waiting else set()
    for name in spool.shard_names(folder.spool) if waiting else ():
        if waiting.isdisjoint((folder.spool / f"{name}.refs").read_text().split()):
            continue
        for entry in spool.read_shard(folder.spool, name):
            if entry["reference"] in waiting and "release" in entry:
                _publish(destination, quarantine, entry)


def _publish(destination: Destination, quarantine: Quarantine, entry: Json) -> None:
    target = _target(entry)
    try:
        try:
            destination.publish(target, _content(quarantine, entry))
        except InstanceProblem as problem:
            if problem.code != GONE or not destination.is_taken(target):
                raise  # else a kill came between publishing and the end of removing it
        quarantine.remove(entry["reference"])
    except InstanceProblem as problem:
        why = f"an instance that a person released cannot be published ({problem.code}: {problem.sentence})"
        raise PreflightError("--destination", why, "mend that, then repeat the command") from None


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
    return (set(chosen) or held) - spool.references(folder.spool)


def _decide(
    folder: OperationFolder, destination: Destination, wanted: set[str], decision: Callable[[Json, str], Json], refused: _Refused
) -> Iterator[tuple[str, Json]]:
    """An entry for the spool of each instance that can be published; of two that would be one, the first."""
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
