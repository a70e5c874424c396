"""Three strengths of a search by networks: how sure a detector must be, whether it looks closer, and whether others are asked, or a reader.

| | our detector and verifier agree on a chance of | looks closer from | second detector | read |
|---|---|---|---|---|
| fast | FAST | never | no | no |
| default | DEFAULT | DOUBT | no | yes |
| strict | DEFAULT, and again on STRICT | DOUBT, and STRICT_DOUBT | yes | yes |

`strict` searches twice, since a piece of a line that little is asked of may stand where the whole line would have been found, and
each time in the negative of an image, too.

Reading decides nothing about what is a line: what nobody can read is a line all the same (DESIGN 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from transforms.model.records import PixelSearch
from transforms.pixels.detector import Found, LineDetector
from transforms.pixels.learned import LearnedDetector, weights
from transforms.pixels.reading import Reader, Reading
from transforms.pixels.recall import Recall
from transforms.pixels.regions import Region
from transforms.pixels.search import Line, TextSearch
from transforms.pixels.strips import upright
from transforms.pixels.tesseract import check_reading, languages_of, page_reader
from transforms.pixels.timing import Stopwatch

EDGE = 0.25
"""Chance down to which a line reaches."""
LEAST = 0.35
"""Chance that the detector must give a line somewhere, for the verifier to be asked."""
FAST, DEFAULT, STRICT = 0.88, 0.85, 0.5
"""Chance that detector and verifier must agree on. Chosen on the tuning seeds of `benchmarks/text_search.py`."""
DOUBT, STRICT_DOUBT = 0.01, 0.003
"""Chance from which a place is looked at closer, but by `fast`."""
SUSPECTED = 0.3
"""The same outside the regions of an ultrasound, where its machine writes who was seen and when; of every strength."""

SAME_LINE = 0.6
"""Share of the larger thickness that two overlapping boxes must have in common to be one line."""
ALONE = 0.4
"""Share of a line's height that must be its own for it to be read without what it shares with others."""
INSIDE = 0.8
"""Share of a box inside another from which it says nothing new."""

Image = NDArray[np.uint8]


class Detector(Protocol):
    """What finds lines in one image."""

    def find(self, image: Image, regions: tuple[Region, ...] = ()) -> list[Found]:
        """The lines of an image, (rows, columns) grey or (rows, columns, 3) RGB; outside the `regions`, if any, less is enough."""
        ...


class LineSearch:
    """Finds the lines of a frame by all its detectors in all renderings, and reads each once in every rendering that shows it."""

    def __init__(self, detectors: Sequence[Detector], reader: Reader | None, watch: Stopwatch | None = None) -> None:
        """`reader` is None where lines are not read; `watch` is told how long it takes to detect and to read."""
        self._detectors, self._reader, self._watch = tuple(detectors), reader, watch or Stopwatch()
        self._recall = Recall()

    def lines(self, *images: Image, regions: tuple[Region, ...] = ()) -> list[Line]:
        """As `TextSearch.lines`. Raises InstanceProblem OCR_FAILED."""
        images = tuple(np.ascontiguousarray(image) for image in images)
        with self._watch.measured("detect"):
            lines = self._detected(images, regions)
        with self._watch.measured("read"):
            readings = self._read(images, lines)
        return [Line(one.left, one.top, one.right, one.bottom, *reading) for one, reading in zip(lines, readings, strict=True)]

    def forget(self) -> None:
        """As `TextSearch.forget`."""
        self._recall = Recall()
        if self._reader:
            self._reader.forget()

    def _detected(self, images: Sequence[Image], regions: tuple[Region, ...]) -> list[_Seen]:
        seen = [
            _Seen(*box, (number,))
            for number, image in enumerate(images)
            for detector in self._detectors
            for box in detector.find(image, regions)
        ]
        return _joined(sorted(seen, key=lambda one: (-one.chance, one)))

    def _read(self, images: Sequence[Image], lines: Sequence[_Seen]) -> list[Reading]:
        if self._reader is None:
            return [Reading()] * len(lines)
        shown = [(line, image) for line in lines for image in line.images]
        readings = {(line, image): reading for line, image in shown if (reading := self._recall.find(images[image], line)) is not None}
        new = [one for one in shown if one not in readings]
        strips = [[*upright(images[image], *_alone(line, lines))] for line, image in new]
        answers = iter(self._reader.read([strip for some in strips for strip in some]))
        read = [max((next(answers) for _ in some), key=_worth) for some in strips]
        for (line, image), reading in zip(new, read, strict=True):
            self._recall.keep(images[image], line, reading)
        readings |= zip(new, read, strict=True)
        return [_agreed([readings[line, image] for image in line.images]) for line in lines]


