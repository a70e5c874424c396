"""Names by what they are not: a capitalised word that is in no dictionary and on no list is a name more often than anything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from transforms.inspection.allowed import is_allowed, is_eponym, without_allowed
from transforms.inspection.finding import InfoType, TextFinding
from transforms.inspection.vocabulary import GIVEN_NAMES

_PLAIN = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_RUN = re.compile(rf"(?<!\w){_PLAIN}(?:(?:,?\s|\^)(?:[A-Z]\.\s?)?{_PLAIN})*(?!\w)")
_WORD = re.compile(_PLAIN)
_ENDINGS = (
    ("ies", "y"),
    ("es", ""),
    ("s", ""),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
    ("ly", ""),
    ("er", ""),
    ("al", ""),
    ("ally", ""),
    ("ic", ""),
)
_PARTICLES = r"Mac|Mc|De|Di|Du|La|Le|Van|Von|Fitz|St|O"
_ABBREVIATION = 3
_SHORTEST = 4
_SHORTEST_CAPITALS = 5
"""Letters of a word alone: shorter ones are abbreviations."""


def may_be_name(word: str) -> bool:
    """Whether a word looks like one of a name: no abbreviation (QRS), and no identifier of a program (FrameOffset)."""
    humps = re.findall(r"[A-ZÀ-Þ]?[^\WA-ZÀ-Þ\d_]+", word)
    joined = len(humps) > 1 and not re.match(_PARTICLES, word) and "'" not in word and "-" not in word
    return not joined and not (word.isupper() and len(word) <= _ABBREVIATION and word.lower() not in GIVEN_NAMES)


class Dictionary:
    """The words of a language."""

    def __init__(self, words: Iterable[str]) -> None:
        """`words`: base forms, lower case."""
        self._words = frozenset(words)

    def knows(self, word: str) -> bool:
        """Whether it is a word or a form of one, or on the allow-list."""
        small = re.sub(r"['’]s$", "", word.lower())
        if is_allowed(word) or small in self._words:
            return True
        if "-" in word:
            return all(self.knows(part) for part in word.split("-") if part)
        if small[-3:] == "ing" or small[-2:] == "ed":
            stem = small.removesuffix("ing").removesuffix("ed")
            if stem[-2:-1] == stem[-1:] and stem[:-1] in self._words:
                return True
        return any(small.endswith(end) and small[: -len(end)] + base in self._words for end, base in _ENDINGS)

    def names(self, text: str) -> Iterator[TextFinding]:
        """Runs of capitalised words of which one is unknown, and unknown capitalised words among others."""
        alone = len(_WORD.findall(text)) < 2
        for run in _RUN.finditer(text):
            words = [match for match in _WORD.finditer(text, *run.span()) if len(match.group()) > 1]
            for first, last in _capitalised(words):
                yield from self._in_run(text, words[first:last], alone=alone and not any(map(str.isdigit, text)))

    def _in_run(self, text: str, words: list[re.Match[str]], *, alone: bool) -> Iterator[TextFinding]:
        span = without_allowed(text, words[0].start(), words[-1].end())
        if span is None or is_eponym(text, *span):
            return
        inside = [word.group() for word in words if span[0] <= word.start() and word.end() <= span[1]]
        unknown = [word for word in inside if not self.knows(word) and may_be_name(word)]
        if len(inside) > 1 and (unknown or any(word.lower() in GIVEN_NAMES for word in inside)):
            yield TextFinding(*span, InfoType.PERSON_NAME, 0.6, "ner")
        elif len(inside) == 1 and not alone and any(len(word) >= (_SHORTEST_CAPITALS if word.isupper() else _SHORTEST) for word in unknown):
            yield TextFinding(*span, InfoType.PERSON_NAME, 0.5, "ner")


def _capitalised(words: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Where the longest runs of capitalised words begin and end (half open)."""
    first = 0
    for at in range(len(words) + 1):
        if at == len(words) or not words[at].group()[0].isupper():
            if at > first:
                yield first, at
            first = at + 1
