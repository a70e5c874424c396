"""The allow-list: words of devices, anatomy, protocols and measurements, which name nobody (DESIGN 8)."""

from __future__ import annotations

import re

from transforms.inspection.vocabulary import ALLOWED

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_MARKS = " \t\r\n.,;:^_-/&()"


def is_allowed(word: str) -> bool:
    """Whether a word is of the list; a plural is if its singular is."""
    bare = word.lower().replace("’", "'").removesuffix("'s")
    return len(bare) < 2 or bare in ALLOWED or (bare.endswith("s") and bare[:-1] in ALLOWED)


def without_allowed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The stretch without the allowed words and marks at its ends; None if nothing else is in it.

    A single letter between marks at an end stays with what it stands beside: it may be an initial.
    """
    words = [match for match in _WORD.finditer(text, start, end) if not is_allowed(match.group())]
    if not words:
        return None
    allowed = [match for match in _WORD.finditer(text, start, end) if len(match.group()) > 1 and is_allowed(match.group())]
    before = [match.end() for match in allowed if match.end() <= words[0].start()]
    after = [match.start() for match in allowed if match.start() >= words[-1].end()]
    start, end = max(before, default=start), min(after, default=end)
    while start < end and text[start] in _MARKS:
        start += 1
    while end > start and text[end - 1] in _MARKS:
        end -= 1
    return start, end
