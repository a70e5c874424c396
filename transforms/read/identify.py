"""A cheap look at a file at listing: which instance it claims to be."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from transforms.model.errors import InstanceProblem
from transforms.model.large import Content
from transforms.model.records import InstanceUids
from transforms.model.storage import read_sized, read_start
from transforms.read.structure import SERIES, SOP_INSTANCE, STUDY, find_uids, may_be_dicom

HEAD_BYTES = 16 << 10
"""The UIDs stand within the first kilobytes of nearly every file; the rest are read whole."""


def sop_instance(uri: str, size: int) -> str | None:
    """The SOP Instance UID in a file's data set, stripped; None where the file has none or cannot be read.

    Says nothing about whether the file is whole. `size` is in bytes.
    """
    return _look(uri, size, (SOP_INSTANCE,)).get(SOP_INSTANCE) or None


def instance_uids(uri: str, size: int) -> InstanceUids:
    """The same of study, series and instance; empty what the file does not say."""
    found = _look(uri, size, (STUDY, SERIES, SOP_INSTANCE))
    return InstanceUids(*(found.get(tag, "") for tag in (STUDY, SERIES, SOP_INSTANCE)))


def _look(uri: str, size: int, tags: Collection[int]) -> dict[int, str]:
    try:
        head = read_start(uri, HEAD_BYTES)
        if not may_be_dicom(head):
            return {}
        found = _find(head, tags)
        return found if all(map(found.get, tags)) or size <= HEAD_BYTES else _find(read_sized(uri, size), tags)
    except (OSError, InstanceProblem):
        return {}


def _find(content: Content, tags: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    with contextlib.suppress(InstanceProblem):
        for tag, uid in find_uids(content, tags):
            found[tag] = uid
            if len(found) == len(tags):
                break
    return found
