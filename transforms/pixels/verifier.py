"""Whether a box holds a line of text: a second network looks at each box that the first one drew, all at one size.

The line detector sees a picture in few sizes, cell by cell; the verifier sees one box at a time, upright, as thick as any
other, with what stands around it, so that it tells letters from speckle, grids and bars that the detector takes for them. It
is asked of boxes only, which costs little. The network is `data/line_verifier.onnx`, made by `benchmarks/burned_in`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from transforms.pixels.networks import shipped

HEIGHT, WIDTH = 32, 128
"""Pixels of a window: a box with what stands around it."""
THICKNESS = 20
"""Pixels of a window that the thickness of its box takes."""
STEP = 88
"""Pixels from one window of a long box to the next, at most."""
BATCH = 64
"""Windows that the network is asked of at once, which bounds its memory."""
SUREST = 1e-6
"""How far from 0 and 1 a chance is, at least."""
_AROUND = (HEIGHT - THICKNESS) // 2
_FAINTEST = 8
"""Grey levels that are stretched to all, at least: fainter noise stays faint."""

Windows = NDArray[np.uint8]
"""(n, HEIGHT, WIDTH, 4): three colours, and which pixels belong to the box."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom: pixels of an image, half open."""


def windows(image: NDArray[np.uint8], box: Box) -> Windows:
    """What the verifier sees of a box of `image`, (rows, columns) grey or (rows, columns, 3) RGB; one that stands on end is turned."""
    left, top, right, bottom = box
    across, along = sorted((right - left, bottom - top))
    scale = THICKNESS / across
    length = max(1, round(along * scale))
    wide = max(WIDTH, length + 2 * _AROUND)
    extra, around = (wide - length) / 2 / scale, _AROUND / scale
    x, y = (extra, around) if right - left >= bottom - top else (around, extra)
    cut = _cut(image, round(left - x), round(top - y), round(right + x), round(bottom + y))
    if right - left < bottom - top:
        cut = np.rot90(cut)
    strip = cv2.resize(np.ascontiguousarray(cut), (wide, HEIGHT), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    inside = np.zeros((HEIGHT, wide), np.uint8)
    start = (wide - length) // 2
    inside[_AROUND : _AROUND + THICKNESS, start : start + length] = 255
    count = -(-(wide - WIDTH) // STEP) + 1
    starts = np.linspace(0, wide - WIDTH, count).round().astype(int)
    return np.stack([_window(strip[:, at : at + WIDTH], inside[:, at : at + WIDTH]) for at in starts])


def _cut(image: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    """A part of the image; its edge goes on where the part reaches beyond."""
    rows, columns = image.shape[:2]
    part = image[max(0, top) : bottom, max(0, left) : right]
    beyond = max(0, -top), max(0, bottom - rows), max(0, -left), max(0, right - columns)
    if any(beyond):
        part = cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE)
    return part


def _window(part: NDArray[np.uint8], inside: NDArray[np.uint8]) -> NDArray[np.uint8]:
    low, high = percentiles(part)
    factor = 255 / max(high - low, _FAINTEST)
    stretched = cv2.convertScaleAbs(np.maximum(part, np.uint8(low)), alpha=factor, beta=-low * factor)
    three = stretched if stretched.ndim == 3 else cv2.merge([stretched] * 3)
    return np.dstack([three, inside])


def percentiles(part: NDArray[np.uint8]) -> tuple[float, float]:
    """The 1st and the 99th percentile, as numpy's, at a fifth of its cost: of bytes one need only count."""
    below = np.cumsum(np.bincount(part.ravel(), minlength=256))
    low, high = ((part.size - 1) * share for share in (0.01, 0.99))
    return _ranked(below, low), _ranked(below, high)


def _ranked(below: NDArray[np.intp], rank: float) -> float:
    """The value at a rank that may lie between two."""
    whole = int(rank)
    one, next_one = np.searchsorted(below, (whole, whole + 1), side="right")
    return float(one + (rank - whole) * (next_one - one))


class LineVerifier:
    """Says of boxes how likely they hold text. Same image, same answers."""

    def __init__(self) -> None:
        self._network = shipped("line_verifier")

    def chances(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.float32]:
        """The chance of each box: that of its likeliest window. `image` as `windows`."""
        if not boxes:
            return np.zeros(0, np.float32)
        cuts = [windows(image, box) for box in boxes]
        chances = self.of_windows(np.concatenate(cuts))
        return np.asarray(np.maximum.reduceat(chances, np.cumsum([0, *(len(some) for some in cuts[:-1])])))

    def of_windows(self, every: Windows) -> NDArray[np.float32]:
        """The chance of each window, of one at least."""
        return np.concatenate([self._forward(every[start : start + BATCH]) for start in range(0, len(every), BATCH)])

    def _forward(self, some: Windows) -> NDArray[np.float32]:
        """The geometric mean of the odds of windows and of their negatives: two looks mistake grain for letters less than one does."""
        seen = np.ascontiguousarray(some.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        negative = seen.copy()
        negative[:, :-1] *= -1  # the last channel says which pixels belong to the box
        one, other = (np.clip(self._network(each).ravel().astype(np.float64), SUREST, 1 - SUREST) for each in (seen, negative))
        odds = np.sqrt(one * other / ((1 - one) * (1 - other)))
        return np.asarray(odds / (1 + odds), np.float32)
