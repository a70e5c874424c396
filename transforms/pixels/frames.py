"""Frames inside the value of PixelData, found and put back without decoding (PS3.5 8.2 and A.4).

pydicom's value of an encapsulated PixelData is its items, the offset table first, without the sequence delimiter,
which pydicom writes itself; `assemble` gives the same.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem
from transforms.model.large import Content, View, joined, let_go, pieces, view
from transforms.model.syntaxes import JPEG_XLS
from transforms.pixels import jpegxl
from transforms.pixels.description import STAGE, PixelDescription

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_HEADER = 8
_MAX_LENGTH = 0xFFFFFFFE
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""How a coded frame begins: JPEG and JPEG-LS (SOI), JPEG 2000 (SOC, SIZ), JP2 (signature box)."""
_LOOKED_AT = 64
"""Bytes of a fragment that tell whether a frame begins with it."""
_RLE_START = re.compile(rb"[\x01-\x0f]\0\0\0\x40\0\0\0")
"""How an RLE frame begins: up to 15 segments, the first behind the header (PS3.5 G.5)."""


class Assembled(NamedTuple):
    """A new value of PixelData, and of (7FE0,0001) and (7FE0,0002) where the source has them."""

    value: View
    extended_offsets: tuple[bytes, bytes] | None


@dataclasses.dataclass(frozen=True, slots=True)
class NativeFrames:
    """Frames of samples as they are."""

    value: memoryview
    description: PixelDescription
    trailing: int
    """Bytes after the last frame, beyond one of even padding."""

    def frame(self, index: int) -> bytes:
        """The samples of one frame from the first bit of its first byte on, least significant bit first if 1-bit."""
        frame = extract_bits(self.value, index * self.description.frame_bits, self.description.frame_bits)
        let_go(self.value)
        return frame


@dataclasses.dataclass(frozen=True, slots=True)
class CodedFrames:
    """Frames of fragments."""

    fragments: tuple[tuple[memoryview, ...], ...]
    """By frame, as they stand in the file, even padding included."""
    basic_offsets: bool
    """Whether the basic offset table has entries."""
    extended_lengths: tuple[int, ...] | None
    """Frame lengths without padding, where the source has an extended offset table."""
    trailing: int
    """Bytes after the last item (or after a sequence delimiter among the items)."""

    def frame(self, index: int) -> bytes:
        """The coded stream of one frame, even padding included."""
        frame = b"".join(self.fragments[index])
        let_go(self.fragments[index][0])
        return frame

    def assemble(self, changed: Mapping[int, bytes]) -> Assembled:
        """The value with some frames replaced; the fragments of all others stay byte for byte.

        An empty basic offset table stays empty; one with entries, and the extended table, are made anew.
        """
        sizes = [sum(_HEADER + len(part) for part in self._parts(index, changed)) for index in range(len(self.fragments))]
        offsets = list(itertools.accumulate(sizes, initial=0))[:-1]
        basic = b""
        if self.basic_offsets and offsets[-1] <= _MAX_LENGTH:
            basic = struct.pack(f"<{len(offsets)}I", *offsets)
        value = view(joined((piece for content in itertools.chain([basic], self._contents(changed)) for piece in _item(content)), STAGE))
        if self.extended_lengths is None:
            return Assembled(value, None)
        lengths = [len(changed[index]) if index in changed else length for index, length in enumerate(self.extended_lengths)]
        return Assembled(value, (struct.pack(f"<{len(offsets)}Q", *offsets), struct.pack(f"<{len(lengths)}Q", *lengths)))

    def _contents(self, changed: Mapping[int, bytes]) -> Iterator[View]:
        """Those of all items behind the offset table; a frame's pages are let go when the next is asked for."""
        for index, fragments in enumerate(self.fragments):
            yield from self._parts(index, changed)
            let_go(fragments[0])

    def _parts(self, index: int, changed: Mapping[int, bytes]) -> Sequence[View]:
        """The fragments of a frame as they will stand in the file."""
        if index not in changed:
            return self.fragments[index]
        frame = changed[index]
        return (frame + b"\0" * (len(frame) % 2),)


def locate(dataset: FileDataset, description: PixelDescription) -> NativeFrames | CodedFrames:
    """Where the frames of an instance are; the value is not copied.

    Raises InstanceProblem: PIXEL_LENGTH where native samples are missing or whole frames are surplus, BAD_FRAGMENTS where
    the items cannot be read, do not tell one frame from another, or hold more frames than the header says.
    """
    value = memoryview(dataset.get_item(description.element).value or b"")
    if description.native:
        return _native(value, description)
    offsets, lengths = (bytes(dataset[tag].value or b"") if tag in dataset else b"" for tag in (0x7FE00001, 0x7FE00002))
    begins = functools.partial(jpegxl.begins, description=description) if description.transfer_syntax in JPEG_XLS else _looks_like_a_start
    return coded_frames(value, description.frames, offsets, lengths, begins)


