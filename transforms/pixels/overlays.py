"""Text in overlay planes that a plan keeps: bitmaps of groups 60xx, searched and cleared like frames (PS3.3 C.9.2, PS3.5 8.1.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem
from transforms.model.pictures import OVERLAY_GROUPS, bitmap
from transforms.model.records import Action, TagFinding
from transforms.pixels.description import STAGE
from transforms.pixels.frames import swap_pairs
from transforms.pixels.search import Line

_ROWS, _COLUMNS, _FRAMES = 0x0010, 0x0011, 0x0015


@dataclasses.dataclass(frozen=True)
class Plane:
    """One overlay of an instance, unpacked."""

    tag: int
    """Of its OverlayData."""
    bits: NDArray[np.uint8]
    """0 and 1: (frames, rows, columns). Writable."""
    length: int
    """Bytes of the value."""
    swapped: bool
    """Whether bytes stand swapped in pairs, being OW in big endian."""

    def picture(self, frame: int) -> NDArray[np.uint8]:
        """A frame as it is drawn: white on black."""
        return np.asarray(self.bits[frame] * 255, np.uint8)

    def clear(self, frame: int, line: Line) -> None:
        """Take away what is drawn there."""
        self.bits[frame, max(line.top, 0) : line.bottom, max(line.left, 0) : line.right] = 0

    def value(self) -> bytes:
        """The plane as OverlayData."""
        packed = np.packbits(self.bits, bitorder="little").tobytes().ljust(self.length, b"\0")
        return bytes(swap_pairs(bytearray(packed))) if self.swapped else packed

    def finding(self, lines: list[Line]) -> TagFinding:
        """What went from it."""
        text = " ".join(line.text for line in lines if line.text.strip())
        count = f"{len(lines)} line{'s' if len(lines) > 1 else ''} of text in an overlay"
        return TagFinding(f"{self.tag:08X}", Action.CLEANED, f"Matched Expression: {count}", original=text or None)


def planes(dataset: FileDataset) -> Iterator[Plane]:
    """The overlays that have bitmaps of their own, one in memory at a time.

    Raises InstanceProblem BAD_OVERLAY where one is not of the size it is said to be.
    """
    for group in OVERLAY_GROUPS:
        stored = bitmap(dataset, group)
        if stored is None:
            continue
        value: bytes = stored.value or b""
        rows, columns, frames = (_number(dataset, group << 16 | element) for element in (_ROWS, _COLUMNS, _FRAMES))
        size = rows * columns * max(frames, 1)
        if size == 0 or len(value) * 8 < size:
            raise _bad()
        swapped = not dataset.original_encoding[1] and stored.VR == "OW"
        plain = swap_pairs(bytearray(value)) if swapped else value
        if any(plain[-(-size // 16) * 2 :]):
            raise _bad()
        bits = np.unpackbits(np.frombuffer(plain, np.uint8), count=size, bitorder="little").reshape(max(frames, 1), rows, columns)
        yield Plane(int(stored.tag), bits, len(value), swapped)


def _number(dataset: FileDataset, tag: int) -> int:
    value = _value(dataset, tag)
    try:
        return int(value) if value is not None else 0
    except (TypeError, ValueError):
        raise _bad() from None


def _value(dataset: FileDataset, tag: int) -> Any:
    """The value, converted; the element stays as it was read, since the tags' stage goes by the VR that it has there."""
    element = dataset.get_item(tag) if tag in dataset else None
    try:
        return convert_raw_data_element(element).value if isinstance(element, RawDataElement) else element and element.value
    except Exception:  # noqa: BLE001 - a value that cannot be converted, and a parser's message would quote it
        raise _bad() from None


def _bad() -> InstanceProblem:
    return InstanceProblem(
        STAGE, "BAD_OVERLAY", "an overlay is not of the size that its rows and columns say, so that it cannot be searched"
    )
