"""Where an ultrasound machine writes beside its images: outside the calibrated regions (PS3.3 C.8.5.5)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pydicom.dataset import Dataset


class Box(Protocol):
    """Any box. Pixels of the frame, half open."""

    @property
    def left(self) -> int: ...  # noqa: D102
    @property
    def top(self) -> int: ...  # noqa: D102
    @property
    def right(self) -> int: ...  # noqa: D102
    @property
    def bottom(self) -> int: ...  # noqa: D102


class Region(NamedTuple):
    """One calibrated region. Pixels of the frame, edges inside."""

    left: int
    top: int
    right: int
    bottom: int


def regions(dataset: Dataset) -> tuple[Region, ...]:
    """The regions that SequenceOfUltrasoundRegions states; those that cannot be read are left out, so that more lies outside."""
    found = []
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        try:
            edges = (item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1)
            found.append(Region(*map(int, edges)))
        except Exception:  # noqa: BLE001, S112 - the items come from anywhere
            continue
    return tuple(found)


def is_outside(box: Box, known: tuple[Region, ...]) -> bool:
    """Whether a box lies outside the regions, at least in part; never where an instance has none."""
    return bool(known) and not any(
        region.left <= box.left and box.right - 1 <= region.right and region.top <= box.top and box.bottom - 1 <= region.bottom
        for region in known
    )
