"""Lines cut out of an image and made alike: dark ink on white paper, upright, one height; stacked to pages for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 44
"""Pixels of a strip with the room around its letters: capitals of about 28, where Tesseract reads best."""
GAP = 26
"""Pixels of paper between two strips of a page."""
MOST_ROWS = 60
WIDEST = 3200
"""Pixels; a longer line is squeezed."""
TALL = 1.4
"""How much taller than wide a line is that reads upward or downward; a shorter one may be one or two letters."""

Strip = NDArray[np.uint8]


def upright(image: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> Iterator[Strip]:
    """The strips of a line of `image`: one, or two where it stands on end and may read either way."""
    cut = grey(image[top:bottom, left:right])
    turns = (1, 3) if bottom - top > TALL * (right - left) else (0,)
    for turn in turns:
        yield _strip(np.ascontiguousarray(np.rot90(cut, turn)))


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One grey channel in which saturated letters keep their contrast: the brightest or the darkest, whichever has more."""
    if image.ndim == 2:
        return image
    candidates = (image.max(axis=2), image.min(axis=2))
    return max(candidates, key=lambda one: float(one.std()))


def _strip(cut: NDArray[np.uint8]) -> Strip:
    """Whichever side of the paper has the letters becomes dark; the paper is the median around, so that it may vary."""
    height = HEIGHT
    width = min(WIDEST, max(8, round(cut.shape[1] * height / cut.shape[0])))
    method = cv2.INTER_AREA if cut.shape[0] > height else cv2.INTER_CUBIC
    strip = np.asarray(cv2.resize(cut, (width, height), interpolation=method), np.int16)
    low, paper, high = (float(value) for value in np.percentile(strip, (2, 50, 98)))
    ink = strip - paper if high - paper > paper - low else paper - strip
    strongest = max(float(np.percentile(ink, 98)), 1.0)
    return np.asarray(255 - (ink * (255 / strongest)).clip(0, 255), np.uint8)


class Page(NamedTuple):
    """Strips under each other, and where each begins."""

    image: Strip
    tops: tuple[int, ...]

    def row(self, top: float, bottom: float) -> int:
        """The number of the strip in which the middle of something lies."""
        middle = (top + bottom) / 2 + GAP / 2
        return max(0, int(np.searchsorted(self.tops, middle, side="right")) - 1)


def pages(strips: Sequence[Strip]) -> Iterator[Page]:
    """All strips in order, at most MOST_ROWS a page."""
    for start in range(0, len(strips), MOST_ROWS):
        some = strips[start : start + MOST_ROWS]
        tops = tuple(GAP + number * (HEIGHT + GAP) for number in range(len(some)))
        image = np.full((GAP + len(some) * (HEIGHT + GAP), max(strip.shape[1] for strip in some) + 2 * GAP), 255, np.uint8)
        for top, strip in zip(tops, some, strict=True):
            image[top : top + HEIGHT, GAP : GAP + strip.shape[1]] = strip
        yield Page(image, tops)
