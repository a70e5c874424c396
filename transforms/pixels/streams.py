"""What stands in PixelData and is not samples goes, as a finding; coded samples stay byte for byte (DESIGN 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydicom import uid

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import DEFLATED_FRAMES
from transforms.pixels import codecs, deflated, jpeg, jpeg2000, packbits
from transforms.pixels.description import STAGE, PixelDescription
from transforms.pixels.words import HIDDEN_BITS, without_hidden_bits

_Clean = Callable[[bytes, PixelDescription], tuple[bytes, tuple[str, ...]]]


def clean(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    """A coded frame without what decoding does not need, and the kinds of what went (never their content).

    A frame with nothing to remove comes back as it is. Raises InstanceProblem: BAD_STREAM for a stream that cannot be
    followed to its end, and so cannot be shown to be clean; NO_DECODER for an unknown transfer syntax; DECODE_FAILED where the
    bits outside BitsStored of an RLE frame cannot be looked at.
    """
    cleaner = _CLEANERS.get(description.transfer_syntax)
    if cleaner is None:
        raise InstanceProblem(STAGE, "NO_DECODER", "there is no parser for this transfer syntax")
    return cleaner(frame, description)


def _jpeg(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:  # noqa: ARG001 - one shape for all
    return jpeg.clean(frame)


def _jpeg2000(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:  # noqa: ARG001 - one shape for all
    return jpeg2000.clean(frame)


def _rle(frame: bytes, description: PixelDescription) -> tuple[bytes, tuple[str, ...]]:
    plain, gone = packbits.clean(frame, description.rows * description.columns)
    if description.bits_stored == description.bits_allocated:
        return plain, gone
    samples = codecs.decode(plain, description).samples
    words = samples.view(f"u{samples.itemsize}")
    shown = without_hidden_bits(words, description)
    if shown is words:
        return plain, gone
    return codecs.encode(shown.view(samples.dtype), plain, description).data, (*gone, HIDDEN_BITS)


_CLEANERS: Mapping[str, _Clean] = {
    DEFLATED_FRAMES: deflated.clean,
    uid.RLELossless: _rle,
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1), _jpeg),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), _jpeg),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K), _jpeg2000),
}
