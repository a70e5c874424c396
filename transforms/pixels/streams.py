"""What stands in PixelData and is not samples goes, as a finding; coded samples stay byte for byte (DESIGN 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydicom import uid

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG
from transforms.pixels import codecs, deflated, jpeg, jpeg2000, jpegxl, packbits
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.words import HIDDEN_BITS

_Clean = Callable[[bytes, PixelDescription], tuple[bytes, tuple[str, ...]]]


def clean(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """A coded frame without what decoding does not need, and the kinds of what went (never their content).

    A frame with nothing to remove comes back as it is. Raises InstanceProblem: BAD_STREAM for a stream that cannot be
    followed to its end, and so cannot be shown to be clean; NO_DECODER for an unknown transfer syntax; DECODE_FAILED and NO_ENCODER
    where bits outside BitsStored of a frame that was coded without loss cannot be looked at, or not be taken out; those of `jpegxl.clean`.
    """
    cleaner = _CLEANERS.get(description.transfer_syntax)
    if cleaner is None:
        raise InstanceProblem(STAGE, "NO_DECODER", "there is no parser for this transfer syntax")
    plain, gone = cleaner(frame, description)
    coded = codecs.without_bits_beside(plain, description)
    return (plain, gone) if coded is None else (coded, (*gone, HIDDEN_BITS))


def photometric(description: PixelDescription) -> str | None:
    """The PhotometricInterpretation of clean frames where the header's is that of the source's alone: XYB is undone (PS3.5 8.2.15)."""
    undone = description.photometric == jpegxl.XYB and description.transfer_syntax in (JPEG_XL_LOSSLESS, JPEG_XL)
    return jpegxl.colour(description) if undone else None


def _jpeg(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:  # noqa: ARG001 - one shape for all
    return jpeg.clean(frame)


def _jpeg2000(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:  # noqa: ARG001 - one shape for all
    return jpeg2000.clean(frame)


def _rle(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    return packbits.clean(frame, description.rows * description.columns)


_CLEANERS: Mapping[str, _Clean] = {
    DEFLATED_FRAMES: deflated.clean,
    uid.RLELossless: _rle,
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1), _jpeg),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), _jpeg),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K), _jpeg2000),
    **dict.fromkeys((JPEG_XL_LOSSLESS, JPEG_XL), jpegxl.clean),
    JPEG_XL_OF_JPEG: jpegxl.clean_of_jpeg,
}
