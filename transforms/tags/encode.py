"""A data set as a complete Part 10 file: preamble, file meta made afresh, the data set in its own transfer syntax (PS3.10 7.1)."""

from __future__ import annotations

import zlib

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.errors import InstanceProblem

IMPLEMENTATION_CLASS_UID = UID("2.25.19450933429962215356028957022816885966")
"""Ours for good: a random UUID, made once."""

IMPLEMENTATION_VERSION_NAME = "DICOM_DEID_0_1"

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


def part10(dataset: Dataset, syntax: UID, sop_class: str, sop_instance: str) -> bytes:
    """The file. `dataset` has the original encoding of its source, so that raw elements are written as they were read.

    Raises InstanceProblem `CANNOT_ENCODE` where pydicom cannot write a value.
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
    start = file.tell()
    try:
        write_dataset(file, dataset)
    except Exception as error:  # noqa: BLE001 - pydicom raises whatever a value makes it raise, and quotes the value
        raise InstanceProblem("tags", "CANNOT_ENCODE", f"an element cannot be written again ({type(error).__name__})") from None
    content = file.getvalue()
    return content[:start] + _deflated(content[start:]) if syntax == DeflatedExplicitVRLittleEndian else content


def _deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(content) + compressor.flush()
    return deflated + b"\0" * (len(deflated) % 2)