def extract_bits(value: memoryview, start: int, length: int) -> bytes:
    """`length` bits from bit `start` on, bit 0 being the least significant of byte 0; unused bits of the last byte are 0."""
    first, last = start // 8, -(-(start + length) // 8)
    if start % 8 == 0 and length % 8 == 0:
        return bytes(value[first:last])
    bits = (int.from_bytes(value[first:last], "little") >> start % 8) & ((1 << length) - 1)
    return bits.to_bytes(-(-length // 8), "little")


def _native(value: memoryview, description: PixelDescription) -> NativeFrames:
    expected = -(-description.frame_bits * description.frames // 8)
    if len(value) < expected:
        raise InstanceProblem(STAGE, "PIXEL_LENGTH", f"{description.element} is shorter than Rows, Columns and NumberOfFrames need")
    surplus = len(value) - expected
    if surplus > 1 and 8 * surplus >= description.frame_bits:
        raise InstanceProblem(STAGE, "PIXEL_LENGTH", f"{description.element} holds more frames than NumberOfFrames says")
    if description.swapped:
        value = memoryview(swapped(value))
    return NativeFrames(value, description, 0 if surplus <= 1 else surplus - expected % 2)


def swapped(value: View | bytearray) -> Content:
    """A whole value with each pair of bytes exchanged. Raises InstanceProblem NO_ROOM."""
    return joined((bytes(swap_pairs(piece)) for piece in pieces(value)), STAGE)


def swap_pairs(value: View | bytearray) -> bytearray:
    """The bytes with each pair exchanged; a lone last byte stays."""
    swapped = bytearray(value)
    even = len(swapped) // 2 * 2
    swapped[0:even:2], swapped[1:even:2] = swapped[1:even:2], swapped[0:even:2]
    return swapped


def _looks_like_a_start(fragment: bytes) -> bool:
    return fragment.startswith(_STARTS) or _RLE_START.match(fragment) is not None


def coded_frames(
    value: memoryview,
    frames: int,
    extended_offsets: bytes = b"",
    extended_lengths: bytes = b"",
    begins: Callable[[bytes], bool] = _looks_like_a_start,
) -> CodedFrames:
    """The frames of an encapsulated value, by the extended or basic offset table, else by the count and look of fragments.

    `begins` tells by the first bytes of a fragment whether a frame begins with it.
    Raises InstanceProblem BAD_FRAGMENTS.
    """
    spans, end = _items(value)
    if not spans:
        raise _bad("PixelData has no items")
    table, fragments = spans[0], spans[1:]
    if len(fragments) < frames:
        raise _bad("there are fewer fragments than frames")
    base = table[1] + _HEADER
    starts = [start - base for start, _ in fragments]
    basic = bytes(value[table[0] : table[1]])
    looks = [begins(bytes(value[start : min(stop, start + _LOOKED_AT)])) for start, stop in fragments]
    groups = (
        _by_offsets(starts, _unpack(extended_offsets, "Q"), frames)
        or _by_offsets(starts, _unpack(basic, "I"), frames)
        or _by_count(len(fragments), frames)
        or _by_look(looks, frames)
    )
    if groups is None:
        raise _bad("the fragments cannot be told apart into frames")
    if any(sum(looks[first:last]) > 1 for first, last in itertools.pairwise(groups)):
        raise _bad("there are more frames than NumberOfFrames says")
    parts = tuple(tuple(value[start:stop] for start, stop in fragments[first:last]) for first, last in itertools.pairwise(groups))
    lengths = None
    if extended_offsets:
        lengths = tuple(sum(map(len, part)) for part in parts)
        given = _unpack(extended_lengths, "Q")
        if len(given) == frames:
            # A length may leave out the padding byte; anything else in the table is not trusted.
            lengths = tuple(said if real - said in (0, 1) else real for said, real in zip(given, lengths, strict=True))
    return CodedFrames(parts, bool(basic), lengths, len(value) - end)


def _items(value: memoryview) -> tuple[list[tuple[int, int]], int]:
    """Start and end of the content of each item, and where the last one ends."""
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(value) and value[at : at + 4] == _ITEM:
        if at + _HEADER > len(value):
            raise _bad("an item has no length")
        start = at + _HEADER
        at = start + int.from_bytes(value[at + 4 : start], "little")
        if at > len(value):
            raise _bad("an item is longer than PixelData")
        spans.append((start, at))
    # What follows is a delimiter and stray bytes, or nothing.
    if at < len(value) and value[at : at + 4] != _DELIMITER and any(value[at:]):
        raise _bad("between the items stands something else")
    return spans, at


def _unpack(table: bytes, code: str) -> tuple[int, ...]:
    size = struct.calcsize(f"<{code}")
    return struct.unpack(f"<{len(table) // size}{code}", table) if len(table) % size == 0 else ()


def _by_offsets(starts: Sequence[int], offsets: Sequence[int], frames: int) -> list[int] | None:
    """Fragment index at which each frame starts, and the end; None if the table does not fit the items."""
    if len(offsets) != frames or offsets[0] != 0 or any(a >= b for a, b in itertools.pairwise(offsets)):
        return None
    index = {start: number for number, start in enumerate(starts)}
    if any(offset not in index for offset in offsets):
        return None
    return [*(index[offset] for offset in offsets), len(starts)]


def _by_count(fragments: int, frames: int) -> list[int] | None:
    if fragments == frames:
        return list(range(frames + 1))
    return [0, fragments] if frames == 1 else None


def _by_look(looks: Sequence[bool], frames: int) -> list[int] | None:
    first = [number for number, starts in enumerate(looks) if starts]
    return [*first, len(looks)] if len(first) == frames and first[0] == 0 else None


def _item(content: View) -> tuple[bytes, View]:
    return _ITEM + struct.pack("<I", len(content)), content


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_FRAGMENTS", sentence)
