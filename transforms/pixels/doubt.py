"""Where a map leaves open whether something is written, so that one looks there again, closer.

Letters of seven pixels, faint ones, and the ends of lines cross few cells: the detector sees something there, and not enough to
say what. At twice the size it often knows. To look at all of a large frame so would cost four times what it costs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

GROWN = 6
"""Cells by which a place reaches beyond what is in doubt, for the rest of its line and what stands around it."""

Place = tuple[int, int, int, int]
"""Left, top, right and bottom: cells, half open."""


def places(region: NDArray[np.float32], least: float, lines: Iterable[Place]) -> list[Place]:
    """The parts of a map in which cells have a chance of at least `least` and lie in none of the `lines`, from top to bottom.

    `region` is (rows, columns) of cells, 0 to 1. Parts may overlap. With `least` 0 there is one, the whole.
    """
    rows, columns = region.shape
    doubtful = (region >= least).astype(np.uint8)
    for left, top, right, bottom in lines:
        doubtful[top:bottom, left:right] = 0
    around = cv2.dilate(doubtful, np.ones((2 * GROWN + 1, 2 * GROWN + 1), np.uint8))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(around, connectivity=8)
    return [(left, top, min(columns, left + width), min(rows, top + height)) for left, top, width, height, _ in boxes[1:].tolist()]
