"""Samples of one native frame: read, overwritten in place, and freed of what is hidden in unused bits (PS3.5 8.1 and 8.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.pixels.description import PixelDescription


def read_native(frame: bytes, description: PixelDescription) -> NDArray[Any]:
    """Stored samples of a frame as `frames.NativeFrames.frame` gives it: of `description.shape` and `description.dtype`.

    4:2:2 chroma is repeated for both pixels of a pair; unused bits are left out, signed samples are sign-extended.
    """
    if description.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), count=description.frame_bits, bitorder="little")
        return bits.reshape(description.shape).astype(description.dtype)
    words = view(bytearray(frame), description)
    if description.subsampled:
        words = np.stack([words[..., :2].reshape(description.rows, -1), *(np.repeat(words[..., k], 2, axis=1) for k in (2, 3))], axis=-1)
    elif description.samples == 1:
        words = words[..., 0]
    return stored_samples(words, description)


def view(frame: bytearray | memoryview, description: PixelDescription) -> NDArray[Any]:
    """The words of a frame as a writable view, unsigned: (rows, columns, samples), or (rows, columns / 2, 4) as Y Y Cb Cr."""
    words = np.frombuffer(frame, np.dtype(f"{'>' if description.big_endian else '<'}u{description.bits_allocated // 8}"))
    if description.subsampled:
        return words.reshape(description.rows, description.columns // 2, 4)
    if description.planar and description.samples > 1:
        return np.moveaxis(words.reshape(description.samples, description.rows, description.columns), 0, -1)
    return words.reshape(description.rows, description.columns, description.samples)


def stored_samples(words: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """The value of each word by HighBit, BitsStored and PixelRepresentation, in `description.dtype`."""
    bits = description.dtype.itemsize * 8
    above = bits - 1 - description.high_bit
    plain = words.astype(f"u{bits // 8}")
    # Left to the top, then right: the shift of a signed type extends the sign.
    return (plain << above).view(description.dtype) >> (bits - description.bits_stored)


def word_of(sample: int, description: PixelDescription) -> int:
    """The word of a stored sample, sign-extended in the bits above HighBit."""
    shifted = sample << (description.high_bit + 1 - description.bits_stored)
    return shifted & ((1 << description.bits_allocated) - 1)
