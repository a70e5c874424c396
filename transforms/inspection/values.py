"""The values in an element's text (PS3.5, 6.2 and 6.4), and the forms of some."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR", "UN", "OB"})
"""A backslash in these is a character like any other."""
UID_FORM = re.compile(r"\d+(?:\.\d+)+")
"""What may be a UID inside a text."""
NOT_STATED = "iso8859"
"""pydicom's name for the default repertoire, which is ASCII but is decoded as if it were Latin-1."""


def is_utf8(value: bytes) -> bool:
    """Whether bytes, of which some are beyond ASCII, are UTF-8: where no character set is stated they are then read so."""
    if value.isascii():
        return False
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def parts(text: str, vr: str) -> Iterator[tuple[int, str]]:
    """Each value of an element's decoded text with the character at which it begins."""
    start = 0
    for value in [text] if vr in _ONE_VALUE else text.split("\\"):
        yield start, value
        start += len(value) + 1
