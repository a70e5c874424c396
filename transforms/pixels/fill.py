"""What a redacted box is filled with: black as a person sees it, by PhotometricInterpretation (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.processing import apply_color_lut

from transforms.model.errors import InstanceProblem
from transforms.pixels.coding import Decoded
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.display import modality, through, voi
from transforms.pixels.padding import without_padding

_LUMINANCE = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601, as in PS3.3 C.7.6.3.1.2."""


def black(decoded: Decoded, description: PixelDescription, dataset: FileDataset, frame: int) -> NDArray[Any]:
    """The stored sample of black for each channel, of the frame's dtype; `frame` counts from 0.

    Grey: of the lowest and the highest value that the frame itself holds the one that is shown darker, so that a box
    never widens the range of values that windows and statistics are taken from: the lowest for MONOCHROME2, the highest for
    MONOCHROME1, and the other way round where the modality transformation, or the first VOI LUT, falls; the value of padding, which
    says that there is no image (PS3.3 C.7.5.1.1.2), is none of them, unless all is padding. RGB: 0. YBR_FULL: no luminance, chroma
    in the middle. PALETTE COLOR: the index of the darkest entry. Raises InstanceProblem BAD_PALETTE.
    """
    samples = decoded.samples
    if decoded.colour == "PALETTE COLOR":
        value = [_darkest_index(description, dataset)]
    elif description.samples == 1:
        real = without_padding(samples, dataset)
        ends = np.array([real.min(), real.max()], np.float64)
        rescale, views = modality(dataset, frame), voi(dataset, frame)
        shown = (through(rescale, views[:1]) or [rescale])[0](ends)
        falls = bool(shown[0] > shown[1]) != (decoded.colour == "MONOCHROME1")
        value = [real.max() if falls else real.min()]
    elif decoded.colour == "YBR_FULL":
        middle = 0 if description.signed else 1 << (description.bits_stored - 1)
        value = [0, middle, middle]
    else:
        value = [0] * description.samples
    return np.array(value, samples.dtype)


def _darkest_index(description: PixelDescription, dataset: Dataset) -> int:
    indices = np.arange(1 << min(description.bits_stored, 16), dtype=np.uint16)
    try:
        colours = apply_color_lut(indices, dataset)
    except Exception:  # noqa: BLE001 - the palette's elements may hold anything, and the message would quote them
        raise InstanceProblem(STAGE, "BAD_PALETTE", "the palette of a PALETTE COLOR image cannot be read") from None
    return int(np.argmin(colours[..., :3] @ _LUMINANCE))
