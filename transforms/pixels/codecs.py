"""The one table from transfer syntax to codec: a coded frame to samples and back (PS3.5 8.2, 10 and Annex A.4).

Samples are as stored: no rescale, no window, no palette. Lossless syntaxes give back exactly the samples they get.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import rle
from numpy.typing import NDArray
from pydicom import uid

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG
from transforms.pixels import deflated, packbits
from transforms.pixels.coding import Decoded, Encoded, FrameCodec, decoding, encoding, header_colour, wrong_size
from transforms.pixels.description import NATIVE_SYNTAXES, STAGE, PixelDescription
from transforms.pixels.jpeg_codecs import Jpeg, JpegLs, JpegXl, JpegXlOfJpeg
from transforms.pixels.native import read_native
from transforms.pixels.room import has_room, in_place, is_lossless
from transforms.pixels.wavelet_codecs import Htj2k, Jpeg2000
from transforms.pixels.words import Words, stored_samples, without_hidden_bits, words_of


def decode(frame: bytes, description: PixelDescription) -> Decoded:
    """The samples of a frame as `frames.locate` gives it.

    Raises InstanceProblem: NO_DECODER for an unknown transfer syntax, DECODE_FAILED where the stream is broken or is not
    of the header's shape, BAD_PIXEL_DESCRIPTION where its words are deeper than the header has room for.
    """
    with decoding():
        decoded = codec_for(description).decode(frame, description)
        if decoded.samples.shape != description.shape:
            raise wrong_size()
        if not has_room(frame, description):
            return decoded
        stored = stored_samples(_words(decoded), description)
        if in_place(_words(decoded), description):
            return decoded._replace(samples=stored)
        if not np.array_equal(stored, decoded.samples):
            return decoded._replace(masked=stored)
    return decoded


def without_bits_beside(frame: bytes, description: PixelDescription) -> bytes | None:
    """A frame that was coded without loss, coded anew without what its words have beside their samples; None if there is nothing.

    Raises InstanceProblem as `decode`, and NO_ENCODER.
    """
    with decoding():
        if not (has_room(frame, description) and is_lossless(frame, description)):
            return None
        codec = codec_for(description)
        decoded = codec.decode(frame, description)
        words = _words(decoded)
        cleaned = without_hidden_bits(words, description)
        if cleaned is words:
            return None
    with encoding():
        coded = codec.encode(cleaned.view(decoded.samples.dtype), frame, description)
        again = _words(codec.decode(coded.data, description))
    if coded.lossy or not np.array_equal(again, cleaned):
        raise InstanceProblem(STAGE, "NO_ENCODER", "a frame cannot be encoded again without loss")
    return coded.data


def encode(samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
    """A frame coded anew, in place of the frame `like`; comments of the encoder and bits beside the samples are out.

    Raises InstanceProblem NO_ENCODER where this syntax, depth or layout cannot be encoded here, or not without a loss that the
    encoder does not own up to.
    """
    with encoding():
        codec = codec_for(description)
        words = samples
        if has_room(like, description):
            old = _words(codec.decode(like, description))
            words = words_of(samples, old, description).view(samples.dtype) if in_place(old, description) else samples
        coded = codec.encode(words, like, description)
        kept = coded.lossy is not None or np.array_equal(_words(codec.decode(coded.data, description)), words.view(f"u{words.itemsize}"))
    if not kept:
        raise InstanceProblem(STAGE, "NO_ENCODER", "a redacted frame cannot be encoded again without loss")
    return coded


def _words(decoded: Decoded) -> Words:
    return decoded.samples.view(f"u{decoded.samples.itemsize}")


def codec_for(description: PixelDescription) -> FrameCodec:
    """The codec of an instance. Raises InstanceProblem NO_DECODER."""
    codec = CODECS.get(description.transfer_syntax)
    if codec is None:
        raise InstanceProblem(STAGE, "NO_DECODER", "there is no decoder for this transfer syntax")
    return codec


@dataclasses.dataclass(frozen=True)
class _Native:
    """Words as they are; redacted in place, never coded again."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        return Decoded(read_native(frame, description), header_colour(description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class _Deflated(_Native):
    """Native words, each frame deflated by itself."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        return super().decode(deflated.inflated(frame, description), description)

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        return Encoded(deflated.coded(samples, description), None)


@dataclasses.dataclass(frozen=True)
class _Rle:
    """PackBits on byte planes (PS3.5 Annex G)."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        content = packbits.decoded(frame, description.rows, description.columns, description.bits_allocated)
        planes = np.frombuffer(content, description.dtype.newbyteorder("<"))
        shaped = planes.reshape(description.samples, description.rows, description.columns)
        samples = shaped[0] if description.samples == 1 else np.moveaxis(shaped, 0, -1)
        return Decoded(np.ascontiguousarray(samples, description.dtype), header_colour(description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        source = samples.astype(description.dtype.newbyteorder("<"))
        if description.bits_allocated == 1:
            source = np.packbits(source.ravel(), bitorder="little")
        coded = rle.encode_pixel_data(
            source.tobytes(),
            byteorder="<",
            rows=description.rows,
            columns=description.columns,
            samples_per_pixel=description.samples,
            bits_allocated=description.bits_allocated,
        )
        return Encoded(coded, None)


CODECS: Mapping[str, FrameCodec] = {
    **{str(syntax): _Native() for syntax in NATIVE_SYNTAXES},
    DEFLATED_FRAMES: _Deflated(),
    uid.RLELossless: _Rle(),
    uid.JPEGBaseline8Bit: Jpeg(lossless=False),
    uid.JPEGExtended12Bit: Jpeg(lossless=False),
    uid.JPEGLossless: Jpeg(lossless=True),
    uid.JPEGLosslessSV1: Jpeg(lossless=True),
    uid.JPEGLSLossless: JpegLs(),
    uid.JPEGLSNearLossless: JpegLs(),
    uid.JPEG2000Lossless: Jpeg2000(),
    uid.JPEG2000: Jpeg2000(),
    uid.HTJ2KLossless: Htj2k(),
    uid.HTJ2KLosslessRPCL: Htj2k(),
    uid.HTJ2K: Htj2k(),
    JPEG_XL_LOSSLESS: JpegXl(),
    JPEG_XL_OF_JPEG: JpegXlOfJpeg(),
    JPEG_XL: JpegXl(),
}
"""Every transfer syntax that can be searched; anything else fails NO_DECODER."""
