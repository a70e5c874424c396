"""Samples as each transfer syntax stores them, coded straight by the libraries, not by the code that is judged."""

from __future__ import annotations

import zlib

import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg.utils
import rle
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate

from benchmarks.burned_in.backgrounds import Random
from transforms.model.syntaxes import DEFLATED_FRAMES, JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG

NATIVE = (
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
LOSSLESS = (
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    DEFLATED_FRAMES,
    JPEG_XL_LOSSLESS,
)
LOSSY_8_BIT = (uid.JPEGBaseline8Bit, JPEG_XL_OF_JPEG)
LOSSY = (*LOSSY_8_BIT, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K, JPEG_XL)
_BIG_ENDIAN_WORDS = ("PixelData", *(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")))
_GREY_OF_LOSS = 12
"""Bits up to which grey is coded with loss: in deeper forms the text has so few levels of the range that loss would hide it."""
RAW_DEFLATE = -15
"""Window bits of zlib for a stream without a header."""
_FINE = 1 / 4096
"""Quantisation step of irreversible HTJ2K, relative to the full range; a coarser one lets OpenJPH overflow at black and white."""


def syntaxes_of(dataset: FileDataset) -> tuple[uid.UID, ...]:
    """Those that may store an instance's samples, as often as they should be drawn."""
    if "PixelData" not in dataset or dataset.BitsAllocated == 1:
        return NATIVE
    stored, photometric = dataset.BitsStored, dataset.PhotometricInterpretation
    if dataset.PixelRepresentation or stored > _GREY_OF_LOSS or photometric not in {"MONOCHROME1", "MONOCHROME2", "RGB"}:
        return (*NATIVE, *LOSSLESS)
    unfit = {uid.JPEGExtended12Bit} if photometric == "RGB" else set()
    unfit |= set(LOSSY_8_BIT) if stored > 8 else set()
    return (*NATIVE, *LOSSLESS, *(syntax for syntax in LOSSY if syntax not in unfit))


def code(dataset: FileDataset, frames: NDArray[np.generic], syntax: uid.UID, random: Random) -> None:
    """Put the native samples of a data set, `frames` (frames, rows, columns[, samples]), into a transfer syntax.

    Where that needs other forms of colour and plane, the header says so afterwards.
    """
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == uid.ExplicitVRBigEndian:
        _swap(dataset)
        dataset.set_original_encoding(False, False)
    if syntax in NATIVE:
        return
    if dataset.SamplesPerPixel == 3:
        dataset.PlanarConfiguration = int(syntax == uid.RLELossless or (syntax == DEFLATED_FRAMES and dataset.PlanarConfiguration))
    coder = _Coder(dataset, syntax, random)
    dataset.PixelData = encapsulate([coder.coded(np.ascontiguousarray(frame)) for frame in frames])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.PhotometricInterpretation = coder.photometric
    if syntax in LOSSY:
        dataset.LossyImageCompression = "01"


def _swap(dataset: FileDataset) -> None:
    """Words as big endian has them."""
    for keyword in _BIG_ENDIAN_WORDS:
        if keyword in dataset and dataset[keyword].VR == "OW":
            setattr(dataset, keyword, np.frombuffer(dataset[keyword].value, "<u2").astype(">u2").tobytes())
            dataset[keyword].VR = "OW"
    if "FloatPixelData" in dataset:
        dataset.FloatPixelData = np.frombuffer(dataset.FloatPixelData, "<f4").astype(">f4").tobytes()


class _Coder:
    """The parameters that all frames of an instance share."""

    def __init__(self, dataset: FileDataset, syntax: uid.UID, random: Random) -> None:
        self._syntax, self._stored, self._allocated = syntax, dataset.BitsStored, dataset.BitsAllocated
        self._planar = dataset.get("PlanarConfiguration") == 1
        self.photometric: str = dataset.PhotometricInterpretation
        """PhotometricInterpretation of the coded frames."""
        self._quality, self._predictor = int(random.integers(70, 98)), int(random.integers(1, 8))
        self._near, self._interleave, self._signal = int(random.integers(1, 4)), int(random.integers(3)), float(random.uniform(38, 50))
        self._distance = float(random.uniform(0.3, 2))
        is_rgb, transformed = self.photometric == "RGB", bool(random.integers(2))
        self._transformed = is_rgb and transformed and syntax in (*uid.JPEG2000TransferSyntaxes, *_HTJ2K)
        if is_rgb and syntax in LOSSY_8_BIT:
            self.photometric = "YBR_FULL_422"
        elif is_rgb and syntax == JPEG_XL:
            self.photometric = "XYB"
        elif self._transformed:
            self.photometric = "YBR_ICT" if syntax in LOSSY else "YBR_RCT"

    def coded(self, samples: NDArray[np.generic]) -> bytes:
        """One frame, (rows, columns[, samples])."""
        rows, columns = samples.shape[:2]
        shape = {"rows": rows, "columns": columns, "samples_per_pixel": 1 if samples.ndim == 2 else samples.shape[2]}
        if self._syntax == DEFLATED_FRAMES:
            return _deflated(np.moveaxis(samples, 2, 0) if self._planar else samples)
        if self._syntax == uid.RLELossless:
            return bytes(rle.encode_pixel_data(samples.tobytes(), byteorder="<", bits_allocated=self._allocated, **shape))
        if self._syntax in uid.JPEGLSTransferSyntaxes:
            return self._jpeg_ls(samples, shape)
        if self._syntax in uid.JPEG2000TransferSyntaxes:
            ratios = [self._signal] if self._syntax in LOSSY else None
            colour = {"photometric_interpretation": int(self._transformed), "use_mct": self._transformed}
            return bytes(openjpeg.utils.encode_array(samples, bits_stored=self._stored, signal_noise_ratios=ratios, **colour))
        if self._syntax in _HTJ2K:
            lossy = self._syntax in LOSSY
            return bytes(imagecodecs.htj2k_encode(samples, _FINE if lossy else None, reversible=not lossy, rgb=self._transformed, tlm=True))
        return self._jpeg_xl(samples) if self._syntax in (JPEG_XL_LOSSLESS, JPEG_XL) else self._jpeg(samples)

    def _jpeg_ls(self, samples: NDArray[np.generic], shape: dict[str, int]) -> bytes:
        interleave = self._interleave if samples.ndim == 3 else 0
        planes = np.moveaxis(self._patterns(samples), -1, 0) if samples.ndim == 3 and interleave == 0 else self._patterns(samples)
        near = self._near if self._syntax in LOSSY else 0
        return bytes(
            jpeg_ls.encode_buffer(planes.tobytes(), bits_stored=self._stored, interleave_mode=interleave, lossy_error=near, **shape)
        )

    def _jpeg(self, samples: NDArray[np.generic]) -> bytes:
        patterns = self._patterns(samples)
        if self._syntax in LOSSY:
            stream = bytes(imagecodecs.jpeg8_encode(patterns, self._quality, bitspersample=self._stored, **_SUBSAMPLED[patterns.ndim]))
            return bytes(imagecodecs.jpegxl_encode_jpeg(stream)) if self._syntax == JPEG_XL_OF_JPEG else stream
        predictor = 1 if self._syntax == uid.JPEGLosslessSV1 else self._predictor
        as_they_are = {"colorspace": "RGB", "outcolorspace": "RGB"} if samples.ndim == 3 else {}
        return bytes(imagecodecs.jpeg8_encode(patterns, lossless=True, predictor=predictor, bitspersample=self._stored, **as_they_are))

    def _jpeg_xl(self, samples: NDArray[np.generic]) -> bytes:
        how = {"distance": self._distance} if self._syntax in LOSSY else {"lossless": True}
        colours = "GRAY" if samples.ndim == 2 else "RGB"
        return bytes(imagecodecs.jpegxl_encode(self._patterns(samples), photometric=colours, bitspersample=self._stored, **how))

    def _patterns(self, samples: NDArray[np.generic]) -> NDArray[np.generic]:
        """The bits of each sample as a number without sign, as coders without a notion of it take them."""
        return samples.view(f"u{samples.itemsize}")


_HTJ2K = (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
_SUBSAMPLED = {2: {}, 3: {"subsampling": "422"}}


def _deflated(samples: NDArray[np.generic]) -> bytes:
    coder = zlib.compressobj(wbits=RAW_DEFLATE)
    return coder.compress(samples.tobytes()) + coder.flush()
