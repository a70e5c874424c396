"""Where an instance has pictures in which text is looked for: samples of an image (PS3.3 C.7.6.3, C.7.6.24) and overlay planes (C.9.2)."""

from __future__ import annotations

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

SAMPLES = (0x7FE00010, 0x7FE00009, 0x7FE00008)
"""Pixel Data, Double Float Pixel Data, Float Pixel Data; an image has one of them."""
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
"""Groups of overlays (PS3.5 7.6)."""
OVERLAY_DATA = 0x3000
"""Element of the bitmap in each of them."""
OVERLAY_VRS = ("OB", "OW", "UN")
"""VRs by which a bitmap is known: OB or OW (PS3.6), UN where the file states none, as in implicit VR."""


def bitmap(dataset: Dataset, group: int) -> DataElement | RawDataElement | None:
    """The OverlayData of a group as it stands, which `dataset[…]` would give another VR; None where it has no bytes to search."""
    tag = group << 16 | OVERLAY_DATA
    element = dataset.get_item(tag) if tag in dataset else None
    stated = element is not None and element.VR is not None and len(element.VR) == 2  # not so in implicit VR, nor `OB or OW`
    if element is None or (stated and element.VR not in OVERLAY_VRS):
        return None
    return element if isinstance(element.value, bytes) and element.value else None


def has_pixels(dataset: Dataset) -> bool:
    """Whether there is a value of PixelData, FloatPixelData or DoubleFloatPixelData; an empty one has nothing to search."""
    return any(tag in dataset and _bytes(dataset, tag) for tag in SAMPLES)


def is_searched(dataset: Dataset, overlays: bool) -> bool:
    """Whether there is a picture to search: samples, or an overlay, which presentation states have too, if `overlays` are."""
    return has_pixels(dataset) or (overlays and any(bitmap(dataset, group) is not None for group in OVERLAY_GROUPS))


def _bytes(dataset: Dataset, tag: int) -> int:
    """How many bytes the value has; a sequence has none."""
    value = dataset.get_item(tag).value
    return len(value) if isinstance(value, bytes | memoryview) else 0
