"""Where published instances go: a folder, on disk or Cloud Storage, or a DICOM store. Either takes an instance whole or not at all."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from transforms.model.dicom_store import DicomStore
from transforms.model.dicomweb import client_of
from transforms.model.errors import InstanceProblem, OutcomeKind, StoreError
from transforms.model.large import Content
from transforms.model.places import place_of
from transforms.model.records import InstanceUids
from transforms.write import local
from transforms.write.paths import check_uids, destination_path


class Destination(Protocol):
    """References only: it is pickled. All raise InstanceProblem where the destination does not do what is asked."""

    def publish(self, target: InstanceUids, content: Content) -> None:
        """Put an instance there; one of equal bytes there is an earlier run's, and fine."""

    def has(self, target: InstanceUids, content: Content) -> bool:
        """Whether these very bytes stand there under that name."""

    def is_taken(self, target: InstanceUids) -> bool:
        """Whether anything stands there under that name, equal or not."""

    def withdraw(self, target: InstanceUids) -> None:
        """Take an instance back that an unfinished run published."""

    def is_empty(self) -> bool:
        """Whether nothing is there. Raises StoreError or OSError."""


@dataclasses.dataclass(frozen=True)
class Folder:
    """`<Study>/<Series>/<SOP Instance>.dcm` below a folder."""

    name: str

    def publish(self, target: InstanceUids, content: Content) -> None:
        """Where another file stands: DESTINATION_EXISTS."""
        local.publish(destination_path(self.name, target), content)

    def has(self, target: InstanceUids, content: Content) -> bool:
        """By comparing."""
        return local.stands(destination_path(self.name, target), content)

    def is_taken(self, target: InstanceUids) -> bool:
        """By looking."""
        return local.is_taken(destination_path(self.name, target))

    def withdraw(self, target: InstanceUids) -> None:
        """By unlinking."""
        local.remove(destination_path(self.name, target), "destination")

    def is_empty(self) -> bool:
        """No file of ours; others may stand there."""
        return next(iter(place_of(self.name).glob("*/*/*.dcm")), None) is None


@dataclasses.dataclass(frozen=True)
class Store:
    """A DICOM store, by DICOMweb. It is asked before it is given anything: servers differ in what they make of an instance that
    they have already, and some answer that they stored what they threw away.
    """

    store: DicomStore

    def publish(self, target: InstanceUids, content: Content) -> None:
        """Where another instance stands under that name: held, DUPLICATE_INSTANCE."""
        check_uids(target)
        if self._agrees(target, content):
            return
        try:
            refused = client_of(self.store).put(content)
        except StoreError as fault:
            raise _unavailable(fault) from None
        if refused and not self._agrees(target, content):
            raise InstanceProblem("write", "STORE_REFUSES", f"the destination store does not take the instance ({refused})")

    def has(self, target: InstanceUids, content: Content) -> bool:
        """By comparing as it comes."""
        return bool(self._compared(target, content))

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

    def _agrees(self, target: InstanceUids, content: Content) -> bool:
        """Whether the store has it; raises where it has another of that name."""
        same = self._compared(target, content)
        if same is False:
            sentence = "the destination store has another instance of that name; compare the two, and keep one"
            raise InstanceProblem("write", "DUPLICATE_INSTANCE", sentence, OutcomeKind.HELD)
        return same is True

    def _compared(self, target: InstanceUids, content: Content) -> bool | None:
        try:
            return client_of(self.store).compare(target.path, content)
        except StoreError as fault:
            raise _unavailable(fault) from None


def _unavailable(fault: StoreError) -> InstanceProblem:
    return InstanceProblem("write", "CANNOT_WRITE", f"the destination store does not answer as it should ({fault.got or 'no answer'})")
