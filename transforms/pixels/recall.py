"""Lines read before: what stands at the same place with the same ink need not be read again, though its box moved by a cell."""

from __future__ import annotations

import collections
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.pixels.detector import CELL
from transforms.pixels.reading import Reading
from transforms.pixels.regions import Box

_KEPT = 256
"""Lines; a frame of a scanner's screen has some thirty."""

GRAIN = 2
"""Grey levels by which a pixel may differ: less than one stroke does of the faintest text that is found (`detector.FLAT`)."""

Image = NDArray[np.uint8]


class _Known(NamedTuple):
    edges: tuple[int, int, int, int]
    shape: tuple[int, ...]
    """Of the frame."""
    corner: tuple[int, int]
    """Where the cut begins in the frame, x and y."""
    cut: Image
    """The box as it was read, with CELL pixels around it."""
    reading: Reading


class Recall:
    """The readings of the last lines, by place and ink."""

    def __init__(self) -> None:
        self._known: collections.deque[_Known] = collections.deque(maxlen=_KEPT)

    def find(self, image: Image, box: Box) -> Reading | None:
        """What was read in `image` where `box` is, give or take a cell on each side; None where the ink was not the same.

        It is the same where no pixel of either box differs by more than grain from when it was read: small changes do not add up.
        """
        edges = _edges(box)
        near = (one for one in self._known if one.shape == image.shape and _is_near(one.edges, edges))
        return next((one.reading for one in near if _is_same(one, image, edges)), None)

    def keep(self, image: Image, box: Box, reading: Reading) -> None:
        """Remember what was read. What could not be read is tried again."""
        if reading.text:
            left, top = max(0, box.left - CELL), max(0, box.top - CELL)
            cut = image[top : box.bottom + CELL, left : box.right + CELL].copy()
            self._known.append(_Known(_edges(box), image.shape, (left, top), cut, reading))


def _edges(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right, box.bottom


def _is_near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= CELL for a, b in zip(one, other, strict=True))


def _is_same(known: _Known, image: Image, edges: tuple[int, int, int, int]) -> bool:
    x, y = known.corner
    left, top = (min(pair) for pair in zip(known.edges[:2], edges[:2], strict=True))
    right, bottom = (max(pair) for pair in zip(known.edges[2:], edges[2:], strict=True))
    now = image[top:bottom, left:right].astype(np.int16)
    return bool(np.abs(now - known.cut[top - y : bottom - y, left - x : right - x]).max() <= GRAIN)
