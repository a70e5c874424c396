"""Frames deflated one by one: Deflated Image Frame Compression (PS3.5 8.2.16 and A.4.13, RFC 1951)."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels import native
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.words import HIDDEN_BITS, without_hidden_bits, words_of

_RAW = -zlib.MAX_WBITS
"""Deflate without a header of zlib's or gzip's."""


def inflated(frame: bytes, description: PixelDescription) -> bytes:
    """The native samples of a frame. Raises InstanceProblem BAD_STREAM."""
    return _parts(frame, description)[0]


def clean(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """The frame without bytes behind it and bits outside BitsStored, and the kinds of what went. Raises InstanceProblem BAD_STREAM."""
    samples, rest = _parts(frame, description)
    gone: list[str] = []
    if len(rest) > 1 or any(rest):  # one zero byte is even padding
        gone.append("bytes after the end of the deflated frame")
        frame = frame[: len(frame) - len(rest)]
    if description.bits_stored < description.bits_allocated:
        buffer = bytearray(samples)
        words = native.view(buffer, description)
        plain = without_hidden_bits(words, description)
        if plain is not words:
            gone.append(HIDDEN_BITS)
            words[...] = plain
            frame = _deflated(buffer)
    return frame, tuple(gone)


def with_samples(like: bytes, samples: NDArray[Any], description: PixelDescription) -> bytes:
    """The frame `like`, which is clean, with these stored samples; where they are its own, its words stay as they are."""
    if description.bits_allocated == 1:
        return _deflated(np.packbits(samples.ravel(), bitorder="little").tobytes())
    buffer = bytearray(inflated(like, description))
    words = native.view(buffer, description)
    words[...] = words_of(samples.reshape(words.shape), words, description)
    return _deflated(buffer)


def _deflated(samples: bytes | bytearray) -> bytes:
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