class _Seen(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int
    chance: float
    images: tuple[int, ...]
    """The renderings that show it, at least in part."""


def _joined(boxes: Iterable[_Seen]) -> list[_Seen]:
    """Boxes with those of one line made one, from top to bottom. A grown box can reach others in turn, so this goes on until none does."""
    done: list[_Seen] = []
    for box in boxes:
        grown = box
        while same := [other for other in done if _is_same(grown, other)]:
            done = [other for other in done if other not in same]
            grown = _union([grown, *same])
        done.append(grown)
    return sorted(done, key=lambda one: (one.top, one.left, one.right, one.bottom))


def _is_same(one: _Seen, other: _Seen) -> bool:
    """Whether two boxes are one line seen twice; close lines stay apart."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return False
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    if width * height >= INSIDE * min(areas):
        return True
    if all(box.right - box.left >= box.bottom - box.top for box in (one, other)):
        return height >= SAME_LINE * max(one.bottom - one.top, other.bottom - other.top)
    if all(box.right - box.left <= box.bottom - box.top for box in (one, other)):
        return width >= SAME_LINE * max(one.right - one.left, other.right - other.left)
    return False


def _alone(line: _Seen, lines: Sequence[_Seen]) -> tuple[int, int, int, int]:
    """The box of a line up to the middle of what it shares with the line above and below, whose letters a reader would take for its own."""
    top, bottom = line.top, line.bottom
    for other in lines:
        if min(line.right, other.right) - max(line.left, other.left) <= 0 or min(line.bottom, other.bottom) <= max(line.top, other.top):
            continue
        if other.top < line.top and other.bottom < line.bottom:
            top = max(top, (line.top + other.bottom) // 2)
        elif other.top > line.top and other.bottom > line.bottom:
            bottom = min(bottom, (other.top + line.bottom) // 2)
    return (
        (line.left, top, line.right, bottom)
        if bottom - top >= (line.bottom - line.top) * ALONE
        else (line.left, line.top, line.right, line.bottom)
    )


def _union(boxes: Sequence[_Seen]) -> _Seen:
    return _Seen(
        min(one.left for one in boxes),
        min(one.top for one in boxes),
        max(one.right for one in boxes),
        max(one.bottom for one in boxes),
        max(one.chance for one in boxes),
        tuple(sorted({image for one in boxes for image in one.images})),
    )


def _agreed(readings: Sequence[Reading]) -> Reading:
    """The fullest of what a line says in several renderings; sure where all are, and none says what this one does not."""
    fullest = max(readings, key=_worth)
    return fullest._replace(sure=all(one.sure and one.text in fullest.text for one in readings))


def _worth(reading: Reading) -> float:
    return (reading.confidence or 0.0) * len(reading.text)


def text_search(strength: PixelSearch, languages: Sequence[str] = (), watch: Stopwatch | None = None) -> TextSearch:
    """The engine of a strength, made once a worker; `languages` as `languages_of`, `watch` as `LineSearch`.

    Raises ConfigError and PreflightError where what it needs is not installed (`check_search`).
    """
    if strength is PixelSearch.FAST:
        return LineSearch([LineDetector(EDGE, LEAST, FAST, SUSPECTED)], None, watch)
    strict = strength is PixelSearch.STRICT
    detectors: list[Detector] = [LineDetector(EDGE, LEAST, DEFAULT, SUSPECTED, DOUBT, negatives=strict)]
    if strict:
        detectors += [LineDetector(EDGE, LEAST, STRICT, SUSPECTED, STRICT_DOUBT, negatives=True), LearnedDetector()]
    return LineSearch(detectors, Reader(page_reader(languages_of(languages)), watch), watch)


def check_search(strength: PixelSearch, languages: Sequence[str]) -> None:
    """Whether all that a strength needs is installed and works. Raises ConfigError and PreflightError."""
    if strength is not PixelSearch.FAST:
        check_reading(languages_of(languages))
    if strength is PixelSearch.STRICT:
        weights()
