"""A data set as a complete Part 10 file: preamble, file meta made afresh, the data set in its own transfer syntax (PS3.10 7.1)."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.deflate import deflated
from transforms.model.errors import InstanceProblem
from transforms.model.large import Content, View, joined
from transforms.tags.elements import UNDEFINED, Element, at, data_set, tags

IMPLEMENTATION_CLASS_UID = UID("2.25.19450933429962215356028957022816885966")
"""Ours for good: a random UUID, made once."""

IMPLEMENTATION_VERSION_NAME = "DICOM_DEID_0_1"

_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
"""Of a sequence of items, which are in little endian (PS3.5 A.4)."""

_BY_ENCODING = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}


def transfer_syntax(source: FileDataset) -> UID:
    """The transfer syntax of a source as it is really encoded; the file meta may be missing or wrong.

    Raises InstanceProblem `SYNTAX_MISMATCH` where the file meta names a compressed syntax in which the data set is not encoded.
    """
    encoding = source.original_encoding
    stated = UID(str(source.file_meta.get("TransferSyntaxUID", "") or ""))
    if stated.is_transfer_syntax and (stated.is_implicit_VR, stated.is_little_endian) == encoding:
        return stated
    if encoding not in _BY_ENCODING or (stated.is_transfer_syntax and stated.is_compressed):
        raise InstanceProblem("tags", "SYNTAX_MISMATCH", "the data set is not encoded as its transfer syntax says")
    return _BY_ENCODING[encoding]


def part10(dataset: Dataset, syntax: UID, sop_class: str, sop_instance: str, behind: View = b"") -> Content:
    """The file. `dataset` has the original encoding of its source, so that raw elements are written as they were read.

    `behind`: elements that follow those of `dataset`, encoded already, but not deflated.
    Raises InstanceProblem `CANNOT_ENCODE` where pydicom cannot write a value, and NO_ROOM.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=True)
    meta_group, parts = file.getvalue(), itertools.chain(_encoded(dataset, syntax), [behind])
    coded = deflated(parts) if syntax == DeflatedExplicitVRLittleEndian else parts
    return joined(itertools.chain([meta_group], coded), "tags")


def _encoded(dataset: Dataset, syntax: UID) -> Iterable[View]:
    """The data set in parts. The value of samples that are a view is one of them: pydicom would copy it, twice."""
    tag = next((tag for tag in sorted(dataset.keys()) if isinstance(dataset.get_item(tag).value, memoryview)), None)
    if tag is None:
        return [_written(dataset, syntax, dataset)]
    samples = dataset.get_item(tag)
    before, after = (data_set(part, dataset) for part in _around(dataset, int(tag)))
    return [_written(before, syntax, dataset), _header(samples, syntax), samples.value, _end(samples), _written(after, syntax, dataset)]


def _around(dataset: Dataset, middle: int) -> tuple[dict[int, Element], dict[int, Element]]:
    """The elements before a tag, and those behind it."""
    before = {tag: at(dataset, tag) for tag in tags(dataset) if tag < middle}
    return before, {tag: at(dataset, tag) for tag in tags(dataset) if tag > middle}


def _written(part: Dataset, syntax: UID, whole: Dataset) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    try:
        write_dataset(file, part, whole.get("SpecificCharacterSet", "iso8859"))
    except Exception as error:  # noqa: BLE001 - pydicom raises whatever a value makes it raise, and quotes the value
        raise InstanceProblem("tags", "CANNOT_ENCODE", f"an element cannot be written again ({type(error).__name__})") from None
    return file.getvalue()


def _header(samples: Element, syntax: UID) -> bytes:
    """Tag, VR and length of samples (PS3.5 7.1.2, 7.1.3); their VRs have lengths of 32 bits."""
    order = "<" if syntax.is_little_endian else ">"
    length = UNDEFINED if _is_of_items(samples) else len(samples.value or b"")
    vr = b"" if syntax.is_implicit_VR else str(samples.VR).encode() + b"\0\0"
    return struct.pack(f"{order}HH", samples.tag >> 16, samples.tag & 0xFFFF) + vr + struct.pack(f"{order}L", length)


def _end(samples: Element) -> bytes:
    return _DELIMITER if _is_of_items(samples) else b""


def _is_of_items(samples: Element) -> bool:
    return samples.length == UNDEFINED if isinstance(samples, RawDataElement) else samples.is_undefined_length
