"""A frame as a reader sees it: the display pipeline of PS3.3 C.7.6.3.1 and C.11, down to 8 bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import convert_color_space

from transforms.pixels import contrast, palette
from transforms.pixels.coding import Decoded
from transforms.pixels.display import modality, through, voi
from transforms.pixels.padding import padding_range

_INVERTED = "MONOCHROME1"
_MONOCHROME = (_INVERTED, "MONOCHROME2")


def renderings(decoded: Decoded, dataset: FileDataset, frame: int) -> Iterator[NDArray[np.uint8]]:
    """The frame in 8 bits, (rows, columns) grey or (rows, columns, 3) RGB: over its full range, then in each VOI window and VOI LUT, then
    the middle and the ends of its values, each where those before do not show the same (`contrast.renderings`, and its bound on how many).

    Where some see other samples (`Decoded.masked`) these follow. Channels of CMYK, ARGB and of YBR of more than 8 bits are rendered one
    after another, each in grey.
    `frame` counts from 0 and chooses its own windows where functional groups give each frame some. A window, LUT or
    palette that cannot be applied is left out, as a viewer would leave it out; there is always a first rendering.
    Raises InstanceProblem TOO_MANY_WINDOWS.
    """
    samples, colour = decoded.samples, decoded.colour
    if colour == "PALETTE COLOR" and samples.ndim == 2 and samples.itemsize <= contrast.TABLE_BYTES:
        yield from palette.renderings(samples, dataset)
    elif samples.ndim == 2:
        curves = through(modality(dataset, frame), voi(dataset, frame)) if colour in _MONOCHROME else []
        yield from contrast.renderings(samples, curves, padding_range(dataset, samples.dtype), inverted=colour == _INVERTED)
    elif samples.shape[2] == 3 and not colour.startswith("YBR"):
        yield from contrast.renderings(samples)
    elif samples.shape[2] == 3 and samples.dtype == np.uint8:
        yield from contrast.renderings(_rgb(samples))
    else:
        # Retired CMYK and ARGB, and YBR of more bits, which the conversion does not take: text stands out in one channel at least.
        for channel in np.moveaxis(samples, 2, 0):
            yield from contrast.renderings(channel)
    if decoded.masked is not None:
        yield from renderings(Decoded(decoded.masked, colour), dataset, frame)


def _rgb(ybr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb = np.empty_like(ybr)
    for rows in contrast.bands(ybr):
        rgb[rows] = convert_color_space(ybr[rows], "YBR_FULL", "RGB")
    return rgb
