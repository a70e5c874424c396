"""Terms of the header in text that was read from pixels, where letters are taken for one another (DESIGN 8)."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from transforms.inspection.allowed import without_allowed
from transforms.inspection.finding import TextFinding
from transforms.inspection.folding import folded
from transforms.inspection.terms import Term, Terms

_TAKEN_FOR = str.maketrans(
    {"0": "o", "q": "o", "1": "l", "i": "l", "j": "l", "|": "l", "!": "l", "5": "s", "$": "s", "8": "b", "6": "g", "2": "z"}
)
"""Readers of small bitmap letters mix these up; each group is compared as one letter."""
_AS_DIGITS = str.maketrans(
    {"o": "0", "q": "0", "l": "1", "i": "1", "j": "1", "|": "1", "!": "1", "s": "5", "$": "5", "b": "8", "g": "6", "z": "2"}
)
_LETTERS = re.compile(r"[^\W_]|[|!$]")

ALIKE = 75.0
"""Per cent of letters that agree (rapidfuzz's normalised indel similarity): one wrong letter in four, two in eight."""
ALIKE_DIGITS = 85.0
"""For numbers, since any two share some digits: one wrong digit in seven."""
SHORTEST, SHORTEST_DIGITS = 4, 6
PART = 0.6
"""A text shorter than the term counts as a piece of it from this share of its letters on: a line may be cut."""


class Resemblance:
    """The terms of one instance, ready to be looked for in what was read."""

    def __init__(self, terms: Terms) -> None:
        self._spelled: dict[str, Term] = {}
        for term in terms:
            letters = "".join(term.words)
            if len(letters) >= (SHORTEST_DIGITS if letters.isdigit() else SHORTEST):
                self._spelled.setdefault(letters if letters.isdigit() else letters.translate(_TAKEN_FOR), term)

    def find(self, text: str) -> list[TextFinding]:
        """Where the text resembles a term, one finding a term, with the likeness as confidence; findings may overlap.

        A stretch of words of imaging that merely resembles a name is no finding.
        """
        readable = folded(text)
        places = [match.start() for match in _LETTERS.finditer(readable.text)]
        letters = "".join(readable.text[place] for place in places)
        shapes, numbers = letters.translate(_TAKEN_FOR), letters.translate(_AS_DIGITS)
        found = []
        for shape, term in self._spelled.items():
            place = _alike(shape, numbers if shape.isdigit() else shapes)
            if place is None:
                continue
            start, end, likeness = place
            one = TextFinding(readable.at[places[start]], readable.end(places[end - 1]), term.info_type, likeness * term.confidence, "term")
            if shape.isdigit() or without_allowed(text, *_whole_words(text, one)) is not None:
                found.append(one)
        return found


def _whole_words(text: str, finding: TextFinding) -> tuple[int, int]:
    start, end = finding.start, finding.end
    while start > 0 and text[start - 1].isalpha():
        start -= 1
    while end < len(text) and text[end].isalpha():
        end += 1
    return start, end


def _alike(shape: str, text: str) -> tuple[int, int, float] | None:
    """The stretch of the text that is most like the term, and how like it is, 0 to 1; None if nothing is like enough."""
    if len(text) < max(PART * len(shape), SHORTEST):
        return None
    best = fuzz.partial_ratio_alignment(shape, text, score_cutoff=ALIKE_DIGITS if shape.isdigit() else ALIKE)
    if best is None or best.dest_end <= best.dest_start:
        return None
    return best.dest_start, best.dest_end, best.score / 100
