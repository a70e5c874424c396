"""The values in an element's decoded text (PS3.5, 6.2 and 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR", "UN", "OB"})
"""A backslash in these is a character like any other."""


def parts(text: str, vr: str) -> Iterator[tuple[int, str]]:
    """Each value of an element's decoded text with the character at which it begins."""
    start = 0
    for value in [text] if vr in _ONE_VALUE else text.split("\\"):
        yield start, value
        start += len(value) + 1
