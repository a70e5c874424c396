"""The gallery: redacted frames as pictures in the page, each with its boxes for an outline over it."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
from typing import Any

import duckdb
import numpy as np
from markupsafe import escape
from numpy.typing import NDArray
from PIL import Image

from pipeline.report.gather import Row, ask
from pipeline.report.published import Published
from transforms.model.workspace import Workspace

SIDE = 640
"""Pixels of a picture's longer side, at most; the outline keeps the coordinates of the stored frame."""
QUALITY = 80
"""Of its JPEG."""
BYTES = 6_000_000
"""Of the page for all pictures, at most; the sample ends before the first that goes beyond."""
BOX_BYTES = 150
"""Of the page for the two outlines of a box, at most."""
TEXT_BYTES = 100
"""Of the page for what stands beside the text of a box, at most."""


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
    """A sample of all frames with boxes, of at most BYTES."""

    pictures: list[Picture]
    unreadable: int
    """How many frames that were looked at could not be shown."""
    frames: int
    """How many there are in all."""
    quotes: bool


def gallery(workspace: Workspace, table: duckdb.DuckDBPyConnection, operations: list[Row], quotes: bool) -> Gallery:
    """Frames of as many series as possible, those with the least sure text first. Without `quotes` no text leaves this function."""
    published = Published({row["Operation"]: workspace.operation(row["Id"]) for row in operations})
    rows = ask(table, "gallery")
    pictures: list[Picture] = []
    unreadable, size = 0, 0
    for _, group in itertools.groupby(rows, key=lambda row: (row["ProvenanceId"], row["Frame"])):
        boxes = list(group)
        shown = published.frame(boxes[0])
        if shown is None:
            unreadable += 1
            continue
        picture = _picture(boxes, shown, quotes)
        size += _size(picture)
        if size > BYTES:
            break
        pictures.append(picture)
    return Gallery(pictures, unreadable, rows[0]["Frames"] if rows else 0, quotes)


def _picture(boxes: list[Row], shown: NDArray[np.uint8], quotes: bool) -> Picture:
    names = ("Left", "Top", "Right", "Bottom", "InfoType", "Confidence", *(("Quote",) if quotes else ()))
    told: list[dict[str, Any]] = [{name: box[name] for name in names} for box in boxes]
    return Picture(boxes[0]["Instance"], boxes[0]["Frame"], shown.shape[1], shown.shape[0], _jpeg(shown), told)


def _size(picture: Picture) -> int:
    """Bytes that it takes in the page, at most."""
    texts = [escape(box["Quote"] or "") for box in picture.boxes if "Quote" in box]
    return len(picture.jpeg) + BOX_BYTES * len(picture.boxes) + sum(TEXT_BYTES + len(text.encode()) for text in texts)


def _jpeg(shown: NDArray[np.uint8]) -> str:
    image = Image.fromarray(shown)
    image.thumbnail((SIDE, SIDE))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
