"""Every frame of an instance searched for text, and the boxes handed to redaction (DESIGN 6 and 7)."""

from __future__ import annotations

import dataclasses

from pydicom.dataset import FileDataset

from transforms.model.records import BoxFinding, OpenInstance, PixelSearch
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.redact import redact
from transforms.pixels.render import renderings
from transforms.pixels.search import Line, TextSearch


class Redactor:
    """Finds and hides text in instances. Same instance and engine, same result."""

    def __init__(self, search: TextSearch | None) -> None:
        """`search` is None under REDACT_NO_TEXT."""
        self._search = search

    def redact(self, opened: OpenInstance) -> OpenInstance:
        """The instance with what the pixel stage did. What can hide text beside the samples goes under either mode.

        One decoded frame is in memory at a time. Raises InstanceProblem (stage `pixels`).
        """
        if self._search is None:
            return dataclasses.replace(opened, pixels=redact(opened.dataset, ()))
        result = redact(opened.dataset, tuple(_boxes(opened.dataset, self._search)))
        return dataclasses.replace(opened, pixels=dataclasses.replace(result, search=PixelSearch.NAIVE))


def _boxes(dataset: FileDataset, search: TextSearch) -> list[BoxFinding]:
    description = PixelDescription.from_dataset(dataset)
    frames = locate(dataset, description)
    boxes = []
    for index in range(description.frames):
        images = renderings(decode(frames.frame(index), description), dataset, index)
        lines = merged([line for image in images for line in search.lines(image)])
        boxes += [BoxFinding(index, line.left, line.top, line.right, line.bottom, line.text, line.confidence) for line in lines]
    return boxes


def merged(lines: list[Line]) -> list[Line]:
    """Lines with those made one that are one line seen twice, in two renderings: half of the smaller lies in the other.

    From top to bottom. Lines that merely touch, as close lines do by their padding, stay apart. A grown box can cover
    others in turn, so this goes on until none does.
    """
    done: list[Line] = []
    for line in lines:
        grown = line
        while same := [other for other in done if _is_same(grown, other)]:
            done = [other for other in done if other not in same]
            grown = _union([grown, *same])
        done.append(grown)
    return sorted(done, key=lambda line: (line.top, line.left, line.right, line.bottom))


def _is_same(one: Line, other: Line) -> bool:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return width > 0 and height > 0 and 2 * width * height >= min(_area(one), _area(other))


def _area(line: Line) -> int:
    return (line.right - line.left) * (line.bottom - line.top)


def _union(lines: list[Line]) -> Line:
    """The box around all, with the text that has most letters at most confidence."""
    best = max(lines, key=lambda line: ((line.confidence or 0.0) * len(line.text), line.text))
    return Line(
        min(line.left for line in lines),
        min(line.top for line in lines),
        max(line.right for line in lines),
        max(line.bottom for line in lines),
        best.text,
        best.confidence,
    )
