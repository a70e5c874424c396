"""`--skip_done`: what an earlier operation of the same request has written is left out, whatever lists of instances the two had.

The table of Provenance says what was written, and not a clock. Ids of Provenance are keyed hashes of operation and source
instance, so whoever has the key knows by which id an earlier operation would have told of an instance; only that key's are found.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Sequence

from pipeline.operation import Clock, Operation
from pipeline.tables import Tables
from transforms.model.errors import InstanceProblem, OutcomeKind, PreflightError
from transforms.model.keys import KeyReference, Purpose, Secret
from transforms.model.names import Asked, OperationName
from transforms.model.places import place_of
from transforms.model.records import InstanceRef, InstanceUids
from transforms.model.storage import replace
from transforms.provenance.ids import ID_PREFIX, source_id
from transforms.read.collisions import UID_COLLISION
from transforms.write.destination import Destination

_BYTES = 16
"""Of an id, in the file of all that are done."""


def find_done(operation: Operation, asked: Asked, key: KeyReference, destination: Destination, clock: Clock) -> DoneReference | None:
    """What finished operations of the workspace that were asked for the same have written; None where there are none.

    Raises PreflightError where the destination is empty all the same, and ConfigError or StoreError where a table cannot be asked.
    """
    earlier = list(_earlier(operation, asked))
    ids = sorted(set[str]().union(*(Tables.of(one.workspace, one.folder).written(one.folder, clock) for one in earlier)))
    if not ids:
        return None
    if destination.is_empty():
        why = "it is empty, though earlier operations of this request wrote instances to it"
        raise PreflightError("--destination", why, "put them back, or leave --skip_done out")
    replace(operation.folder.done_file, (bytes.fromhex(one.removeprefix(ID_PREFIX)) for one in ids))
    names = tuple(dataclasses.replace(operation.name, operation_id=one.name.operation_id) for one in earlier)
    return DoneReference(str(operation.folder.done_file), names, key)


def _earlier(operation: Operation, asked: Asked) -> Iterator[Operation]:
    """The other operations of the workspace that were asked for this and came to their end, in the order of their names."""
    for other in operation.others():
        known = other.asked()
        if known is None or known.of_all != asked.of_all:
            continue
        state, counts = other.state(), other.counts()
        if state is not None and "response" in state and counts is not None and counts.reconciled:
            yield other


@dataclasses.dataclass(frozen=True)
class DoneReference:
    """Where it stands what is done; only this travels."""

    file: str
    """All ids of Provenance of what is done, sorted, 16 bytes each."""
    operations: tuple[OperationName, ...]
    """Who may have done it."""
    key: KeyReference

    def load(self) -> Done:
        """To be asked. Raises PreflightError where the key cannot be had."""
        return Done(place_of(self.file).read_bytes(), self.operations, self.key.load())


class Done:
    """Knows of an instance whether an earlier operation has done it."""

    def __init__(self, ids: bytes, operations: Sequence[OperationName], secret: Secret) -> None:
        self._ids, self._operations, self._key = ids, operations, secret.purpose(Purpose.PROVENANCE)

    def __call__(self, ref: InstanceRef, source: InstanceUids) -> InstanceRef:
        """The reference of the instance of these UIDs, if it is still to be done. Raises InstanceProblem (DONE_BEFORE, a skipped one).

        One whose UIDs others of the source have with another content is not skipped: nobody knows which of them was done. Where
        they would be told apart (`distinct`) though one was written under their common UID, all are held.
        """
        if ref.hold:
            return ref
        if self._has(source, ref.distinct):
            raise InstanceProblem("read", "DONE_BEFORE", "an earlier operation of the same request has written it", OutcomeKind.SKIPPED)
        if ref.distinct and self._has(source, ""):
            return dataclasses.replace(ref, distinct="", hold=UID_COLLISION)
        return ref

    def _has(self, source: InstanceUids, apart: str) -> bool:
        ids = (source_id(self._key, name, source, apart) for name in self._operations)
        return any(map(self._is_known, ids))

    def _is_known(self, identity: str) -> bool:
        wanted, count = bytes.fromhex(identity.removeprefix(ID_PREFIX)), len(self._ids) // _BYTES
        position = bisect.bisect_left(range(count), wanted, key=self._at)
        return position < count and self._at(position) == wanted

    def _at(self, position: int) -> bytes:
        return self._ids[position * _BYTES : (position + 1) * _BYTES]
