"""Frames of PALETTE COLOR: their colours, and what is written in indices that the palette shows alike (PS3.3 C.7.6.3.1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.processing import apply_color_lut

from transforms.pixels import contrast
from transforms.pixels.frames import swap_pairs

_PALETTE = (0x00281101, 0x00281102, 0x00281103)
_PALETTE_DATA = (0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223)
_NEITHER = 127
CLOSE = 4.0
"""Grey levels in each channel between colours that nobody tells from one another."""
SHOWN = 1 / 16
"""Share of the grey levels between two indices, where all that occur are spread over 0 to 255, up to which their colours hide the step.
In an even ramp of grey it is 1: that hides nothing."""
AROUND = 21
"""Pixels of the square that must look flat for a step in its middle to be hidden: the end of a ramp in speckle is seldom alone."""
LEAST = 80
"""Pixels at hidden steps, and pixels of the commonest index there, for a line of text: three letters of eight pixels have 87."""


def renderings(indices: NDArray[Any], dataset: FileDataset) -> Iterator[NDArray[np.uint8]]:
    """The colours of the palette, over the range of those that occur; the indices themselves if the palette cannot be used.

    A second one, in grey, where indices that the palette shows alike stand beside one another in what looks flat: it sets them apart there,
    and shows nothing of what the first one does, which would be found and read again. `indices` are (rows, columns) of 8 or 16 bits.
    """
    colours = _colours(indices, dataset)
    if colours is None:
        yield from contrast.renderings(indices)
        return
    counts = contrast.present_patterns(indices)
    seen = colours[counts > 0]
    low, high = seen.min(), seen.max()
    scale = contrast.GREYS / (high - low) if high > low else 0.0
    levels = np.clip((colours - low) * scale, 0, contrast.GREYS)
    shown = contrast.tabled(indices, np.rint(levels).astype(np.uint8))
    yield shown
    places = np.zeros(len(counts))
    places[counts > 0] = np.linspace(0, contrast.GREYS, len(seen))
    apart = _set_apart(levels, places, counts)
    if apart is None:
        return
    colour_range = _range(shown, AROUND)
    hidden = contrast.tabled(indices, apart)
    steps = _range(contrast.tabled(indices, np.rint(places).astype(np.uint8)), 3)
    is_flat = colour_range <= np.minimum(CLOSE, SHOWN * steps)
    if np.count_nonzero(is_flat & (_range(hidden, 3) > 0)) >= LEAST:
        hidden[colour_range > CLOSE] = _NEITHER
        yield hidden


def _colours(indices: NDArray[Any], dataset: FileDataset) -> NDArray[np.float64] | None:
    """The colour (red, green, blue) of each bit pattern of an index; None if the palette cannot be used."""
    palette = Dataset()
    palette.set_original_encoding(False, True)
    try:
        for tag in (*_PALETTE, *_PALETTE_DATA):
            if tag in dataset:
                palette.add(dataset[tag])
        if not dataset.original_encoding[1]:
            # pydicom expands palettes in little endian only; OW is words, so its bytes go in pairs.
            for tag in _PALETTE_DATA:
                if tag in palette and palette[tag].VR == "OW":
                    palette.add_new(tag, "OW", bytes(swap_pairs(palette[tag].value)))
        patterns = np.arange(1 << 8 * indices.itemsize, dtype=f"u{indices.itemsize}").view(indices.dtype)
        return apply_color_lut(patterns, palette)[..., :3].astype(np.float64)
    except Exception:  # noqa: BLE001 - a palette that contradicts itself fails in any way, with values in the message
        return None


def _set_apart(levels: NDArray[np.float64], places: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.uint8] | None:
    """For each bit pattern the grey level that sets it apart from those of its colour; None if all that occur are told by their colours.

    `levels`: the colour of each pattern, 0 to 255 a channel; `places`: those that occur spread evenly over as much; `counts`: how often
    each occurs. Patterns close to a common one are a group, whose grey levels go from 0 to 255 and rise at each hidden step; what is in no
    group with such a step is all the same grey.
    """
    (present,) = np.nonzero(counts)
    colours, places = levels[present], places[present]
    apart = np.full(len(levels), _NEITHER, np.uint8)
    alone = np.ones(len(present), bool)
    found = False
    for common in np.argsort(-counts[present], kind="stable"):
        if counts[present[common]] < LEAST:
            break
        if not alone[common]:
            continue
        (group,) = np.nonzero(alone & (np.abs(colours - colours[common]).max(axis=1) <= CLOSE))
        alone[group] = False
        is_hidden = np.abs(np.diff(colours[group], axis=0)).max(axis=1) < SHOWN * np.diff(places[group])
        if is_hidden.any():
            found = True
            way = np.append(0, np.cumsum(is_hidden))
            apart[present[group]] = np.rint(way * (contrast.GREYS / way[-1]))
    return apart if found else None


def _range(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """How far apart the values in the square around each pixel are, in the channel where they are farthest."""
    ranges = np.asarray(cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((side, side), np.uint8)), np.uint8)
    return ranges if ranges.ndim == 2 else ranges.max(axis=2)
