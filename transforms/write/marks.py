"""Marks of what is about to be published, so that nothing stays in the destination that no Provenance tells of.

They are in the workspace before the first instance of a batch is in the destination. What a killed run published is thus known to the
next one, which proves it, or, where its source is gone or is held by now, takes it back. What stood in the destination before is not
marked: it is another's.
"""

from __future__ import annotations

import collections
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from transforms.model import spool
from transforms.model.errors import InstanceProblem
from transforms.model.large import digest_of
from transforms.model.names import OperationName, instance_name
from transforms.model.places import listed, place_of, side_by_side
from transforms.model.records import InstanceUids, ScrubbedInstance
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
    lines = [json.dumps([one.opened.ref.reference, _uids(one.target), digest_of(one.content).hex()]).encode() + b"\n" for one in new]
    if lines:
        content = b"".join(sorted(lines))
        create_if_absent(folder.marks / f"{hashlib.sha256(content).hexdigest()[:32]}.ndjson", content, 0o600)


def _uids(target: InstanceUids) -> list[str]:
    return [target.study, target.series, target.instance]


def take_back(folder: OperationFolder, name: OperationName, destination: Destination) -> int:
    """Take what is marked and told of by no Provenance of the workspace out of the destination; how many of them stay in it.

    Called when a run has come to its end; then the marks go, unless the destination did not do what it was asked. Raises OSError.
    """
    left = sum(not _gone(mark, destination) for mark in _unproven(folder, name.destination_store))
    if not left:
        remove_all(folder.marks)
    return left


def _unproven(folder: OperationFolder, store: str) -> list[Mark]:
    """The marked instances that no finished shard of the workspace names as being in `store`."""
    by_reference: collections.defaultdict[str, set[Mark]] = collections.defaultdict(set)
    for mark in _marks(folder):
        by_reference[mark.reference].add(mark)
    proven = spool.references(folder.spool) if by_reference else set()
    open_marks = [mark for reference, marks in by_reference.items() if reference not in proven or len(marks) > 1 for mark in marks]
    claimed = _claimed(folder) if open_marks else set()
    return [mark for mark in open_marks if instance_name(store, mark.target).encode() not in claimed]


def _marks(folder: OperationFolder) -> Iterator[Mark]:
    for content in side_by_side(folder.marks, lambda place: place.read_bytes(), listed(folder.marks, "*.ndjson")):
        for line in content.splitlines():
            reference, uids, digest = json.loads(line)
            yield Mark(reference, InstanceUids(*uids), digest)


def _claimed(folder: OperationFolder) -> set[bytes]:
    """The names of all instances that finished shards tell of, those of the operation and of all others in its workspace.

    Reads all shards: for the rare case of a file that should not be there.
    """
    shards = listed(place_of(folder.root).parent, f"*/{folder.spool.name}/*.ndjson")
    return {name for shard in shards if not shard.name.startswith(spool.HELD) for name in _NAME.findall(shard.read_bytes())}


def _gone(mark: Mark, destination: Destination) -> bool:
    """Whether it is not in the destination, now; what took its place there is another's, and stays."""
    try:
        if destination.digest(mark.target) == mark.digest:
            destination.withdraw(mark.target)
    except InstanceProblem:
        return False
    return True
