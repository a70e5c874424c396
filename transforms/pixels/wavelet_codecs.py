"""Frames of JPEG 2000 and of its high-throughput form (PS3.5 8.2.4 and 8.2.14)."""

from __future__ import annotations

import dataclasses
from typing import Any

import imagecodecs
import numpy as np
import openjpeg
import openjpeg.utils
from numpy.typing import NDArray

from transforms.pixels import jpeg2000
from transforms.pixels.coding import Decoded, Encoded, expect, header_colour
from transforms.pixels.description import PixelDescription
from transforms.pixels.words import from_stream, in_stream

J2K_PSNR = 80.0
"""Peak signal-to-noise ratio in dB asked of re-encoded irreversible JPEG 2000 frames: beyond it nothing improves; on a real
ultrasound the mean error is 0.1 of 255 and the largest 3."""
HTJ2K_STEP = {1: 1 / 4096, 2: 1 / 65536}
"""Base quantisation step of re-encoded irreversible HTJ2K frames by bytes of a sample, relative to their full range: exact at 8 bits. A
coarser one lets OpenJPH overflow at black and white; a finer one takes nothing from the error at 16 bits."""
HTJ2K_MAX_ERROR = {1: 1, 2: 4}
"""By bytes of a sample; what overflows is off by nearly the whole range."""
HTJ2K_MIN_LEVELS = 5
HTJ2K_SMALLEST = 64
"""The RPCL syntax asks for enough decompositions that the smallest image has at most 64 rows and columns (PS3.5 A.4.12)."""

_TRANSFORMED = ("YBR_RCT", "YBR_ICT")


@dataclasses.dataclass(frozen=True)
class Jpeg2000:
    """JPEG 2000 by OpenJPEG. Reversible wherever the header stays true by it, else irreversible at J2K_PSNR."""

    def decode(self, frame: bytes, description: PixelDescription) -> Decoded:
        """As `FrameCodec` says."""
        coding = jpeg2000.parameters(frame)
        expect(description, coding.rows, coding.columns, coding.components)
        return Decoded(from_stream(openjpeg.decode(frame), coding.precision, description), _wavelet_colour(coding, description))

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:  # noqa: ARG002 - of the protocol
        """As `FrameCodec` says."""
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
class Htj2k(Jpeg2000):
    """High-throughput JPEG 2000: decoded by OpenJPEG like the other wavelets, encoded by OpenJPH.

    OpenJPH's binding ignores errors inside a broken codestream and gives back what it has, so it does not decode here.
    The encoder's RPCL progression with TLM serves all three syntaxes (PS3.5 A.4.12). It states the depth of the samples'
    container as precision (8 or 16), the values are the same.
    """

    def encode(self, samples: NDArray[Any], like: bytes, description: PixelDescription) -> Encoded:
        """As `FrameCodec` says."""
        coding = jpeg2000.parameters(like)
        irreversible = _must_stay_irreversible(coding)
        raw = in_stream(samples, coding.precision, coding.signed)
        smallest = (max(description.rows, description.columns) - 1) // HTJ2K_SMALLEST
        encoded = imagecodecs.htj2k_encode(
            raw,
            HTJ2K_STEP[raw.itemsize] if irreversible else None,
            resolutions=max(HTJ2K_MIN_LEVELS, smallest.bit_length()),
            reversible=not irreversible,
            rgb=coding.colour_transform,
            tlm=True,
        )
        coded = bytes(encoded)
        error = np.abs(openjpeg.decode(coded).astype(np.int64) - raw).max()
        if error > HTJ2K_MAX_ERROR[raw.itemsize]:
            raise ValueError("the encoder overflowed")
        return Encoded(jpeg2000.clean(coded)[0], "ISO_15444_15" if error else None)


def _must_stay_irreversible(coding: jpeg2000.Parameters) -> bool:
    """A reversible transform would make PhotometricInterpretation YBR_ICT untrue (PS3.3 C.7.6.3.1.2)."""
    return coding.colour_transform and not coding.reversible


def _wavelet_colour(coding: jpeg2000.Parameters, description: PixelDescription) -> str:
    if coding.components == 3 and (coding.colour_transform or description.photometric in _TRANSFORMED):
        return "RGB"
    return header_colour(description)
