"""Where held instances wait for a person, each with the reasons: a folder, or a DICOM store with a folder beside it.

A store has no place for reasons, and takes one instance of a UID: the reasons are in the folder, and so is what the store does not
take, because it has an instance of that UID already (two that are held may share one) or refuses ours.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Protocol

from transforms.model.dicom_store import DicomStore
from transforms.model.dicomweb import client_of
from transforms.model.errors import InstanceProblem, StoreError
from transforms.model.large import Content, digest_of
from transforms.model.places import Place, listed, place_of, size
from transforms.model.records import InstanceUids
from transforms.model.storage import read_sized, remove_all
from transforms.model.workspace import OperationFolder
from transforms.write.local import quarantine, remove
from transforms.write.paths import check_uids

GONE = "GONE"
"""The code of a problem with what cannot be had from the quarantine."""


class Quarantine(Protocol):
    """That of one operation. `reference` is of the instance; all but `clear` raise InstanceProblem."""

    def keep(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> None:
        """Put a held instance there, and what is said of it, in place of an earlier run's."""

    def waiting(self) -> set[str]:
        """The references of what may be there. Raises OSError."""

    def content(self, reference: str) -> Content:
        """A held instance, as it was kept."""

    def remove(self, reference: str) -> None:
        """Take away an instance, if it is there and can be."""

    def clear(self) -> int:
        """Take away all that is there; how many are not gone. Raises StoreError."""


def quarantine_of(folder: OperationFolder) -> FolderQuarantine | StoreQuarantine:
    """Where the held instances of an operation are: in its own folder, in another one, or in a store."""
    try:
        return StoreQuarantine(DicomStore.from_json(folder.quarantine_store_file.read_bytes()), FolderQuarantine(str(folder.quarantine)))
    except FileNotFoundError:
        pass
    try:
        return FolderQuarantine(folder.quarantine_file.read_bytes().decode(errors="surrogateescape"))
    except FileNotFoundError:
        return FolderQuarantine(str(folder.quarantine))


@dataclasses.dataclass(frozen=True)
class FolderQuarantine:
    """`REFERENCE.dcm`, and what is said of it in `REFERENCE.json`; on disk or Cloud Storage."""

    name: str

    def file(self, reference: str) -> Place:
        """The path of a held instance."""
        return place_of(self.name) / f"{reference}.dcm"

    def reasons(self, reference: str) -> Place:
        """The path of what is said of it."""
        return place_of(self.name) / f"{reference}.json"

    def keep(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> None:  # noqa: ARG002 - as of any
        """By renaming finished files."""
        self.tell(reference, said)
        quarantine(self.file(reference), content)

    def tell(self, reference: str, said: dict[str, Any]) -> None:
        """Write what is said of an instance."""
        quarantine(self.reasons(reference), json.dumps(said, indent=1).encode() + b"\n")

    def waiting(self) -> set[str]:
        """By listing."""
        return {place.stem for place in listed(place_of(self.name), "*.dcm")}

    def content(self, reference: str) -> Content:
        """By reading."""
        file = self.file(reference)
        try:
            return read_sized(str(file), size(file))
        except OSError:
            raise _gone() from None

    def remove(self, reference: str) -> None:
        """By unlinking."""
        for path in (self.file(reference), self.reasons(reference)):
            remove(path, "quarantine")

    def clear(self) -> int:
        """The whole folder."""
        remove_all(place_of(self.name))
        return 0


@dataclasses.dataclass(frozen=True)
class StoreQuarantine:
    """A DICOM store; what is said of an instance says too whether it is there, under which name, and its digest."""

    store: DicomStore
    beside: FolderQuarantine

    def keep(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> None:
        """By STOW-RS, unchanged; else beside the store. An earlier run's of other bytes leaves the store, where that has DELETE."""
        digest = digest_of(content).hex()
        with _told():
            if self._kept(reference).get("sha256", digest) != digest:
                self._delete(reference)
            taken = self._takes(reference, target, content, {**said, "store": self.store.name, "path": target.path, "sha256": digest})
        if taken:
            remove(self.beside.file(reference), "quarantine")
        else:
            self.beside.keep(reference, target, content, said)

    def _takes(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> bool:
        try:
            check_uids(target)
        except InstanceProblem:
            return False
        client = client_of(self.store)
        same = client.compare(target.path, content)
        ours = self._kept(reference).get("path") == target.path
        if same is not None and not (ours and same):  # an equal one is another's, who may take it away
            return False
        self.beside.tell(reference, said)  # first this: whatever is in the store is known of, even after a kill
        return bool(same) or client.put(content) == (True, "") or bool(client.compare(target.path, content))

    def waiting(self) -> set[str]:
        """All of which something is said."""
        return {place.stem for place in listed(place_of(self.beside.name), "*.json")}

    def content(self, reference: str) -> Content:
        """By WADO-RS. It is ours alone: another one that took its place there counts as none."""
        kept = self._kept(reference)
        if "path" not in kept:
            return self.beside.content(reference)
        with _told():
            found = client_of(self.store).retrieve(kept["path"])
        if found is None or digest_of(found).hex() != kept["sha256"]:
            raise _gone()
        return found

    def remove(self, reference: str) -> None:
        """By DELETE, which the Healthcare API has and PS3.18 has not."""
        with _told():
            self._delete(reference)
        self.beside.remove(reference)

    def clear(self) -> int:
        """One by one."""
        left = sum(not self._delete(reference) for reference in self.waiting())
        self.beside.clear()
        return left

    def _delete(self, reference: str) -> bool:
        """Whether it is not in the store, now; what took its place there is another's, and stays."""
        kept, client = self._kept(reference), client_of(self.store)
        if "path" not in kept or client.digest(kept["path"]) != kept["sha256"]:
            return True
        return client.delete(kept["path"])

    def _kept(self, reference: str) -> dict[str, Any]:
        """What is said of an instance; empty where it is none."""
        try:
            said: dict[str, Any] = json.loads(self.beside.reasons(reference).read_bytes())
        except FileNotFoundError:
            return {}
        return said


def _gone() -> InstanceProblem:
    return InstanceProblem("write", GONE, "its file cannot be read, or is gone from the quarantine")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What a store fails with, as a problem of the instance."""
    try:
        yield
    except StoreError as fault:
        sentence = f"the quarantine's store does not answer as it should ({fault.got or 'no answer'})"
        raise InstanceProblem("write", "CANNOT_WRITE", sentence) from None
