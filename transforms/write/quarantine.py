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
from transforms.write.destination import SHOWN_WITHIN
from transforms.write.local import quarantine, remove
from transforms.write.paths import check_uids

GONE = "GONE"
"""The code of a problem with what cannot be had from the quarantine."""
_UNSURE = "unsure"
"""Said of what may not be the instance that the store was given."""
_REMAINS = ".left"
"""Names the files of what stays in the store of instances that are no longer held."""


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

    def clear(self) -> list[str]:
        """Take away all that is there; what is not gone, by the names of files or the paths of a store. Raises StoreError, OSError."""


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
        _write(self.reasons(reference), said)

    def waiting(self) -> set[str]:
        """By listing."""
        return {place.stem for place in listed(place_of(self.name), "*.dcm")}

    def content(self, reference: str) -> Content:
        """By reading."""
        file = self.file(reference)
        try:
            return read_sized(str(file), size(file))
        except FileNotFoundError:
            raise _gone() from None
        except OSError as error:
            sentence = f"its file in the quarantine cannot be read ({type(error).__name__})"
            raise InstanceProblem("write", "CANNOT_WRITE", sentence) from None

    def remove(self, reference: str) -> None:
        """By unlinking."""
        for path in (self.file(reference), self.reasons(reference)):
            remove(path, "quarantine")

    def clear(self) -> list[str]:
        """The whole folder."""
        remove_all(place_of(self.name))
        return [place.name for place in listed(place_of(self.name), "*")]


@dataclasses.dataclass(frozen=True)
class StoreQuarantine:
    """A DICOM store; what is said of an instance says too whether it is there, under which path, and its digest.

    Its word that it stored an instance is not taken: what stands there then is looked at, and until that is done it is `unsure`. What
    is not the instance is the store's version of it, and leaves the store; where that cannot delete, what stands there stays known.
    """

    store: DicomStore
    beside: FolderQuarantine

    def keep(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> None:
        """By STOW-RS, unchanged; else beside the store. An earlier run's of other bytes leaves the store, where that has DELETE."""
        there = {"store": self.store.name, "path": target.path, "sha256": digest_of(content).hex()}
        with _told():
            known = self._known(reference)
            left = {} if there.items() <= known.items() else self._left(reference)
            if not left and self._takes(reference, target, content, {**said, **there, _UNSURE: True}):
                self.beside.tell(reference, {**said, **there})
                remove(self.beside.file(reference), "quarantine")
                return
            left = left or self._left(reference)
        self.beside.keep(reference, target, content, {**said, **left})

    def _takes(self, reference: str, target: InstanceUids, content: Content, said: dict[str, Any]) -> bool:
        try:
            check_uids(target)
        except InstanceProblem:
            return False
        client = client_of(self.store)
        same = client.compare(target.path, content)
        if same is not None:
            return same and self._known(reference).get("path") == target.path  # an equal one is another's, who may take it away
        self.beside.tell(reference, said)  # first this: whatever is in the store is known of, even after a kill
        answer = client.put(content)
        return bool(client.compare(target.path, content, SHOWN_WITHIN if answer.stored else 0.0))

    def waiting(self) -> set[str]:
        """All of which something is said."""
        return {place.stem for place in listed(place_of(self.beside.name), "*.json")}

    def content(self, reference: str) -> Content:
        """By WADO-RS. It is ours alone: another one that took its place there counts as none."""
        known = self._known(reference)
        if "path" not in known or _UNSURE in known:
            return self.beside.content(reference)
        with _told():
            found = client_of(self.store).retrieve(known["path"])
        if found is None or digest_of(found).hex() != known["sha256"]:
            raise _gone()
        return found

    def remove(self, reference: str) -> None:
        """By DELETE, which the Healthcare API has and PS3.18 has not. What stays there without it is remembered for `clear`."""
        with _told():
            left = self._left(reference)
        if left:
            _write(self._remains(reference), left)
        self.beside.remove(reference)

    def clear(self) -> list[str]:
        """One by one."""
        paths = [left["path"] for reference in sorted(self.waiting()) if (left := self._left(reference))]
        paths += [json.loads(place.read_bytes())["path"] for place in listed(place_of(self.beside.name), f"*{_REMAINS}")]
        self.beside.clear()  # in the operation's own folder, which is looked at when that goes
        return paths

    def _left(self, reference: str) -> dict[str, Any]:
        """Take an instance out of the store; what stays of it there, which is nothing or may not be the instance.

        Something else in the place of what was seen to stand there is another's, and stays; so does what we gave it for another
        reference.
        """
        known, client = self._known(reference), client_of(self.store)
        found = client.digest(known["path"]) if "path" in known else None
        if found is None or (found != known["sha256"] and (_UNSURE not in known or self._is_anothers(reference, known["path"], found))):
            return {}
        if client.delete(known["path"]):
            return {}
        return {"store": self.store.name, "path": known["path"], "sha256": found, _UNSURE: True}

    def _is_anothers(self, reference: str, path: str, digest: str) -> bool:
        others = (self._known(other) for other in self.waiting() - {reference})
        return any((known.get("path"), known.get("sha256")) == (path, digest) for known in others)

    def _known(self, reference: str) -> dict[str, Any]:
        """What is said of an instance; empty where it is none."""
        try:
            said: dict[str, Any] = json.loads(self.beside.reasons(reference).read_bytes())
        except FileNotFoundError:
            return {}
        return said

    def _remains(self, reference: str) -> Place:
        return place_of(self.beside.name) / f"{reference}{_REMAINS}"


def _write(path: Place, said: dict[str, Any]) -> None:
    quarantine(path, json.dumps(said, indent=1).encode() + b"\n")


def _gone() -> InstanceProblem:
    return InstanceProblem("write", GONE, "its file is gone from the quarantine")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What a store fails with, as a problem of the instance."""
    try:
        yield
    except StoreError as fault:
        sentence = f"the quarantine's store does not answer as it should ({fault.got or 'no answer'})"
        raise InstanceProblem("write", "CANNOT_WRITE", sentence) from None
