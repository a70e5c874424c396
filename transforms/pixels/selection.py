"""Which of the lines found in a frame are redacted: all, or those that say something sensitive (API: ImageConfig).

A line that nothing could be read of, or not surely, is sensitive: what it says is not known. So is a line that inspection
names, that resembles a term of the instance's own header, or that a pattern of the config matches. What is neither stays.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import re2
from pydicom.dataset import Dataset

from transforms.inspection.allowed import without_allowed
from transforms.inspection.engine import Engine
from transforms.inspection.finding import TextFinding
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector, asked
from transforms.inspection.phrases import phrases_of
from transforms.inspection.resemblance import Resemblance
from transforms.model.plan import ImagePlan, Pattern
from transforms.pixels.search import Line

CUSTOM = "CUSTOM_REGEX"
"""The infoType of what a pattern of the config matches."""

UNREAD = "not read surely"
OUTSIDE = "outside the ultrasound regions"

_AS_TEXT = "LO"
"""The VR as which a line is inspected: one of free text."""
_GAP = 3
"""Line heights between two pieces of one row that are read together."""
_LONG_NUMBER = re.compile(r"\d(?:[\W_]?\d){4}")


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """A line that is redacted, and why."""

    line: Line
    info_type: str | None = None
    reason: str = ""
    """Where the infoType does not say it."""


Choice = Callable[[Sequence[Line]], list[Chosen]]
"""Which of the lines of one frame are redacted."""


def choose_all(lines: Sequence[Line], suspicious: Callable[[Line], bool]) -> list[Chosen]:
    """REDACT_ALL_TEXT; of a line that lies where identities are written this is told."""
    return [Chosen(line, reason=OUTSIDE if suspicious(line) else "") for line in lines]


class Sensitive:
    """Chooses for one instance."""

    def __init__(
        self, plan: ImagePlan, dataset: Dataset, engine: Engine, phrase_tags: Collection[int], suspicious: Callable[[Line], bool]
    ) -> None:
        """`phrase_tags`: elements whose values are phrases; `suspicious`: whether a line lies where identities are written."""
        terms = terms_of(dataset)
        self._engine = engine
        self._plan, self._inspector, self._alike = plan, Inspector(terms, engine), Resemblance(terms)
        phrases = phrases_of(dataset, phrase_tags if plan.phrases else ())
        self._phrases, self._alike_phrases = phrases, Resemblance(phrases)
        self._patterns = [(pattern.compiled(), pattern) for pattern in plan.patterns]
        self._suspicious = suspicious

    def __call__(self, lines: Sequence[Line]) -> list[Chosen]:
        """Those of the lines of a frame that are redacted, in their order.

        Pieces of one row are inspected together, too: a label and its value, or the parts of a date, may be apart.
        """
        pieces = [row for row in rows(lines) if len(row) > 1]
        texts = [line.text for line in lines if line.sure] + [_joined(row) for row in pieces]
        self._engine.expect(piece for text in texts for piece in asked(text, _AS_TEXT))
        by_row = dict(itertools.chain.from_iterable(map(self._in_row, pieces)))
        chosen = (self._chosen(line, by_row.get(number)) for number, line in enumerate(lines))
        return [one for one in chosen if one is not None]

    def _chosen(self, line: Line, in_row: str | None) -> Chosen | None:
        if not line.sure:
            return Chosen(line, reason=UNREAD)
        info_type = self._best(line.text) or in_row
        if info_type:
            return Chosen(line, info_type)
        return Chosen(line, reason=OUTSIDE) if self._suspicious(line) and not _is_harmless(line.text) else None

    def _in_row(self, row: Sequence[tuple[int, Line]]) -> Iterator[tuple[int, str]]:
        """What is found in the pieces of a row read as one, by the number of the line."""
        starts = list(itertools.accumulate((len(line.text) + 1 for _, line in row), initial=0))
        for finding in self._findings(_joined(row)):
            for (number, line), start in zip(row, starts, strict=False):
                if finding.start < start + len(line.text) and start < finding.end:
                    yield number, finding.info_type

    def _best(self, text: str) -> str | None:
        return max(self._findings(text), key=lambda one: one.confidence, default=_NOTHING).info_type or None

    def _findings(self, text: str) -> Iterator[TextFinding]:
        for found in (self._inspector.inspect(text, _AS_TEXT), self._alike.find(text)):
            yield from (one for one in found if self._is_wanted(one.info_type))
        yield from (*self._phrases.find(text, _AS_TEXT), *self._alike_phrases.find(text))
        for compiled, pattern in self._patterns:
            yield from (TextFinding(*span, CUSTOM, 1.0, "pattern") for span in _spans(compiled, pattern, text))

    def _is_wanted(self, info_type: str) -> bool:
        return info_type not in self._plan.exclude and (self._plan.only is None or info_type in self._plan.only)


_NOTHING = TextFinding(0, 0, "", 0.0, "")


def rows(lines: Iterable[Line]) -> list[list[tuple[int, Line]]]:
    """The lines as rows of pieces from left to right, each with its number among all; a wide gap begins another row."""
    done: list[list[tuple[int, Line]]] = []
    for number, line in sorted(enumerate(lines), key=lambda pair: (pair[1].left, pair[1].top)):
        row = next((row for row in done if _goes_on(row[-1][1], line)), None)
        if row is None:
            done.append([(number, line)])
        else:
            row.append((number, line))
    return done


def _goes_on(before: Line, line: Line) -> bool:
    height = min(before.bottom - before.top, line.bottom - line.top)
    beside = min(before.bottom, line.bottom) - max(before.top, line.top)
    return 2 * beside >= height and line.left - before.right <= _GAP * height


def _joined(row: Sequence[tuple[int, Line]]) -> str:
    return " ".join(line.text for _, line in row)


def _spans(compiled: re2._Regexp, pattern: Pattern, text: str) -> Iterator[tuple[int, int]]:
    for match in compiled.finditer(text):
        for group in pattern.groups or (0,):
            if match.start(group) < match.end(group):
                yield match.span(group)


def _is_harmless(text: str) -> bool:
    """Whether a line holds nothing but words of imaging and short numbers."""
    return without_allowed(text, 0, len(text)) is None and _LONG_NUMBER.search(text) is None
