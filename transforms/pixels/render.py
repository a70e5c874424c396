"""A frame as a reader sees it: the display pipeline of PS3.3 C.7.6.3.1 and C.11, down to 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, convert_color_space

from transforms.pixels.codecs import Decoded
from transforms.pixels.frames import swap_pairs

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_DISPLAY = (0x00280004, 0x00280101, 0x00280103, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056, 0x00283000, 0x00283010)
"""What the modality and VOI transformations need: windows, rescale, their LUTs, and the description of the samples."""

_GROUPED = (0x00289132, 0x00289145)
"""Frame VOI LUT and Pixel Value Transformation Sequence: where functional groups keep them (PS3.3 C.7.6.16)."""

_PALETTE = (0x00281101, 0x00281102, 0x00281103)
_PALETTE_DATA = (0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223)


def renderings(decoded: Decoded, dataset: FileDataset, frame: int) -> Iterator[NDArray[np.uint8]]:
    """The frame in 8 bits, (rows, columns) grey or (rows, columns, 3) RGB: over its full range, then in its first VOI window.

    `frame` counts from 0 and chooses its own window where functional groups give each frame one. A window, LUT or
    palette that cannot be applied is left out, as a viewer would leave it out; there is always a first rendering.
    """
    samples, colour = decoded.samples, decoded.colour
    if samples.ndim == 2 and colour == "PALETTE COLOR":
        yield _stretched(_through_palette(samples, dataset))
    elif samples.ndim == 2:
        dark_is_high = colour == "MONOCHROME1"
        yield _stretched(samples, dark_is_high)
        windowed = _windowed(samples, _display(dataset, frame)) if colour in _MONOCHROME else None
        if windowed is not None:
            yield _stretched(windowed, dark_is_high)
    elif samples.shape[2] == 3:
        yield _stretched(_rgb(samples) if colour.startswith("YBR") else samples)
    else:
        for channel in np.moveaxis(samples, 2, 0):  # retired CMYK and ARGB: text stands out in one of them at least
            yield _stretched(channel)


def _stretched(samples: NDArray[Any], inverted: bool = False) -> NDArray[np.uint8]:
    """The range of the samples laid over 0 to 255; a frame of one value is 0. What is no number is as the end of the range it lies at."""
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        finite = samples[np.isfinite(samples)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        samples = np.nan_to_num(samples, nan=low, posinf=high, neginf=low)
    low, high = float(samples.min()), float(samples.max())
    if not high > low:
        return np.zeros(samples.shape, np.uint8)
    wide: NDArray[np.floating[Any]] = samples.astype("f4" if samples.itemsize < 4 else "f8")
    grey = np.rint((wide - low) * (255.0 / (high - low))).astype(np.uint8)
    return np.subtract(255, grey, dtype=np.uint8) if inverted else grey


def _rgb(ybr: NDArray[Any]) -> NDArray[Any]:
    """RGB of 8-bit samples; of deeper ones, which the conversion does not take, the luminance."""
    return convert_color_space(ybr, "YBR_FULL", "RGB") if ybr.dtype == np.uint8 else ybr[..., 0]


def _through_palette(indices: NDArray[Any], dataset: FileDataset) -> NDArray[Any]:
    """RGB of 8 or 16 bits; the indices themselves if the palette cannot be used."""
    palette = Dataset()
    palette.set_original_encoding(False, True)
    for tag in (*_PALETTE, *_PALETTE_DATA):
        if tag in dataset:
            palette.add(dataset[tag])
    if not dataset.original_encoding[1]:
        # pydicom expands palettes in little endian only; OW is words, so its bytes go in pairs.
        for tag in _PALETTE_DATA:
            if tag in palette and palette[tag].VR == "OW":
                palette.add_new(tag, "OW", bytes(swap_pairs(palette[tag].value)))
    try:
        return apply_color_lut(indices, palette)[..., :3]
    except Exception:  # noqa: BLE001 - a palette that contradicts itself fails in any way, with values in the message
        return indices


def _display(dataset: FileDataset, frame: int) -> Dataset:
    """The display elements of one frame: its own functional group before the shared one before the top level."""
    display = Dataset()
    places = [dataset]
    for sequence, item in ((0x52009229, 0), (0x52009230, frame)):
        if sequence in dataset and len(dataset[sequence].value or ()) > item:
            group = dataset[sequence].value[item]
            places += [group[tag].value[0] for tag in _GROUPED if tag in group and group[tag].value]
    for place in places:
        for tag in _DISPLAY:
            if tag in place:
                display.add(place[tag])
    return display


def _windowed(samples: NDArray[Any], display: Dataset) -> NDArray[Any] | None:
    """The samples through the modality transformation and the first window or VOI LUT; None if there is none to apply."""
    if not ("WindowWidth" in display or "VOILUTSequence" in display):
        return None
    try:
        windowed = apply_voi_lut(apply_modality_lut(samples, display), display)
    except Exception:  # noqa: BLE001 - as with palettes
        return None
    return windowed if np.isfinite(windowed).all() else None
