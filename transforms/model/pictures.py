"""Where an instance has pictures in which text is looked for: samples of an image (PS3.3 C.7.6.3, C.7.6.24) and overlay planes (C.9.2)."""

from __future__ import annotations

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

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
