"""Where a line ends: as long as ink like its own goes on along it, a letter may be left out.

The cells of a last letter are seen worst, and a faint, a cut or a spaced one may have none. But most of its line is known by then:
what is ink in it and what is paper, and between which rows the letters stand.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LONG = 4
"""How many times longer than thick a box is of which that is known well enough."""
THICKEST = 0.15
"""Share of the shorter side of an image from which a line is so thick that a letter more is a part of the picture."""
LEAST_THICK = 5
"""Pixels: of thinner lines there is nothing between their edges."""
EDGE = 0.25
"""Share of the thickness at each edge that is not looked at: neighbours and soft edges stand there."""
MOST = 2.0
"""Thicknesses that ink is followed beyond a box."""
GAP = 0.5
"""Thicknesses without ink after which a line is over."""
PAPER = 0.2
"""Share of the way from paper to ink that paper may be off, for it to be that of the line."""
UNREST = 0.03
"""Share of the way from paper to ink by which paper may be less even than that of the line: grain goes on for ever."""
LEAST_INK = 0.02
"""Share of a line that its ink takes at least."""
CONTRAST = 8.0
"""Grey levels between ink and paper, at least."""
FULL, WIDEST = 0.85, 0.2
"""Share of a column that is ink from which it may be a bar's, and thicknesses from which so many of them are wider than a stem."""
SOFT = 2
"""Pixels kept beyond the last ink."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom: pixels of an image, half open."""


def completed(image: NDArray[np.uint8], box: Box) -> Box:
    """`box` of a line in `image`, (rows, columns) grey or (rows, columns, 3) RGB, up to where its ink ends at both ends."""
    left, top, right, bottom = box
    if bottom - top > right - left:
        top, left, bottom, right = completed(np.swapaxes(image, 0, 1), (top, left, bottom, right))
        return left, top, right, bottom
    thick = bottom - top
    if thick < LEAST_THICK or thick > THICKEST * min(image.shape[:2]) or right - left < LONG * thick:
        return box
    edge, reach = int(EDGE * thick), int((MOST + GAP) * thick) + 1
    start = max(0, left - reach)
    band = _strongest(image[top + edge : bottom - edge, start : right + reach], left - start, right - start)
    own = slice(left - start, right - start)
    ink = _ink(band, own, thick)
    if ink is None:
        return box
    before = _followed(ink, range(own.start - 1, -1, -1), thick)
    after = _followed(ink, range(own.stop, band.shape[1]), thick)
    if before is not None:
        left = max(0, start + before - SOFT)
    if after is not None:
        right = min(image.shape[1], start + after + 1 + SOFT)
    return left, top, right, bottom


def _strongest(band: NDArray[np.uint8], left: int, right: int) -> NDArray[np.uint8]:
    """The colour of a band in which what lies from `left` to `right` varies most."""
    if band.ndim == 2:
        return np.ascontiguousarray(band)
    deviations = [float(band[:, left:right, colour].std()) for colour in range(band.shape[2])]
    return np.ascontiguousarray(band[..., int(np.argmax(deviations))])


def _ink(band: NDArray[np.uint8], own: slice, thick: int) -> NDArray[np.float64] | None:
    """The share of ink in each column of a band, like that of its `own`; NaN where a column is another's. None if ink cannot be told."""
    inside = np.ascontiguousarray(band[:, own])
    level, _ = cv2.threshold(inside, 0, 255, cv2.THRESH_OTSU)
    light = inside > level
    is_ink = light if light.mean() < 0.5 else ~light
    if is_ink.mean() < LEAST_INK:
        return None
    ink, paper = float(np.median(inside[is_ink])), float(np.median(inside[~is_ink]))
    if abs(ink - paper) < CONTRAST:
        return None
    middle = (ink + paper) / 2
    inked = (band >= middle) if ink > paper else (band <= middle)
    share = np.asarray(inked.mean(axis=0))
    full = (share >= FULL).astype(np.uint8)[np.newaxis]
    bar = cv2.morphologyEx(full, cv2.MORPH_OPEN, np.ones((1, int(WIDEST * thick) + 1), np.uint8))[0] > 0
    other_paper = (share == 0) & (np.abs(np.median(band, axis=0) - paper) > PAPER * abs(ink - paper))
    unrest = _unrest(band, inked, paper, thick)
    grain = unrest > np.percentile(unrest[own], 90) + UNREST * abs(ink - paper)
    grain[own] = False
    share[bar | other_paper | grain] = np.nan
    return share


def _unrest(band: NDArray[np.uint8], inked: NDArray[np.bool_], paper: float, thick: int) -> NDArray[np.float32]:
    """By how many grey levels most of what is no ink is off the paper, in each column with those around it."""
    off = np.sort(np.where(inked, np.float32(np.inf), np.abs(band - np.float32(paper))), axis=0)
    count = (~inked).sum(axis=0)
    most = np.where(count > 0, off[np.maximum(count - 1, 0) // 2, np.arange(off.shape[1])], np.float32(0))
    return np.asarray(cv2.blur(most[np.newaxis], (max(3, thick // 2) | 1, 1))[0])


def _followed(ink: NDArray[np.float64], columns: range, thick: int) -> int | None:
    """The last of `columns` that has ink, before a gap, another's column, or MOST of a thickness; None if none has."""
    last, missing = None, 0
    for column in columns[: int(MOST * thick)]:
        if np.isnan(ink[column]) or missing > GAP * thick:
            break
        last, missing = (column, 0) if ink[column] else (last, missing + 1)
    return last
