"""Frames deflated one by one: Deflated Image Frame Compression (PS3.5 8.2.16 and A.4.13, RFC 1951)."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE, PixelDescription

_RAW = -zlib.MAX_WBITS
"""Deflate without a header of zlib's or gzip's."""


def inflated(frame: bytes, description: PixelDescription) -> bytes:
    """The native samples of a frame. Raises InstanceProblem BAD_STREAM."""
    return _parts(frame, description)[0]


def clean(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """The frame without bytes behind it, and the kinds of what went. Raises InstanceProblem BAD_STREAM."""
    _, rest = _parts(frame, description)
    if len(rest) <= 1 and not any(rest):  # one zero byte is even padding
        return frame, ()
    return frame[: len(frame) - len(rest)], ("bytes after the end of the deflated frame",)


def coded(words: NDArray[Any], description: PixelDescription) -> bytes:
    """A frame of these words, which are of `description.shape`."""
    if description.bits_allocated == 1:
        return _deflated(np.packbits(words.ravel(), bitorder="little").tobytes())
    planes = np.moveaxis(words, -1, 0) if description.planar and description.samples > 1 else words
    return _deflated(planes.astype(description.dtype.newbyteorder("<")).tobytes())


def _deflated(samples: bytes) -> bytes:
    coder = zlib.compressobj(wbits=_RAW)
    return coder.compress(samples) + coder.flush()


def _parts(frame: bytes, description: PixelDescription) -> tuple[bytes, bytes]:
    """The samples of a frame, and the bytes behind the stream."""
    size = -(-description.frame_bits // 8)
    coder = zlib.decompressobj(wbits=_RAW)
    try:
        samples = coder.decompress(frame, size + 1)
    except zlib.error:
        raise _bad("it cannot be inflated") from None
    if not coder.eof:
        raise _bad("it does not end with its samples")
    if len(samples) < size or (len(samples) > size and (size % 2 == 0 or samples[size])):
        raise _bad("it does not hold as many samples as the header says")
    return samples[:size], coder.unused_data


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_STREAM", f"a deflated frame cannot be read to its end: {sentence}")
