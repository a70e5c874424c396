"""The one table from transfer syntax to codec: a coded frame to samples and back (PS3.5 8.2, 10 and Annex A.4).

Samples are as stored: no rescale, no window, no palette. Lossless syntaxes give back exactly the samples they get.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import _CharLS
import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg
import openjpeg.utils
import rle
from numpy.typing import NDArray
from pydicom import uid

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import DEFLATED_FRAMES
from transforms.pixels import deflated, jpeg, jpeg2000, packbits
from transforms.pixels.description import NATIVE_SYNTAXES, STAGE, PixelDescription
from transforms.pixels.native import read_native
from transforms.pixels.room import LOSSLESS, has_room, in_place
from transforms.pixels.words import Words, from_stream, in_stream, stored_samples, without_hidden_bits, words_of

JPEG_QUALITY = 95
"""Quality of re-encoded lossy JPEG frames: the libjpeg step at which the error of one more generation is at the level of
rounding (about 1 of 255 in luminance), so that a redacted frame is not visibly worse than its neighbours."""
J2K_PSNR = 80.0
"""Peak signal-to-noise ratio in dB asked of re-encoded irreversible JPEG 2000 frames: beyond it nothing improves; on a real
ultrasound the mean error is 0.1 of 255 and the largest 3."""
HTJ2K_STEP = 1 / 4096
"""Base quantisation step of re-encoded irreversible HTJ2K frames, relative to full range: exact at 8 bits. A coarser one lets
OpenJPH overflow at black and white."""
JPEG_LS_ROOM = 1024
"""Bytes of room beyond the samples for headers, and for frames that grow by being coded."""
HTJ2K_MAX_ERROR = 1
HTJ2K_MIN_LEVELS = 5
HTJ2K_SMALLEST = 64
"""The RPCL syntax asks for enough decompositions that the smallest image has at most 64 rows and columns (PS3.5 A.4.12)."""

_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440"}
_YBR = "YBR_FULL"
_TRANSFORMED = ("YBR_RCT", "YBR_ICT")


class Decoded(NamedTuple):
    """One frame as samples."""

    samples: NDArray[Any]
    """Stored samples: (rows, columns) or (rows, columns, samples), of `PixelDescription.dtype`, 1-bit as 0 and 1."""
    colour: str
    """Which colour space the samples are in: MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL.

    JPEG samples are the stream's own components (4:2:2 chroma repeated, YCbCr not converted), and a stream that states its
    colour space is believed over the header. RCT and ICT of JPEG 2000 are undone, so those come out as RGB.
    """


class Encoded(NamedTuple):
    """One frame coded anew."""

    data: bytes
    lossy: str | None
    """The defined term of (0028,2114) if samples may have changed, else None."""


class FrameCodec(Protocol):
    """How frames of one transfer syntax are coded, word by word. Methods may raise anything; `decode` and `encode` below name it.

    Words are given and taken as numbers of `PixelDescription.dtype`, the sign in the highest bit that the frame holds.
    """

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """The words of a coded frame, in place of the samples."""

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        """These words coded with the parameters of the coded frame `like`: precision, colour, sampling, interleave."""


def decode(frame: bytes, description: PixelDescription) -> Decoded:
    """The samples of a frame as `frames.locate` gives it.

    Raises InstanceProblem: NO_DECODER for an unknown transfer syntax, DECODE_FAILED where the stream is broken or is not
    of the header's shape.
    """
    with _decoding():
        decoded = codec_for(description).decode(frame, description)
        if decoded.samples.shape != description.shape:
            raise _wrong_size()
        if has_room(frame, description) and in_place(_words(decoded), description):
            return decoded._replace(samples=stored_samples(_words(decoded), description))
    return decoded


def hides_bits(frame: bytes, description: PixelDescription) -> bool:
    """Whether words of a frame of a lossless syntax have something beside their samples. Raises InstanceProblem as `decode`."""
    with _decoding():
        if description.transfer_syntax not in LOSSLESS or not has_room(frame, description):
            return False
        words = _words(codec_for(description).decode(frame, description))
        return without_hidden_bits(words, description) is not words


def encode(samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
    """A frame coded anew, in place of the frame `like`; comments of the encoder and bits beside the samples are out.

    Raises InstanceProblem NO_ENCODER where this syntax, depth or layout cannot be encoded here, or not without a loss that the
    encoder does not own up to.
    """
    try:
        codec = codec_for(description)
        words = samples
        if has_room(like, description):
            old = _words(codec.decode(like, description))
            words = words_of(samples, old, description).view(samples.dtype) if in_place(old, description) else samples
        coded = codec.encode(words, like, description)
    except Exception as error:  # noqa: BLE001 - as in `_decoding`
        sentence = f"a redacted frame cannot be encoded again in its transfer syntax ({type(error).__name__})"
        raise InstanceProblem(STAGE, "NO_ENCODER", sentence) from None
    if coded.lossy is None and not np.array_equal(decode(coded.data, description).samples, samples):
        raise InstanceProblem(STAGE, "NO_ENCODER", "a redacted frame cannot be encoded again without loss")
    return coded


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Whatever a codec raises, as a problem."""
    try:
        yield
    except InstanceProblem as problem:
        if problem.code in ("NO_DECODER", "DECODE_FAILED"):
            raise
        raise InstanceProblem(STAGE, "DECODE_FAILED", "a frame cannot be decoded") from None
    except Exception as error:  # noqa: BLE001 - codecs raise what they like, with bytes of the frame in the message
        raise InstanceProblem(STAGE, "DECODE_FAILED", f"a frame cannot be decoded ({type(error).__name__})") from None


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
        return Decoded(read_native(frame, description), _header_colour(description))

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
        return Decoded(np.ascontiguousarray(samples, description.dtype), _header_colour(description))

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


