"""JPEG XL (ISO/IEC 18181): what its header says, its samples, and streams that hold nothing else.

Nothing here follows the entropy coded part of such a stream to its end, which may have names of frames, an ICC profile, layers that
others cover and bytes of nobody's. So no stream stays as somebody else wrote it: samples are coded anew without loss, and a JPEG by its
coefficients. The encoder gives the same bytes for the same samples; by that a stream of ours is known, and kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels import jpeg
from transforms.pixels.boxes import boxes, packed
from transforms.pixels.coding import YBR, decoding, encoding, expect, header_colour
from transforms.pixels.description import STAGE, PixelDescription

_EFFORT = 3
"""Of 1 to 10. Slices of 16 bits come out no smaller up to 6, which takes four times as long."""
_THREADS = 1
"""Workers are processes; the bytes are the same with more."""
_MOST_BITS = 16
_GREY = 1
_BARE, _SIGNATURE = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_FILE_TYPE = packed(b"ftyp", b"jxl \0\0\0\0jxl ")
_WHOLE, _PART, _OF_JPEG = b"jxlc", b"jxlp", b"jbrd"
_PART_NUMBER = 4
"""Bytes in front of each part of a codestream."""
_HEADER_BYTES = 64
"""More than what is read here may take."""
XYB = "XYB"
_CODED_ANEW = "JPEG XL stream, which can hold what is not samples (coded anew, the samples are the same)"


class Parameters(NamedTuple):
    """What the headers of the image say (18181-1 Annex D)."""

    rows: int
    columns: int
    components: int
    bits: int
    upright: bool
    """Whether rows and columns are those that are shown."""
    xyb: bool
    """Whether colours were coded with loss in a space of their own; decoders give them back as RGB, or grey."""


def parameters(frame: bytes) -> Parameters:
    """What a stream, bare or in boxes, says of its image.

    Raises InstanceProblem: BAD_STREAM, and NO_DECODER for what is more or else than one picture of whole numbers.
    """
    bits = _Bits(_codestream(frame))
    rows, columns = _size(bits)
    if bits.take(1):  # all of what follows is as it is by default
        return Parameters(rows, columns, 3, 8, upright=True, xyb=True)
    upright = True
    if bits.take(1):
        upright = bits.take(3) == 0
        if bits.take(1):
            _size(bits)  # how large it should be shown
        if bits.take(1) or bits.take(1):
            raise _unsupported("a preview or an animation")
    if bits.take(1):
        raise _unsupported("floating point numbers")
    depth = bits.number((0, 8), (0, 10), (0, 12), (6, 1))
    if depth > _MOST_BITS:
        raise _unsupported(f"more than {_MOST_BITS} bits")
    bits.take(1)  # whether 16 bits are enough for a decoder to reckon in
    if bits.take(2):
        raise _unsupported("channels beside those of the image")
    xyb = bool(bits.take(1))
    if bits.take(1):  # the colour space is sRGB
        return Parameters(rows, columns, 3, depth, upright, xyb)
    bits.take(1)  # whether there is an ICC profile
    grey = bits.number((0, 0), (0, 1), (4, 2), (6, 18)) == _GREY
    return Parameters(rows, columns, 1 if grey else 3, depth, upright, xyb)


def samples(frame: bytes, description: PixelDescription) -> NDArray[Any]:
    """The numbers of a stream, as it has them.

    Raises InstanceProblem: those of `parameters`, NO_DECODER for a turned picture, DECODE_FAILED for a stream that is broken or not of
    the header's shape, and BAD_PIXEL_DESCRIPTION where the header says YBR and the stream gives RGB.
    """
    header = parameters(frame)
    expect(description, header.rows, header.columns, header.components)
    if not header.upright:
        raise _unsupported("a picture that is to be turned")
    if header.components > 1 and header_colour(description) == YBR and (header.xyb or _jpegs(frame)):
        raise InstanceProblem(STAGE, "BAD_PIXEL_DESCRIPTION", "a JPEG XL stream gives RGB, and PhotometricInterpretation says YBR")
    # What is decoded is what was looked at: a decoder might take another codestream out of the boxes.
    raw = _decoded(_codestream(frame))
    if raw.shape != description.shape or raw.dtype != _kind(header.bits):
        raise InstanceProblem(STAGE, "DECODE_FAILED", "a JPEG XL stream holds something else than it says")
    return raw


def colour(description: PixelDescription) -> str:
    """The colour space of samples: decoders undo XYB."""
    if description.photometric == XYB:
        return "RGB" if description.samples > 1 else "MONOCHROME2"
    return header_colour(description)


def coded(raw: NDArray[Any], bits: int) -> bytes:
    """A stream of these numbers, of up to 16 bits each, and of nothing else. May raise anything."""
    return bytes(
        imagecodecs.jpegxl_encode(
            raw.astype(_kind(bits)),
            lossless=True,
            effort=_EFFORT,
            bitspersample=bits,
            photometric="GRAY" if raw.ndim == 2 else "RGB",
            usecontainer=False,
            numthreads=_THREADS,
        )
    )


def clean(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """A stream of the same samples that holds nothing else, and what went; one that was written here comes back as it is.

    Raises InstanceProblem: those of `samples`, and NO_ENCODER.
    """
    raw = samples(frame, description)
    with encoding():
        anew = coded(raw, parameters(frame).bits)
        kept = np.array_equal(_decoded(_codestream(anew)), raw)
    if not kept:
        raise InstanceProblem(STAGE, "NO_ENCODER", "a JPEG XL stream cannot be coded anew: its samples come out as others")
    return (frame, ()) if _is(anew, frame) else (anew, (_CODED_ANEW,))


def clean_of_jpeg(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """As `clean`, for a stream that holds a JPEG, which loses what `jpeg.clean` takes from it.

    Raises InstanceProblem: those of `jpeg_in`, and NO_ENCODER.
    """
    stream, gone = jpeg.clean(jpeg_in(frame, description))
    with encoding():
        anew = of_jpeg(stream[: jpeg.parse(stream).end], description)
    return (frame, ()) if _is(anew, frame) else (anew, (*gone, _CODED_ANEW))


def jpeg_in(frame: bytes, description: PixelDescription) -> bytes:
    """The JPEG that a stream was made of.

    Raises InstanceProblem: those of `parameters`, BAD_STREAM where there is none, and DECODE_FAILED as `samples`.
    """
    header = parameters(frame)
    expect(description, header.rows, header.columns, header.components)
    if _jpegs(frame) != 1:
        _bad("there is no JPEG in it")
    found = boxes(frame, 0, len(frame))
    rest = (frame[one.start : one.end] for one in found[2:] if one.kind not in (_WHOLE, _PART))
    file = b"".join((_SIGNATURE, _FILE_TYPE, *rest, packed(_WHOLE, _codestream(frame))))
    with decoding():
        return bytes(imagecodecs.jpegxl_decode_jpeg(file, numthreads=_THREADS))


def of_jpeg(stream: bytes, description: PixelDescription) -> bytes:
    """A stream from which this JPEG can be made again, byte for byte. May raise anything."""
    anew = bytes(imagecodecs.jpegxl_encode_jpeg(stream, usecontainer=True, numthreads=_THREADS))
    if jpeg_in(anew, description) != stream:
        raise ValueError("the JPEG comes out as another")
    return anew


def begins(fragment: bytes, description: PixelDescription) -> bool:
    """Whether a stream of the header's size begins with these bytes, of which a few dozen are enough."""
    if not fragment.startswith(_BARE):
        return fragment.startswith(_SIGNATURE)
    try:
        header = parameters(fragment)
    except InstanceProblem as problem:
        return problem.code == "NO_DECODER"
    return (header.rows, header.columns) == (description.rows, description.columns)


