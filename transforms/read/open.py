"""From bytes to an open instance: the structure is checked first, then pydicom parses, and both must have read the same.

pydicom keeps elements raw and converts a value when it is first asked for. Nothing is converted here: a value that
cannot be converted shows in the stage that needs it, and a value that no stage needs is passed on as it is.
"""

from __future__ import annotations

import datetime as dt
import uuid

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from transforms.model.errors import InstanceProblem
from transforms.model.keys import PurposeKey
from transforms.model.large import Content, as_file, digest_of, view
from transforms.model.pictures import SAMPLES
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.model.storage import read_sized, read_start
from transforms.read.structure import SERIES, SOP_INSTANCE, STUDY, Structure, check, may_be_dicom, problem

HEAD_BYTES = 132
LOOKED_AT = 1 << 20
"""Bytes from which it is worth a request of its own to see whether a file may be DICOM before it is read."""
LARGE_VALUE = 1 << 20
"""Bytes from which a value is not copied while the file is parsed."""


def read_content(uri: str, size: int = 0) -> Content:
    """The whole content of a file. Raises InstanceProblem (NOT_DICOM, GONE, UNREADABLE, NO_ROOM).

    What is not DICOM by its first bytes is not read further where it is large, or nobody knows how large; of what is small `open_instance`
    says so. `size` in bytes, where it is known, decides besides whether the content is held in memory.
    """
    try:
        if not 0 < size < LOOKED_AT:
            head = read_start(uri, HEAD_BYTES)
            if head and not may_be_dicom(head):
                raise problem("NOT_DICOM")
        return read_sized(uri, size)
    except FileNotFoundError:
        raise gone() from None
    except OSError:
        raise InstanceProblem("read", "UNREADABLE", "the file cannot be read; it is closed to us or damaged") from None


def gone() -> InstanceProblem:
    """The outcome of an instance that went between listing and reading."""
    return InstanceProblem("read", "GONE", "the source has it no more; it was there when the source was listed")


def open_instance(ref: InstanceRef, content: Content, key: PurposeKey, started: dt.datetime) -> OpenInstance:
    """Parse a whole file. `key` is of Purpose.UID; it makes the UIDs that the header lacks.

    The data set's file meta always states its transfer syntax. Samples, which may be most of the file, are views of `content`, or of what
    that is inflated.
    Raises InstanceProblem and nothing else.
    """
    structure = check(content)
    dataset = _parse(structure)
    if not _agrees(dataset, structure):
        raise InstanceProblem("read", "UNPARSABLE", "the parser reads other elements than the file's structure has")
    dataset.file_meta.TransferSyntaxUID = UID(structure.transfer_syntax)
    dataset.buffer = None  # every value has been taken out of it
    return OpenInstance(ref=ref, source=source_uids(structure, content, key), dataset=dataset, started=started)


def source_uids(structure: Structure, content: Content, key: PurposeKey) -> InstanceUids:
    """The UIDs as in the header; one that is missing or empty is derived from the content, the same in every run.

    A derived study or series is that file's own: nothing in it says which others belong to it.
    """

    def uid(tag: int, role: str) -> str:
        return structure.values.get(tag) or _derived(role, content, key)

    return InstanceUids(study=uid(STUDY, "study"), series=uid(SERIES, "series"), instance=uid(SOP_INSTANCE, "instance"))


def _parse(structure: Structure) -> FileDataset:
    whole = view(structure.content)[: structure.end]
    try:
        dataset = pydicom.dcmread(as_file(whole), force=True, defer_size=LARGE_VALUE)
        for tag, length in structure.lengths.items():
            _fill_in(dataset, tag, length, memoryview(whole))
        return dataset
    except Exception as error:  # noqa: BLE001 - the parser raises what it likes, and its messages may quote values
        raise InstanceProblem("read", "UNPARSABLE", f"the parser fails with {type(error).__name__}") from None


def _fill_in(dataset: FileDataset, tag: int, length: int, content: memoryview) -> None:
    """Give a large value that the parser passed over, of so many bytes."""
    element = dataset.get_item(tag, keep_deferred=True)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        value = content[element.value_tell : element.value_tell + length]
        dataset[tag] = element._replace(value=value if tag in SAMPLES else bytes(value))


def _agrees(dataset: FileDataset, structure: Structure) -> bool:
    """Whether the parser found the elements that the walk found, each with a value of the same length."""
    if dataset.keys() != structure.lengths.keys():
        return False
    return all(_value_length(dataset, tag) in (None, length) for tag, length in structure.lengths.items())


def _value_length(dataset: FileDataset, tag: int) -> int | None:
    """Bytes of a raw value; None for a sequence, which is parsed already."""
    element = dataset.get_item(tag)
    return len(element.value or b"") if isinstance(element, RawDataElement) else None


def _derived(role: str, content: Content, key: PurposeKey) -> str:
    digest = key.digest(b"derived\0" + role.encode() + b"\0" + digest_of(content))
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"
