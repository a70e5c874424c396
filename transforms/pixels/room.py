"""Whether the words of a frame hold more bits than BitsStored, and whether the samples have their place in them (PS3.5 8.1.1)."""

from __future__ import annotations

from pydicom import uid

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL_LOSSLESS, JPEG_XLS
from transforms.pixels import jpeg, jpeg2000, jpegxl
from transforms.pixels.description import NATIVE_SYNTAXES, STAGE, PixelDescription
from transforms.pixels.words import Words, without_hidden_bits

_WHOLE_WORDS = frozenset({*NATIVE_SYNTAXES, DEFLATED_FRAMES, uid.RLELossless})
_WAVELETS = frozenset({uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K})
_LOSSLESS = _WHOLE_WORDS | {uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless}
_LOSSLESS |= {uid.JPEG2000Lossless, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, JPEG_XL_LOSSLESS}
"""Syntaxes that keep every bit of a word, so that what stands beside a sample was put there."""


def has_room(frame: bytes, description: PixelDescription) -> bool:
    """Whether the words of a frame reach beyond BitsStored.

    Raises InstanceProblem: BAD_STREAM, and BAD_PIXEL_DESCRIPTION where they do, but not to HighBit.
    """
    if description.bits_stored == description.bits_allocated:
        return False
    bits = _bits(frame, description)
    if bits <= description.bits_stored:
        return False
    if bits <= description.high_bit:
        raise InstanceProblem(STAGE, "BAD_PIXEL_DESCRIPTION", "a coded frame holds more than BitsStored bits, and not up to HighBit")
    return True


def is_lossless(frame: bytes, description: PixelDescription) -> bool:
    """Whether a frame keeps every bit of its words: by its syntax, or by how it was coded. Raises InstanceProblem BAD_STREAM.

    Of reversible wavelets nobody can tell: their streams may have been cut off at some rate.
    """
    syntax = description.transfer_syntax
    return syntax in _LOSSLESS or (syntax == uid.JPEGLSNearLossless and jpeg.near(frame, jpeg.parse(frame)) == 0)


def in_place(words: Words, description: PixelDescription) -> bool:
    """Whether words that have room have their samples where the header says.

    In a syntax that may lose something, bits beyond BitsStored may be errors of coding; where there are any, the whole word is
    the sample, so that whatever they show is searched.
    """
    return description.transfer_syntax in _LOSSLESS or without_hidden_bits(words, description) is words


def _bits(frame: bytes, description: PixelDescription) -> int:
    """How many bits of each word a frame holds."""
    if description.transfer_syntax in _WHOLE_WORDS:
        return description.bits_allocated
    if description.transfer_syntax in _WAVELETS:
        return jpeg2000.parameters(frame).precision
    if description.transfer_syntax in JPEG_XLS:
        return jpegxl.parameters(frame).bits
    return jpeg.frame_header(frame, jpeg.parse(frame)).precision
