"""Where in its word a sample lies, by BitsStored, HighBit and PixelRepresentation, and what can hide beside it (PS3.5 8.1 and 8.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE, PixelDescription

Words = NDArray[np.unsignedinteger[Any]]
"""Words of `bits_allocated` bits as they stand in the frame."""
HIDDEN_BITS = "bits outside BitsStored"
"""What `without_hidden_bits` takes away, as findings name it."""


def stored_samples(words: Words, description: PixelDescription) -> NDArray[Any]:
    """The value of each word by HighBit, BitsStored and PixelRepresentation, in `description.dtype`."""
    bits = description.dtype.itemsize * 8
    above = bits - 1 - description.high_bit
    plain = words.astype(f"u{bits // 8}")
    # Left to the top, then right: the shift of a signed type extends the sign.
    return (plain << above).view(description.dtype) >> (bits - description.bits_stored)


def words_of(samples: NDArray[Any], like: Words, description: PixelDescription) -> Words:
    """The words of stored samples, with nothing beside them. Above HighBit negative ones have copies of their sign, unless all of
    the words of `like`, the frame that they are to replace, have zeros there.
    """
    shift = description.high_bit + 1 - description.bits_stored
    words: Words = (samples.astype(np.int64) << shift).astype(f"u{description.bits_allocated // 8}")
    above, _ = _masks(description)
    return words if np.any(like & above) else words & ~above


def without_hidden_bits(words: Words, description: PixelDescription) -> Words:
    """The words without what bits outside BitsStored could hide (retired overlays in pixel data); `words` itself if nothing.

    Above HighBit the signed samples of a frame may have zeros, or else copies of their signs; others get zeros. Where both stand
    side by side all get copies, since which of the negative samples have them could draw letters.
    """
    above, below = _masks(description)
    upper = words & above
    if not np.any(upper) and not np.any(words & below):
        return words
    if not description.signed:
        return words & ~(above | below)
    cleared = words & ~below
    if np.any(upper):
        sign = (words >> words.dtype.type(description.high_bit)) & words.dtype.type(1)
        cleared = (cleared & ~above) | (sign * above)
    return words if np.array_equal(cleared, words) else cleared


def from_stream(raw: NDArray[Any], precision: int, description: PixelDescription) -> NDArray[Any]:
    """Words of a stream as numbers of the header's type: the sign is the stream's highest bit, whatever the stream calls signed.

    Raises InstanceProblem BAD_PIXEL_DESCRIPTION where the stream's are of more than BitsAllocated.
    """
    if precision > description.bits_allocated:
        raise InstanceProblem(STAGE, "BAD_PIXEL_DESCRIPTION", "a coded frame holds more bits than BitsAllocated says")
    wide = _of_bits(raw, precision, description.signed)
    return wide.astype(description.dtype)


def in_stream(samples: NDArray[Any], precision: int, signed: bool = False) -> NDArray[Any]:
    """The inverse of `from_stream`, in the smallest type that the codecs take."""
    wide = _of_bits(samples, precision, signed)
    return wide.astype(f"{'i' if signed else 'u'}{1 if precision <= 8 else 2 if precision <= 16 else 4}")


def _masks(description: PixelDescription) -> tuple[np.unsignedinteger[Any], np.unsignedinteger[Any]]:
    """The bits above HighBit and those below the stored ones."""
    kind = np.dtype(f"u{description.bits_allocated // 8}").type
    above = (1 << description.bits_allocated) - (1 << (description.high_bit + 1))
    return kind(above), kind((1 << (description.high_bit + 1 - description.bits_stored)) - 1)


def _of_bits(values: NDArray[Any], precision: int, signed: bool) -> NDArray[Any]:
    """What the lowest `precision` bits of each value say."""
    wide: NDArray[np.signedinteger[Any]] = values.astype(np.int32 if precision <= 16 else np.int64, order="C")
    wide &= (1 << precision) - 1
    if signed:
        wide ^= 1 << (precision - 1)
        wide -= 1 << (precision - 1)
    return wide
