"""Frames of JPEG, with loss and without, of JPEG-LS and of JPEG XL (PS3.5 8.2.1, 8.2.3 and 8.2.15)."""

from __future__ import annotations

import dataclasses
from typing import Any

import _CharLS
import imagecodecs
import jpeg_ls
import numpy as np
from numpy.typing import NDArray

from transforms.pixels import jpeg, jpegxl
from transforms.pixels.coding import YBR, Decoded, Encoded, expect, header_colour
from transforms.pixels.description import PixelDescription
from transforms.pixels.words import from_stream, in_stream

JPEG_QUALITY = 95
"""Quality of re-encoded lossy JPEG frames: the libjpeg step at which the error of one more generation is at the level of
rounding (about 1 of 255 in luminance), so that a redacted frame is not visibly worse than its neighbours."""
JPEG_LS_ROOM = 1024
"""Bytes of room beyond the samples for headers, and for frames that grow by being coded."""
_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440"}


@dataclasses.dataclass(frozen=True)
class Jpeg:
    """DCT (8 and 12 bit) and lossless JPEG, components taken and given without colour conversion.

    libjpeg-turbo does all but one thing: its lossless decoder mixes up components that have Huffman tables of their own
    (3.1.3, silently), so lossless streams are decoded by jpegsof3, and encoded with one table for all.
    """

    lossless: bool

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """As `FrameCodec` says."""
        stream = jpeg.parse(frame)
        header = jpeg.frame_header(frame, stream)
        expect(description, header.rows, header.columns, len(header.components))
        raw = _decode_lossless(frame, stream) if self.lossless else imagecodecs.jpeg8_decode(frame, **_colour_space("YCBCR", header))
        return Decoded(from_stream(raw, header.precision, description), _jpeg_colour(frame, stream, header, description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        """As `FrameCodec` says."""
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
class JpegLs:
    """JPEG-LS by CharLS; coded without loss, which the near-lossless syntax allows (PS3.5 A.4.3), so that no error is added."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """As `FrameCodec` says."""
        header = jpeg.frame_header(frame, jpeg.parse(frame))  # CharLS never comes back from a stream that is cut off
        expect(description, header.rows, header.columns, len(header.components))
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
        return Decoded(from_stream(raw, precision, description), header_colour(description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        """As `FrameCodec` says."""
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
class JpegXl:
    """JPEG XL by libjxl; coded without loss, as `jpegxl.clean` has coded every frame before it is searched."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """As `FrameCodec` says."""
        raw = jpegxl.samples(frame, description)
        return Decoded(from_stream(raw, jpegxl.parameters(frame).bits, description), jpegxl.colour(description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        """As `FrameCodec` says."""
        bits = jpegxl.parameters(like).bits
        return Encoded(jpegxl.coded(in_stream(samples, bits), bits), None)


@dataclasses.dataclass(frozen=True)
class JpegXlOfJpeg:
    """The JPEG that a JPEG XL stream holds, coefficient by coefficient."""

    jpeg = Jpeg(lossless=False)

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """As `FrameCodec` says."""
        return self.jpeg.decode(jpegxl.jpeg_in(frame, description), description)

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        """As `FrameCodec` says."""
        coded = self.jpeg.encode(samples, jpegxl.jpeg_in(like, description), description)
        return Encoded(jpegxl.of_jpeg(coded.data, description), coded.lossy)


def _colour_space(name: str, header: jpeg.FrameHeader) -> dict[str, Any]:
    """The same colour space on both sides of libjpeg-turbo, so that it converts nothing."""
    return {"colorspace": name, "outcolorspace": name} if len(header.components) == 3 else {}


def _jpeg_colour(frame: bytes, stream: jpeg.Stream, header: jpeg.FrameHeader, description: PixelDescription) -> str:
    if len(header.components) != 3:
        return header_colour(description)
    transform = jpeg.adobe_transform(frame, stream)
    if transform is not None:
        return YBR if transform else "RGB"
    if bytes(component.identifier for component in header.components) in (b"RGB", b"rgb"):
        return "RGB"
    return YBR if jpeg.is_jfif(frame, stream) else header_colour(description)