def _jpegs(frame: bytes) -> int:
    """How many boxes of it hold what makes a JPEG of the rest."""
    return [one.kind for one in boxes(frame, 0, len(frame))].count(_OF_JPEG) if frame.startswith(_SIGNATURE) else 0


class _Bits:
    """Fields of a codestream, the lowest bit of each byte first."""

    def __init__(self, code: bytes) -> None:
        start = code[len(_BARE) : _HEADER_BYTES]
        self._left, self._value = 8 * len(start), int.from_bytes(start, "little")

    def take(self, count: int) -> int:
        """The next `count` bits."""
        self._left -= count
        if self._left < 0:
            _bad("its header is cut off")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken

    def number(self, *ways: tuple[int, int]) -> int:
        """A number that is coded in one of four ways: how many bits of it there are, and what is to be added."""
        count, offset = ways[self.take(2)]
        return self.take(count) + offset


_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Columns to rows that need not be spelled out."""
_LENGTHS = ((9, 1), (13, 1), (18, 1), (30, 1))


def _size(bits: _Bits) -> tuple[int, int]:
    """Rows and columns (18181-1 D.2)."""
    by_eight = bits.take(1)
    rows = 8 * (bits.take(5) + 1) if by_eight else bits.number(*_LENGTHS)
    ratio = bits.take(3)
    if ratio:
        wide, high = _RATIOS[ratio - 1]
        return rows, rows * wide // high
    return rows, 8 * (bits.take(5) + 1) if by_eight else bits.number(*_LENGTHS)


def _codestream(frame: bytes) -> bytes:
    if frame.startswith(_BARE):
        return frame
    if not frame.startswith(_SIGNATURE):
        _bad("it does not start as one")
    starts = {_WHOLE: 0, _PART: _PART_NUMBER}
    code = b"".join(frame[one.body + starts[one.kind] : one.end] for one in boxes(frame, 0, len(frame)) if one.kind in starts)
    if not code.startswith(_BARE):
        _bad("there is no codestream among its boxes")
    return code


def _decoded(code: bytes) -> NDArray[Any]:
    with decoding():
        raw: NDArray[Any] = imagecodecs.jpegxl_decode(code, numthreads=_THREADS)
    return raw


def _kind(bits: int) -> np.dtype[Any]:
    return np.dtype("u1" if bits <= 8 else "u2")


def _is(stream: bytes, frame: bytes) -> bool:
    """Whether a frame is this stream, with even padding or without."""
    return frame.startswith(stream) and not any(frame[len(stream) :])


def _bad(sentence: str) -> NoReturn:
    raise InstanceProblem(STAGE, "BAD_STREAM", f"a JPEG XL stream cannot be read: {sentence}")


def _unsupported(what: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "NO_DECODER", f"a JPEG XL stream has {what}, which is not searched")
