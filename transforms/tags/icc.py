"""ICC Profile (0028,2000) without its texts: who made it, on which device and when (ICC.1:2022, 7 and 10).

Descriptions and copyrights are blanked, the day of its making becomes that of a dummy, and what is no colour data is zero. What
computes colours stays byte for byte, so that an image looks as before.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable

from PIL import ImageCms

_HEADER, _ENTRY = 128, 12
_CLASS, _DATE, _SIGNATURE, _PLATFORM, _ID = slice(12, 16), slice(24, 36), slice(36, 40), slice(40, 44), slice(84, 100)
_INPUT = b"scnr"
"""The class of an input device, which PS3.3 C.11.15.1 asks for."""
_DUMMY_DATE = struct.pack(">6H", 1900, 1, 1, 0, 0, 0)
_COLOURS = frozenset(
    b"XYZ |chad|chrm|cicp|clro|curv|mAB |mBA |meas|mft1|mft2|mpet|para|sf32|sig |uf32|ui08|ui16|ui32|ui64|view".split(b"|")
)
"""Types of nothing but numbers and registered codes (10.2 to 10.31)."""


def without_texts(profile: bytes) -> bytes | None:
    """The profile, as long as before; None if it cannot be read as one."""
    try:
        return _blank(profile)
    except (struct.error, ValueError):
        return None


@functools.cache
def srgb() -> bytes:
    """A profile of the colours that are meant where nothing says which: IEC 61966-2-1, as of an input device. The same every time."""
    made = bytearray(_blank(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    made[_CLASS], made[_PLATFORM] = _INPUT, bytes(4)
    return bytes(made) + bytes(len(made) % 2)


def _blank(profile: bytes) -> bytes:
    if profile[_SIGNATURE] != b"acsp":
        raise ValueError
    (count,) = struct.unpack_from(">L", profile, _HEADER)
    start = _HEADER + 4 + count * _ENTRY
    entries = [struct.unpack_from(">4sLL", profile, _HEADER + 4 + number * _ENTRY) for number in range(count)]
    new = bytearray(len(profile))
    new[:start] = profile[:start]
    new[_DATE], new[_ID] = _DUMMY_DATE, bytes(16)
    for _, offset, size in entries:
        element = profile[offset : offset + size]
        if offset < start or len(element) != size or size < 8:
            raise ValueError
        new[offset : offset + size] = _element(element)
    return bytes(new)


def _element(element: bytes) -> bytes:
    """One tagged element (10.1): four letters say its type, four bytes are reserved."""
    kind = element[:4]
    if kind in _COLOURS:
        return element
    blank = _BY_TYPE[kind](element) if kind in _BY_TYPE else bytes(len(element) - 8)
    return element[:8] + blank


def _text(element: bytes) -> bytes:
    return b" " * (len(element) - 9) + b"\0" * min(1, len(element) - 8)


def _date(element: bytes) -> bytes:
    return _DUMMY_DATE + bytes(len(element) - 20)


def _description(element: bytes) -> bytes:
    """textDescriptionType of version 2: ASCII, Unicode and ScriptCode, each with its count; only the first must be there."""
    (count,) = struct.unpack_from(">L", element, 8)
    if not 1 <= count <= len(element) - 12:
        raise ValueError
    return element[8:12] + b" " * (count - 1) + bytes(len(element) - 12 - count + 1)


def _localized(element: bytes) -> bytes:
    """multiLocalizedUnicodeType: records of language, country, length and offset, then the texts."""
    count, size = struct.unpack_from(">LL", element, 8)
    end = 16 + count * size
    if size < _ENTRY or end > len(element):
        raise ValueError
    return element[8:end] + b"\0 " * ((len(element) - end) // 2) + bytes((len(element) - end) % 2)


_BY_TYPE: dict[bytes, Callable[[bytes], bytes]] = {b"text": _text, b"desc": _description, b"mluc": _localized, b"dtim": _date}
