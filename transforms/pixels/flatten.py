"""An image as dark ink on white paper, whatever it was drawn on: only what is thinner than a stroke stays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

STROKE = 15
"""Pixels as stored: strokes of letters up to 70 pixels high are thinner."""

GRAIN = 20
"""Grey levels: a fainter difference from the surroundings is grain, which would be read as letters on every film."""

_NEIGHBOURHOOD = 4 * STROKE
"""Wide enough for some letters of a word, and narrow enough that a banner and the image below it are judged apart."""


def flattened(grey: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """`grey`, already enlarged by `scale`, without its backgrounds: 255 for paper, less for ink.

    A top-hat keeps bright strokes, a black-hat dark ones. Each also takes the gaps between strokes of the other kind, which
    are more: so the one with less response around a pixel is the one that shows the letters there.
    """
    element = cv2.getStructuringElement(cv2.MORPH_RECT, (_odd(STROKE * scale),) * 2)
    bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, element)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, element)
    around = (_odd(_NEIGHBOURHOOD * scale),) * 2
    # Sums in floating point: rounded to grey levels, both would often be equal.
    less = cv2.boxFilter(bright, cv2.CV_32F, around) <= cv2.boxFilter(dark, cv2.CV_32F, around)
    ink = np.where(less, bright, dark)
    return np.asarray(255 - cv2.subtract(ink, np.full_like(ink, GRAIN)), np.uint8)


def _odd(size: int) -> int:
    return size | 1
