"""A cheap look at a file at listing: which SOP instance it claims to be, and what its content hashes to."""

from __future__ import annotations

from transforms.model.errors import InstanceProblem
from transforms.model.large import Content
from transforms.model.storage import read_sized, read_start
from transforms.read.structure import find_sop_instance, may_be_dicom

HEAD_BYTES = 16 << 10
"""The SOP Instance UID stands within the first kilobytes of nearly every file; the rest are read whole."""


def sop_instance(uri: str, size: int) -> str | None:
    """The SOP Instance UID in a file's data set, stripped; None where the file has none or cannot be read.

    Says nothing about whether the file is whole. `size` is in bytes.
    """
    try:
        head = read_start(uri, HEAD_BYTES)
        if not may_be_dicom(head):
            return None
        return _find(head) or (_find(read_sized(uri, size)) if size > HEAD_BYTES else None)
    except (OSError, InstanceProblem):
        return None


def _find(content: Content) -> str | None:
    try:
        return find_sop_instance(content) or None
    except InstanceProblem:
        return None
