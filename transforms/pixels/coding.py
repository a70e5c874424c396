"""What every codec of frames gives and takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE, PixelDescription

YBR = "YBR_FULL"
"""How all forms of YBR are called once their chroma is as wide as their luma."""


class Decoded(NamedTuple):
    """One frame as samples."""

    samples: NDArray[Any]
    """Stored samples: (rows, columns) or (rows, columns, samples), of `PixelDescription.dtype`, 1-bit as 0 and 1."""
    colour: str
    """Which colour space the samples are in: MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL.

    JPEG samples are the stream's own components (4:2:2 chroma repeated, YCbCr not converted), and a stream that states its
    colour space is believed over the header. RCT and ICT of JPEG 2000 are undone, so those come out as RGB.
    """
    masked: NDArray[Any] | None = None
    """What is seen of the samples by who takes no more than BitsStored of each, where that is something else: it is searched, too."""


class Encoded(NamedTuple):
    """One frame coded anew."""

    data: bytes
    lossy: str | None
    """The defined term of (0028,2114) if samples may have changed, else None."""


class FrameCodec(Protocol):
    """How frames of one transfer syntax are coded, word by word. Methods may raise anything; `codecs` names it.

    Words are given and taken as numbers of `PixelDescription.dtype`, the sign in the highest bit that the frame holds.
    """

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """The words of a coded frame, in place of the samples."""

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        """These words coded with the parameters of the coded frame `like`: precision, colour, sampling, interleave."""


def expect(description: PixelDescription, rows: int, columns: int, components: int) -> None:
    """Refuse a stream that says another size than the header, before a decoder makes room for it."""
    if (rows, columns, components) != (description.rows, description.columns, description.samples):
        raise wrong_size()


def wrong_size() -> InstanceProblem:
    """What is wrong with a frame that is of another size."""
    return InstanceProblem(STAGE, "DECODE_FAILED", "a frame is not of the size that the header says")


def header_colour(description: PixelDescription) -> str:
    """The colour space of samples whose stream does not state one."""
    if description.photometric.startswith("YBR"):
        return YBR
    return description.photometric


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Whatever a codec raises, as a problem."""
    try:
        yield
    except InstanceProblem as problem:
        if problem.code in ("NO_DECODER", "DECODE_FAILED", "BAD_PIXEL_DESCRIPTION"):
            raise
        raise InstanceProblem(STAGE, "DECODE_FAILED", "a frame cannot be decoded") from None
    except Exception as error:  # noqa: BLE001 - codecs raise what they like, with bytes of the frame in the message
        raise InstanceProblem(STAGE, "DECODE_FAILED", f"a frame cannot be decoded ({type(error).__name__})") from None


@contextlib.contextmanager
def encoding() -> Iterator[None]:
    """Whatever a codec raises while it codes a frame anew, as NO_ENCODER."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - as in `decoding`
        sentence = f"a frame cannot be encoded again in its transfer syntax ({type(error).__name__})"
        raise InstanceProblem(STAGE, "NO_ENCODER", sentence) from None
