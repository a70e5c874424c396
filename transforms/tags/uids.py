"""New UIDs for old: keyed, stable, and the same wherever an old UID is named (PS3.5 B.2; PS3.15 E.1.1, code U)."""

from __future__ import annotations

import re
import uuid

from pydicom.datadict import keyword_for_tag

from transforms.model.keys import PurposeKey

_REGISTERED = re.compile(r"1\.2\.840\.10008(?:\.\d{1,4}){1,9}")
"""The form of every UID of the standard itself (PS3.6 A): SOP classes, transfer syntaxes, well-known frames of reference. A number of
five digits under its root is somebody's own."""

_WELL_FORMED = re.compile(r"[0-9]+\.[0-9.]+")
_KINDS = frozenset({0x0008010C, 0x0008010D, 0x00080117, 0x00080118, 0x00089123})
"""UIDs of coding schemes, context groups and mapping resources: they name a vocabulary."""
_VALID = re.compile(r"(?=.{1,64}\Z)[012](?:\.(?:0|[1-9][0-9]*))+")


class UidMapper:
    """The map from source UIDs to published ones under one secret; `key` is of Purpose.UID."""

    def __init__(self, key: PurposeKey) -> None:
        self._key = key

    def new(self, uid: str, distinct: str = "") -> str:
        """`2.25.` and the decimal of a UUID made of 128 bits of HMAC over the old UID.

        Padding does not count. A malformed UID is mapped like any other; an empty one and one of the standard stay.
        `distinct` (a content hash) tells apart instances that share a SOP Instance UID.
        """
        old = strip(uid)
        if not old or is_standard(old):
            return old
        name = f"{old}/{distinct}" if distinct else old
        return f"2.25.{uuid.UUID(bytes=self._key.digest(name.encode())[:16], version=5).int}"


def strip(uid: str) -> str:
    """A UID without its padding (NUL by PS3.5 9.1, a space by mistake)."""
    return uid.strip(" \0")


def is_valid(uid: str) -> bool:
    """Whether it is a UID (PS3.5 9.1): a root of ISO, components without leading zeros, at most 64 characters."""
    return _VALID.fullmatch(uid) is not None


def unfit(tag: int, value: str) -> str:
    """Why a value of VR UI cannot stay where UIDs stay; empty if it can. What is no UID may be anybody's name or number.

    A UID of a kind of thing, which is known by comparison with others, need only have the characters of one.
    """
    form, why = (_WELL_FORMED, "no UID, so it names no kind of thing") if names_a_kind(tag) else (_VALID, "no valid UID, PS3.5 9.1")
    return "" if all(form.fullmatch(strip(uid)) for uid in value.split("\\") if strip(uid)) else why


def names_a_kind(tag: int) -> bool:
    """Whether the UIDs of the attribute name a class, an encoding or a vocabulary, and so nobody's thing."""
    keyword = keyword_for_tag(tag)
    return tag in _KINDS or "Class" in keyword or "TransferSyntax" in keyword


def is_standard(uid: str) -> bool:
    """Whether a UID belongs to the standard, so that it names nobody; letters or long numbers after the root do not."""
    return _REGISTERED.fullmatch(uid) is not None
