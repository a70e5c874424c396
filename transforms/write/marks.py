"""Marks of what is about to be published, so that nothing stays in the destination that no Provenance tells of.

They are in the workspace before the first instance of a batch is in the destination. What a killed run published is thus known to the
next one, which proves it, or, where its source is gone or is held by now, takes it back. What stood in the destination before is not
marked: it is another's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from transforms.model import spool
from transforms.model.errors import InstanceProblem
from transforms.model.large import digest_of
from transforms.model.names import OperationName, instance_name
from transforms.model.places import is_empty, listed, place_of, side_by_side
from transforms.model.records import InstanceUids, ScrubbedInstance
from transforms.model.references import References, digest
from transforms.model.storage import create_if_absent, remove_all
from transforms.model.workspace import OperationFolder
from transforms.write.destination import Destination

_NAME = re.compile(rb'"([^"]+/dicomWeb/studies/[0-9.]+/series/[0-9.]+/instances/[0-9.]+)"')
"""What Provenance names an instance by."""


class Mark(NamedTuple):
    """One instance that may have been published."""

    reference: str
    target: InstanceUids
    digest: str
    """SHA-256 of its bytes in hex."""


def set_marks(folder: OperationFolder, instances: Collection[ScrubbedInstance]) -> None:
    """Mark instances; those that are held, or published already, need none. Raises OSError."""
    new = (one for one in instances if not one.holds and not one.published)
    write_marks(folder, [Mark(one.opened.ref.reference, one.target, digest_of(one.content).hex()) for one in new])


def write_marks(folder: OperationFolder, marks: Collection[Mark]) -> None:
    """Write marks down, in one file. Raises OSError."""
    lines = [json.dumps([mark.reference, _uids(mark.target), mark.digest]).encode() + b"\n" for mark in marks]
    if lines:
        content = b"".join(sorted(lines))
        create_if_absent(folder.marks / f"{hashlib.sha256(content).hexdigest()[:32]}.ndjson", content, 0o600)


def _uids(target: InstanceUids) -> list[str]:
    return [target.study, target.series, target.instance]


def take_back(folder: OperationFolder, name: OperationName, destination: Destination, keep: bool = False) -> int:
    """Take what is marked and told of by no Provenance of the workspace out of the destination; how many of them stay in it.

    Other bytes that stand there in a store are its version of what it was given, or another's who came between the look and the mark:
    they stay, and count. Called when a run has come to its end; then the marks go, unless something stays, or they are to be kept. Raises
    OSError.
    """
    left, standing, ours = 0, dict[str, InstanceUids](), set[str]()
    for mark in doubtful(folder):
        at = instance_name(name.destination_store, mark.target)
        try:
            found = destination.digest(mark.target)
        except InstanceProblem:
            left += 1
            continue
        if found == mark.digest:
            ours.add(at)
        if found == mark.digest or (found is not None and destination.may_change):
            standing[at] = mark.target
    for claimed in _claimed(folder, standing.keys()) if standing else ():
        standing.pop(claimed, None)
    left += sum(at not in ours or not _withdrawn(target, destination) for at, target in standing.items())
    if not left and not keep:
        remove_all(folder.marks)
    return left


def doubtful(folder: OperationFolder) -> set[Mark]:
    """The marks of instances that no finished shard of the operation tells of, or that were not the same in all runs."""
    if is_empty(folder.marks):
        return set()
    told, marked, contents, untold = spool.references(folder.spool), References(), References(), References()
    for mark in _marks(folder):
        again, other = not marked.add(mark.reference), contents.add(digest(f"{mark.reference} {mark.digest}"))
        if (again and other) or mark.reference not in told:
            untold.add(mark.reference)
    return {mark for mark in _marks(folder) if mark.reference in untold} if untold else set()


def _marks(folder: OperationFolder) -> Iterator[Mark]:
    for content in side_by_side(folder.marks, lambda place: place.read_bytes(), listed(folder.marks, "*.ndjson")):
        for line in content.splitlines():
            reference, uids, digest = json.loads(line)
            yield Mark(reference, InstanceUids(*uids), digest)


def _claimed(folder: OperationFolder, names: Collection[str]) -> Iterator[str]:
    """Those of the names that finished shards tell of as written, shards of the operation and of all others in its workspace.

    Reads all shards: for the rare case of a file that should not be there. What one operation wrote may be what another read.
    """
    for shard in listed(place_of(folder.root).parent, f"*/{folder.spool.name}/*.ndjson"):
        if shard.name.startswith(spool.HELD):
            continue
        for line in shard.read_bytes().splitlines():
            if any(found.decode() in names for found in _NAME.findall(line)):
                yield from (target["identifier"]["value"] for target in json.loads(line)["provenance"]["target"])


def _withdrawn(target: InstanceUids, destination: Destination) -> bool:
    try:
        destination.withdraw(target)
    except InstanceProblem:
        return False
    return True