@dataclasses.dataclass(frozen=True)
class _Jpeg:
    """DCT (8 and 12 bit) and lossless JPEG, components taken and given without colour conversion.

    libjpeg-turbo does all but one thing: its lossless decoder mixes up components that have Huffman tables of their own
    (3.1.3, silently), so lossless streams are decoded by jpegsof3, and encoded with one table for all.
    """

    lossless: bool

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        stream = jpeg.parse(frame)
        header = jpeg.frame_header(frame, stream)
        _expect(description, header.rows, header.columns, len(header.components))
        raw = _decode_lossless(frame, stream) if self.lossless else imagecodecs.jpeg8_decode(frame, **_colour_space("YCBCR", header))
        return Decoded(from_stream(raw, header.precision, description), _jpeg_colour(frame, stream, header, description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        stream = jpeg.parse(like)
        header = jpeg.frame_header(like, stream)
        raw = in_stream(samples, header.precision)
        if self.lossless:
            # Process 14 with predictor 1 is all that .70 allows and within what .57 allows (PS3.5 8.2.1).
            options = _colour_space("RGB", header)
            coded = bytes(imagecodecs.jpeg8_encode(raw, lossless=True, predictor=1, bitspersample=header.precision, **options))
            return Encoded(jpeg.with_headers_of(coded, like), None)
        first = header.components[0]
        chroma = _CHROMA.get((first.horizontal, first.vertical), "444")
        options = _colour_space("YCBCR", header) | {"bitspersample": header.precision, "subsampling": chroma}
        coded = bytes(imagecodecs.jpeg8_encode(raw, JPEG_QUALITY, **options))
        return Encoded(jpeg.with_headers_of(coded, like), "ISO_10918_1")


def _decode_lossless(frame: bytes, stream: jpeg.Stream) -> NDArray[Any]:
    """jpegsof3's samples, shifted by the point transform of the scan (T.81 H.1.2.1), which it leaves to its caller."""
    shifts = {frame[segment.end - 1] & 15 for segment in stream.segments if segment.marker == jpeg.SOS}
    if len(shifts) != 1:
        raise ValueError("the scans differ in their point transform")
    return imagecodecs.jpegsof3_decode(frame) << shifts.pop()


@dataclasses.dataclass(frozen=True)
class _JpegLs:
    """JPEG-LS by CharLS; coded without loss, which the near-lossless syntax allows (PS3.5 A.4.3), so that no error is added."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        header = jpeg.frame_header(frame, jpeg.parse(frame))  # CharLS never comes back from a stream that is cut off
        _expect(description, header.rows, header.columns, len(header.components))
        buffer, info = jpeg_ls.decode_pixel_data(frame)
        precision = info["bits_per_sample"]
        flat: NDArray[Any] = np.frombuffer(buffer, "<u1" if precision <= 8 else "<u2")
        raw: NDArray[Any]
        if info["components"] == 1:
            raw = flat.reshape(info["height"], info["width"])
        elif info["interleave_mode"] == 0:
            raw = np.moveaxis(flat.reshape(info["components"], info["height"], info["width"]), 0, -1)
        else:
            raw = flat.reshape(info["height"], info["width"], info["components"])
        return Decoded(from_stream(raw, precision, description), _header_colour(description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        stream = jpeg.parse(like)
        precision = jpeg.frame_header(like, stream).precision
        # The scan header ends with NEAR, ILV and the point transform (T.87 C.2.3).
        interleave = next(like[segment.end - 2] for segment in stream.segments if segment.marker == jpeg.SOS)
        raw = in_stream(samples, precision)
        if raw.ndim == 3 and interleave == 0:
            raw = np.moveaxis(raw, -1, 0)
        source = raw.astype(raw.dtype.newbyteorder("<")).tobytes()
        # jpeg_ls makes room by the length of its source, too little for tiny frames; its compiled half ignores surplus bytes there.
        coded = _CharLS._encode(
            source + bytes(JPEG_LS_ROOM), 0, interleave, description.rows, description.columns, description.samples, precision
        )
        return Encoded(bytes(coded), None)


@dataclasses.dataclass(frozen=True)
class _Jpeg2000:
    """JPEG 2000 by OpenJPEG. Reversible wherever the header stays true by it, else irreversible at J2K_PSNR."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        coding = jpeg2000.parameters(frame)
        _expect(description, coding.rows, coding.columns, coding.components)
        return Decoded(from_stream(openjpeg.decode(frame), coding.precision, description), _wavelet_colour(coding, description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        coding = jpeg2000.parameters(like)
        lossy = _must_stay_irreversible(coding)
        # use_mct counts for photometric_interpretation 1 (sRGB) only
        coded = openjpeg.utils.encode_array(
            in_stream(samples, coding.precision, coding.signed),
            bits_stored=coding.precision,
            photometric_interpretation=1 if coding.colour_transform else 0,
            use_mct=coding.colour_transform,
            signal_noise_ratios=[J2K_PSNR] if lossy else None,
        )
        return Encoded(jpeg2000.clean(coded)[0], "ISO_15444_1" if lossy else None)


@dataclasses.dataclass(frozen=True)
class _Htj2k(_Jpeg2000):
    """High-throughput JPEG 2000: decoded by OpenJPEG like the other wavelets, encoded by OpenJPH.

    OpenJPH's binding ignores errors inside a broken codestream and gives back what it has, so it does not decode here.
    The encoder's RPCL progression with TLM serves all three syntaxes (PS3.5 A.4.12). It states the depth of the samples'
    container as precision (8 or 16), the values are the same.
    """

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        coding = jpeg2000.parameters(like)
        irreversible = _must_stay_irreversible(coding)
        raw = in_stream(samples, coding.precision, coding.signed)
        smallest = (max(description.rows, description.columns) - 1) // HTJ2K_SMALLEST
        encoded = imagecodecs.htj2k_encode(
            raw,
            HTJ2K_STEP if irreversible else None,
            resolutions=max(HTJ2K_MIN_LEVELS, smallest.bit_length()),
            reversible=not irreversible,
            rgb=coding.colour_transform,
            tlm=True,
        )
        coded = bytes(encoded)
        error = np.abs(openjpeg.decode(coded).astype(np.int64) - raw).max()
        if error > HTJ2K_MAX_ERROR:
            raise ValueError("the encoder overflowed")
        return Encoded(jpeg2000.clean(coded)[0], "ISO_15444_15" if error else None)


def _expect(description: PixelDescription, rows: int, columns: int, components: int) -> None:
    """Refuse a stream that says another size than the header, before a decoder makes room for it."""
    if (rows, columns, components) != (description.rows, description.columns, description.samples):
        raise _wrong_size()


def _wrong_size() -> InstanceProblem:
    return InstanceProblem(STAGE, "DECODE_FAILED", "a frame is not of the size that the header says")


def _must_stay_irreversible(coding: jpeg2000.Parameters) -> bool:
    """A reversible transform would make PhotometricInterpretation YBR_ICT untrue (PS3.3 C.7.6.3.1.2)."""
    return coding.colour_transform and not coding.reversible


def _colour_space(name: str, header: jpeg.FrameHeader) -> dict[str, Any]:
    """The same colour space on both sides of libjpeg-turbo, so that it converts nothing."""
    return {"colorspace": name, "outcolorspace": name} if len(header.components) == 3 else {}


def _header_colour(description: PixelDescription) -> str:
    if description.photometric.startswith("YBR"):
        return _YBR
    return description.photometric


def _jpeg_colour(frame: bytes, stream: jpeg.Stream, header: jpeg.FrameHeader, description: PixelDescription) -> str:
    if len(header.components) != 3:
        return _header_colour(description)
    transform = jpeg.adobe_transform(frame, stream)
    if transform is not None:
        return _YBR if transform else "RGB"
    if bytes(component.identifier for component in header.components) in (b"RGB", b"rgb"):
        return "RGB"
    return _YBR if jpeg.is_jfif(frame, stream) else _header_colour(description)


def _wavelet_colour(coding: jpeg2000.Parameters, description: PixelDescription) -> str:
    if coding.components == 3 and (coding.colour_transform or description.photometric in _TRANSFORMED):
        return "RGB"
    return _header_colour(description)


CODECS: Mapping[str, FrameCodec] = {
    **{str(syntax): _Native() for syntax in NATIVE_SYNTAXES},
    DEFLATED_FRAMES: _Deflated(),
    uid.RLELossless: _Rle(),
    uid.JPEGBaseline8Bit: _Jpeg(lossless=False),
    uid.JPEGExtended12Bit: _Jpeg(lossless=False),
    uid.JPEGLossless: _Jpeg(lossless=True),
    uid.JPEGLosslessSV1: _Jpeg(lossless=True),
    uid.JPEGLSLossless: _JpegLs(),
    uid.JPEGLSNearLossless: _JpegLs(),
    uid.JPEG2000Lossless: _Jpeg2000(),
    uid.JPEG2000: _Jpeg2000(),
    uid.HTJ2KLossless: _Htj2k(),
    uid.HTJ2KLosslessRPCL: _Htj2k(),
    uid.HTJ2K: _Htj2k(),
}
"""Every transfer syntax that can be searched; anything else fails NO_DECODER."""
