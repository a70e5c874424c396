"""The allow-list: words of devices, anatomy, protocols and measurements, which name nobody (DESIGN 8)."""

from __future__ import annotations

import re

from transforms.inspection.vocabulary import ALLOWED, GIVEN_NAMES

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_HUMP = re.compile(r"(?<=[^\W\d_])(?=[A-Z][a-z])")
_AFTER = r"(?:['’]?s)?\s+(?:{})(?!\w)"
_NAMED_AFTER = re.compile(
    _AFTER.format(
        r"abscess|aneurysm|catheter|classification|clip|coil|criteria|cyst|disease|dystrophy|equation|filter|formula|fracture|hernia|kidney|"
        r"lesion|ligament|lymphoma|man(?:o)?euver|nodes?|palsy|phenomenon|procedure|repair|sarcoma|score|sign|stent|syndrome|triad|tumou?r"
    ),
    re.IGNORECASE,
)
"""What is called after those who described it."""
_MEASURED_BY = re.compile(
    _AFTER.format(
        r"angle|class|grade|grading|index|lines?|method|position|projection|ratio|scale|space|stage|test|tube|type|units?|views?|"
        r"I{1,3}|IV|V|VI|\d"
    ),
    re.IGNORECASE,
)
_IS_NUMBER = re.compile(r"\s+(?:I{1,3}|IV|V|VI|\d)(?!\w)")
"""What may as well stand beside the name of a person: a grade, a side of the examination, a number."""
_GRADED = frozenset(
    """
    allen ann arbor arnold ballantyne bigelow billroth bismuth bormann bosniak braak breslow brodsky caldwell child clark colles
    corlette couinaud crawford crowe debakey dubois edmondson eichhorn ellis evans fazekas fisher fitzpatrick fontaine fontan forrest
    fort frankel fuhrman galeazzi garden gartland gleason goldmann graf gustilo harris hawkins hess hill hinchey hounsfield hunt ishak
    jefferson jones judet karnofsky kellgren killip klatskin knosp koos lauge lawrence le letournel likert mallampati martin masaoka
    mason meyerding milan modic monteggia moorhead myerson neer norwood nyha outerbridge pauwels pfirrmann pipkin pugh raaf rankin
    ranson risser rockwood ross rutherford sachs salter schatzker scheuermann seldinger simon spetzler stanford steinberg stoller
    tanner thompson tile todani tossy townes trendelenburg urist vancouver waters weber winquist wolff
    """.split()
)
"""Names of gradings and views, which a number or such a word follows."""
_BOTH_NAMES = frozenset({"ann arbor", "charles bonnet", "charcot marie", "charcot marie tooth", "marie curie"})
"""Eponyms that hold a given name."""
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


def is_eponym(text: str, start: int, end: int, *, numbered: bool = True) -> bool:
    """Whether the name that stands there is that of a disease, sign, device or grading (Baker cyst, Gleason 3).

    A full name, one with a given name in it, is a person's (`John Smith 3`, `Harvey Cushing disease`); so is any of several words before
    a number, or a word like class and test, but for the names of gradings. `numbered`: whether one word before a number may be none.
    """
    parts = [match.group().lower().removesuffix("'s").removesuffix("’s") for match in _WORD.finditer(text, start, end)]
    after = _NAMED_AFTER.match(text, end) is not None
    measured = _MEASURED_BY.match(text, end) is not None
    if " ".join(parts) in _BOTH_NAMES or all(part in _GRADED for part in parts):
        return after or measured
    if len(parts) > 1:
        return after and not any(part in GIVEN_NAMES for part in parts)
    return after or (measured and (numbered or _IS_NUMBER.match(text, end) is None))
