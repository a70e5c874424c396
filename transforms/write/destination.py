"""Where published instances go: a folder, on disk or Cloud Storage, or a DICOM store. Either takes an instance whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import ClassVar, Protocol

from transforms.model.dicom_store import DicomStore
from transforms.model.dicomweb import client_of
from transforms.model.errors import InstanceProblem, OutcomeKind, StoreError
from transforms.model.large import Content
from transforms.model.part10 import transfer_syntax
from transforms.model.places import place_of
from transforms.model.records import InstanceUids
from transforms.write import local
from transforms.write.paths import check_uids, destination_path


class Destination(Protocol):
    """References only: it is pickled. All raise InstanceProblem where the destination does not do what is asked."""

    may_change: ClassVar[bool]
    """Whether it may keep other bytes than it was given."""

    def holds(self, target: InstanceUids, content: Content) -> bool:
        """Whether these very bytes stand there under that name; False where nothing does. Raises where others do."""

    def put(self, target: InstanceUids, content: Content) -> None:
        """Put an instance there that was not there; equal bytes that came there meanwhile are fine."""

    def publish(self, target: InstanceUids, content: Content) -> None:
        """Put an instance there; one of equal bytes there is an earlier run's, and fine."""
        if not self.holds(target, content):
            self.put(target, content)

    def digest(self, target: InstanceUids) -> str | None:
        """The SHA-256 in hex of what stands there under that name; None where nothing does."""

    def is_taken(self, target: InstanceUids) -> bool:
        """Whether anything stands there under that name, equal or not."""

    def withdraw(self, target: InstanceUids) -> None:
        """Take an instance back that an unfinished run published."""

    def is_empty(self) -> bool:
        """Whether nothing is there. Raises StoreError or OSError."""


@dataclasses.dataclass(frozen=True)
class Folder(Destination):
    """`<Study>/<Series>/<SOP Instance>.dcm` below a folder."""

    may_change: ClassVar[bool] = False
    name: str

    def holds(self, target: InstanceUids, content: Content) -> bool:
        """By comparing. Where another file stands: DESTINATION_EXISTS."""
        return local.holds(destination_path(self.name, target), content)

    def put(self, target: InstanceUids, content: Content) -> None:
        """In one step, which fails where a file stands already."""
        local.publish(destination_path(self.name, target), content)

    def digest(self, target: InstanceUids) -> str | None:
        """By reading."""
        return local.digest(destination_path(self.name, target))

    def is_taken(self, target: InstanceUids) -> bool:
        """By looking."""
        return local.is_taken(destination_path(self.name, target))

    def withdraw(self, target: InstanceUids) -> None:
        """By unlinking."""
        local.remove(destination_path(self.name, target), "destination")

    def is_empty(self) -> bool:
        """No file of ours; others may stand there."""
        return next(iter(place_of(self.name).glob("*/*/*.dcm")), None) is None


SHOWN_WITHIN = 20.0
"""Seconds that a store may take to show what it says it stored."""

_faithful: set[tuple[DicomStore, str]] = set()
"""Stores that were seen by this process to keep an instance of a transfer syntax as it was given: some transcode others."""


@dataclasses.dataclass(frozen=True)
class Store(Destination):
    """A DICOM store, by DICOMweb. It is asked before it is given anything: servers differ in what they make of an instance that
    they have already, and some answer that they stored what they threw away.
    """

    may_change: ClassVar[bool] = True
    store: DicomStore

    def holds(self, target: InstanceUids, content: Content) -> bool:
        """By comparing as it comes. Where another instance stands under that name: held, DUPLICATE_INSTANCE."""
        check_uids(target)
        same = self._compared(target, content)
        if same is False:
            sentence = "the destination store has another instance of that name; compare the two, and keep one"
            raise InstanceProblem("write", "DUPLICATE_INSTANCE", sentence, OutcomeKind.HELD)
        return same is True

    def put(self, target: InstanceUids, content: Content) -> None:
        """By STOW-RS, once it was asked whether it has it.

        Where the store warns, and until one instance of that transfer syntax was seen to stand there as it was given, it is read back: a
        store may keep another content (PS3.18 table I.2-1, B000), which no Provenance would be true of, STORE_CHANGES, or none, NOT_STORED.
        """
        try:
            answer = client_of(self.store).put(content)
        except StoreError as fault:
            raise _unavailable(fault) from None
        if not answer.stored:
            if not self.holds(target, content):
                raise InstanceProblem("write", "STORE_REFUSES", f"the destination store does not take the instance ({answer.said})")
            return
        like_this = (self.store, transfer_syntax(content))
        if not answer.said and like_this in _faithful:
            return
        same = self._compared(target, content, SHOWN_WITHIN)
        if same is None:
            sentence = f"the destination store says that it stored the instance, and has not shown it for {SHOWN_WITHIN:.0f} seconds"
            raise InstanceProblem("write", "NOT_STORED", f"{sentence}; look at the store's own log")
        if not same:
            raise self._changed(target, withdrawing=bool(answer.said))
        _faithful.add(like_this)

    def digest(self, target: InstanceUids) -> str | None:
        """By retrieving it."""
        try:
            return client_of(self.store).digest(target.path)
        except StoreError as fault:
            raise _unavailable(fault) from None

    def is_taken(self, target: InstanceUids) -> bool:
        """By retrieving it, and keeping nothing."""
        check_uids(target)
        return self._compared(target, b"") is not None

    def withdraw(self, target: InstanceUids) -> None:
        """By DELETE, which the Healthcare API has and PS3.18 has not."""
        try:
            gone = client_of(self.store).delete(target.path)
        except StoreError as fault:
            raise _unavailable(fault) from None
        if not gone:
            sentence = "an unfinished run published what is held now, and the destination store cannot delete; remove it there"
            raise InstanceProblem("write", "CANNOT_WITHDRAW", sentence)

    def is_empty(self) -> bool:
        """No study."""
        return not client_of(self.store).search("studies", {"limit": "1"})

    def _changed(self, target: InstanceUids, withdrawing: bool) -> InstanceProblem:
        """What stands there is taken back if that is asked and can be done. Without a warning it may be another's, who came between."""
        sentence = "the destination store keeps another content than it was given"
        if withdrawing:
            with contextlib.suppress(InstanceProblem):
                self.withdraw(target)
                return InstanceProblem("write", "STORE_CHANGES", f"{sentence}; it was taken back")
        return InstanceProblem("write", "STORE_CHANGES", f"{sentence}, and that stands there without Provenance; remove it there")

    def _compared(self, target: InstanceUids, content: Content, within: float = 0.0) -> bool | None:
        try:
            return client_of(self.store).compare(target.path, content, within)
        except StoreError as fault:
            raise _unavailable(fault) from None


def _unavailable(fault: StoreError) -> InstanceProblem:
    return InstanceProblem("write", "CANNOT_WRITE", f"the destination store does not answer as it should ({fault.got or 'no answer'})")
