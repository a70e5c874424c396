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
from transforms.pixels.search import TextSearch, merged


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
