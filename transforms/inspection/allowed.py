"""The allow-list: words of devices, anatomy, protocols and measurements, which name nobody (DESIGN 8)."""

from __future__ import annotations

import re

from transforms.inspection.vocabulary import ALLOWED

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_HUMP = re.compile(r"(?<=[^\W\d_])(?=[A-Z][a-z])")
_EPONYM = re.compile(
    r"(?:['’]?s)?\s+(?:abscess|angle|aneurysm|catheter|class|classification|clip|coil|criteria|cyst|disease|dystrophy|equation|filter|formula|"
    r"fracture|grade|grading|hernia|index|kidney|lesion|ligament|lines?|lymphoma|man(?:o)?euver|method|nodes?|palsy|phenomenon|position|procedure|"
    r"projection|ratio|repair|sarcoma|scale|score|sign|space|stage|stent|syndrome|test|triad|tube|tumou?r|type|units?|views?|I{1,3}|IV|V|VI|\d)(?!\w)",
    re.IGNORECASE,
)
_MARKS = " \t\r\n.,;:^_-/&()"


def is_allowed(word: str) -> bool:
    """Whether a word is of the list; a plural is if its singular is, a word written in humps if its parts are."""
    bare = word.lower().replace("’", "'").removesuffix("'s")
    if len(bare) < 2 or bare in ALLOWED or (bare.endswith("s") and bare[:-1] in ALLOWED):
        return True
    humps = _HUMP.split(word)
    return len(humps) > 1 and all(map(is_allowed, humps))


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


def is_eponym(text: str, end: int) -> bool:
    """Whether the name that ends there is that of a disease, sign or device (Baker cyst, Gleason 3)."""
    return _EPONYM.match(text, end) is not None
