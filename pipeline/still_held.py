"""What earlier runs held and the latest one did not come across: it waits in the quarantine all the same, for a person to judge.

Its source may be gone by now, or be broken; then what waits is the only copy. What is to be told of it when it is released is
therefore taken from run to run, for as long as it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from transforms.model import spool
from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.records import InstanceUids
from transforms.model.storage import remove, remove_all
from transforms.model.workspace import OperationFolder
from transforms.provenance.values import Json
from transforms.write.destination import Destination
from transforms.write.quarantine import quarantine_of

_EARLIER = "earlier"
"""Marks an outcome that is an earlier run's."""
_SENTENCE = "an earlier run held it, and this one did not read it; release it, or look for its source"


def set_aside(folder: OperationFolder) -> None:
    """Before a run: what may be released leaves the place where the run puts its own. Killed at any moment it can be repeated.

    A run that came to its end has carried over what was set aside before it.
    """
    if folder.counts_file.exists():
        remove_all(folder.set_aside)
    newer = spool.references(folder.releasable)
    for name in spool.shard_names(folder.set_aside) if newer else ():
        entries = list(spool.read_shard(folder.set_aside, name))
        rest = [_keyed(entry) for entry in entries if entry["reference"] not in newer]
        if len(rest) < len(entries):
            spool.write_entries(folder.set_aside, rest)
            spool.remove_shard(folder.set_aside, name)
    spool.write_entries(folder.set_aside, map(_keyed, spool.read_all(folder.releasable)))
    remove(folder.counts_file)  # from here on what is set aside is all there is
    remove_all(folder.releasable)


def carry_over(folder: OperationFolder, destination: Destination, waiting: Collection[str]) -> int:
    """After a run: what still waits (`told_and_waiting`), and was neither written nor held anew, may be released as before.

    But for those in whose place another is published by now: nobody can release them. How many the run says nothing else of: they are
    held ones of the operation, and have an outcome now. May be repeated.
    """
    aside = spool.references(folder.set_aside) if waiting else ()
    kept = {reference for reference in waiting if reference in aside}
    if not kept:
        return 0
    kept -= spool.references(folder.releasable)
    entries = [(reference, entry) for reference, entry in _entries(folder, kept) if not _is_taken(destination, entry)]
    said = spool.references(folder.outcomes)
    spool.write_entries(folder.outcomes, ((reference, _outcome(entry)) for reference, entry in entries if reference not in said))
    spool.write_entries(folder.releasable, entries)
    return sum(_EARLIER in entry for entry in spool.read_all(folder.outcomes))


def _is_taken(destination: Destination, entry: Json) -> bool:
    try:
        return destination.is_taken(InstanceUids(*entry["release"]["target"]))
    except InstanceProblem:
        return False  # who releases it is told


def told_and_waiting(folder: OperationFolder) -> tuple[set[str], set[str]]:
    """The references in the quarantine: of what is told of as published by now, and of what waits for a person."""
    held = quarantine_of(folder).waiting()
    published = spool.references(folder.spool) if held else ()
    told = {reference for reference in held if reference in published}
    return told, held - told


def leave_quarantine(folder: OperationFolder, told: Collection[str]) -> None:
    """What is told of as published waits no more. Raises InstanceProblem."""
    quarantine = quarantine_of(folder)
    for reference in told:
        quarantine.remove(reference)


def _entries(folder: OperationFolder, wanted: Collection[str]) -> Iterator[tuple[str, Json]]:
    return (_keyed(entry) for entry in spool.read_all(folder.set_aside) if entry["reference"] in wanted)


def _keyed(entry: Json) -> tuple[str, Json]:
    return entry["reference"], entry


def _outcome(entry: Json) -> Json:
    kind, code = OutcomeKind.HELD.value, entry["release"]["held"]
    return {"outcome": kind, "stage": "read", "code": code, "sentence": _SENTENCE, _EARLIER: True}
