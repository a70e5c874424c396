"""RLE frames: segments of PackBits behind a header of 64 bytes (PS3.5 Annex G), followed to their ends."""

from __future__ import annotations

import itertools
import struct

import rle

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE

_HEADER = 64
_MAX_SEGMENTS = 15


def decoded(frame: bytes, rows: int, columns: int, bits_allocated: int) -> bytes | bytearray:
    """The words of a frame, plane by plane in little endian. What pylibjpeg-rle does at some broken segments is no Exception, and
    would end the worker; here it is a ValueError.
    """
    try:
        return rle.decode_pixel_data(frame, version=2, rows=rows, columns=columns, bits_allocated=bits_allocated)
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError("the decoder panicked") from None
        raise


def clean(frame: bytes, pixels: int) -> tuple[bytes, tuple[str, ...]]:
    """The frame without bytes that belong to no segment, and the kinds of what went; `pixels` is Rows x Columns.

    Surplus bytes between segments and unused offsets are blanked, so that no offset changes; those after the last segment
    are cut. Raises InstanceProblem BAD_STREAM.
    """
    if len(frame) < _HEADER:
        raise _bad("the header is cut off")
    count, *offsets = struct.unpack("<16I", frame[:_HEADER])
    used = offsets[:count]
    if not 1 <= count <= _MAX_SEGMENTS or used[0] != _HEADER or any(a >= b for a, b in itertools.pairwise([*used, len(frame)])):
        raise _bad("the offsets of its segments do not rise within the frame")
    data = bytearray(frame)
    gone: list[str] = []
    if any(offsets[count:]):
        gone.append("unused RLE offsets")
        data[4 * (count + 1) : _HEADER] = bytes(4 * (_MAX_SEGMENTS - count))
    end = 0
    for start, stop in itertools.pairwise([*used, len(frame)]):
        end = _segment_end(frame, start, stop, pixels)
        if stop - end > 1 and any(frame[end:stop]):  # one byte is even padding, whatever its value
            gone.append("bytes after an RLE segment")
            data[end:stop] = bytes(stop - end)
    if not gone:
        return frame, ()
    del data[end + end % 2 :]
    return bytes(data), tuple(gone)


def _segment_end(frame: bytes, at: int, stop: int, pixels: int) -> int:
    """Where the runs of a segment have given `pixels` bytes."""
    given = 0
    while given < pixels:
        if at >= stop:
            raise _bad("a segment is too short")
        run = frame[at]
        if run < 128:
            given += run + 1
            at += run + 2
        elif run > 128:
            given += 257 - run
            at += 2
        else:
            at += 1
    if at > stop:
        raise _bad("a segment is too short")
    return at


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_STREAM", f"an RLE frame cannot be read to its end: {sentence}")
