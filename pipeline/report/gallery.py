"""The gallery: redacted frames as pictures in the page, each with its boxes for an outline over it."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.report.gather import Row, ask
from pipeline.report.published import Published
from transforms.model.workspace import Workspace

SIDE = 640
"""Pixels of a picture's longer side, at most; the outline keeps the coordinates of the stored frame."""
QUALITY = 80
"""Of its JPEG."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """One frame; `boxes` have Left, Top, Right, Bottom in pixels of the stored frame, InfoType, Confidence and (if asked for) Quote."""

    instance: str
    frame: int
    """From 0."""
    width: int
    height: int
    jpeg: str
    """A data: URL."""
    boxes: list[Row]


@dataclasses.dataclass(frozen=True)
class Gallery:
    """A sample of all frames with boxes."""

    pictures: list[Picture]
    unreadable: int
    """How many frames of the sample could not be shown."""
    frames: int
    """How many there are in all."""
    quotes: bool


def gallery(workspace: Workspace, operations: list[Row], quotes: bool) -> Gallery:
    """Frames of as many series as possible, those with the least sure text first. Without `quotes` no text leaves this function."""
    published = Published({row["Operation"]: workspace.operation(row["Id"]) for row in operations})
    rows = ask(workspace, "gallery")
    pictures, sampled = [], 0
    for _, group in itertools.groupby(rows, key=lambda row: (row["ProvenanceId"], row["Frame"])):
        boxes, sampled = list(group), sampled + 1
        shown = published.frame(boxes[0])
        if shown is not None:
            pictures.append(_picture(boxes, shown, quotes))
    return Gallery(pictures, sampled - len(pictures), rows[0]["Frames"] if rows else 0, quotes)


def _picture(boxes: list[Row], shown: NDArray[np.uint8], quotes: bool) -> Picture:
    names = ("Left", "Top", "Right", "Bottom", "InfoType", "Confidence", *(("Quote",) if quotes else ()))
    told: list[dict[str, Any]] = [{name: box[name] for name in names} for box in boxes]
    return Picture(boxes[0]["Instance"], boxes[0]["Frame"], shown.shape[1], shown.shape[0], _jpeg(shown), told)


def _jpeg(shown: NDArray[np.uint8]) -> str:
    image = Image.fromarray(shown)
    image.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
