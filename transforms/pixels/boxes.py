"""Boxes of the ISO base media format (ISO/IEC 14496-12), as the files of JPEG 2000 and of JPEG XL have them."""

from __future__ import annotations

from typing import NamedTuple

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE

MOST = 10_000
"""Boxes side by side, beyond which a frame is not read."""


class Box(NamedTuple):
    """One box: its header starts at `start`, its content stands in [body, end)."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: bytes, at: int, stop: int) -> list[Box]:
    """The boxes in [at, stop), even padding behind them left out. Raises InstanceProblem BAD_STREAM."""
    found: list[Box] = []
    last = len(data[:stop].rstrip(b"\0"))
    while at < last:
        size, body = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else stop
        if end < body or end > stop or len(found) == MOST:
            raise InstanceProblem(
                STAGE, "BAD_STREAM", "a coded frame cannot be read to its end: a box is cut off, or there is no end of them"
            )
        found.append(Box(data[at + 4 : at + 8], at, body, end))
        at = end
    return found


def packed(kind: bytes, content: bytes) -> bytes:
    """A box of this content, which is of less than 4 GB."""
    return (len(content) + 8).to_bytes(4, "big") + kind + content
