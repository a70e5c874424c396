"""What the header says about the pixels of an instance: the Image Pixel module (PS3.3 C.7.6.3), checked once."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from transforms.model.errors import InstanceProblem

STAGE = "pixels"
NATIVE_SYNTAXES = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian})
"""Transfer syntaxes whose PixelData holds samples as they are (pydicom inflates the deflated one while reading)."""
PIXEL_DATA = "PixelData"
_FLOATING = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
"""Elements of floating point samples, and their BitsAllocated (PS3.3 C.7.6.24, C.7.6.25)."""
_BITS_ALLOCATED = (1, 8, 16, 32, 64)
_SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422")
_MAX_SAMPLES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class PixelDescription:
    """Shape, layout and meaning of the samples of one instance; every field is valid by itself and with the others."""

    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    """Per pixel, 1 to 4."""
    photometric: str
    """PhotometricInterpretation as the header has it; the coded stream may disagree (`coding.Decoded.colour`)."""
    bits_allocated: int
    """1, 8, 16, 32 or 64."""
    bits_stored: int
    high_bit: int
    signed: bool
    planar: int
    """0: by pixel, 1: by plane. Says nothing about compressed frames."""
    frames: int
    subsampled: bool = False
    """Native 4:2:2: every two pixels of a row are Y Y Cb Cr (PS3.3 C.7.6.3.1.2)."""
    swapped: bool = False
    """Bytes of 8-bit or 1-bit samples stand swapped in pairs, since they are OW in big endian (PS3.5 7.3)."""
    element: str = PIXEL_DATA
    """The keyword of the element that holds the samples: PixelData, FloatPixelData or DoubleFloatPixelData."""

    @classmethod
    def from_dataset(cls, dataset: FileDataset) -> PixelDescription:
        """The description of an instance with samples.

        Raises InstanceProblem BAD_PIXEL_DESCRIPTION where the header is incomplete or contradicts itself.
        """
        syntax = _syntax(dataset)
        element = _element(dataset)
        samples = _integer(dataset, "SamplesPerPixel", None)
        allocated = _integer(dataset, "BitsAllocated", None)
        # Floating point samples fill their words; the attributes that say where in a word a sample lies are not theirs.
        stored = _integer(dataset, "BitsStored", allocated) if element == PIXEL_DATA else allocated
        description = cls(
            transfer_syntax=syntax,
            rows=_integer(dataset, "Rows", None),
            columns=_integer(dataset, "Columns", None),
            samples=samples,
            photometric=str(_value(dataset, "PhotometricInterpretation") or "").strip(),
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=_integer(dataset, "HighBit", stored - 1) if element == PIXEL_DATA else stored - 1,
            signed=element == PIXEL_DATA and _integer(dataset, "PixelRepresentation", 0) == 1,
            planar=_integer(dataset, "PlanarConfiguration", 0) if samples > 1 else 0,
            frames=_integer(dataset, "NumberOfFrames", 1) or 1,
            element=element,
        )
        description._check()
        if not description.native:
            return description
        swapped = syntax == ExplicitVRBigEndian and allocated <= 8 and dataset.get_item(element).VR == "OW"
        # Some writers say 4:2:2 and store every sample; the length tells.
        shared = description.rows * description.columns * 2 * description.frames * allocated // 8
        length = len(dataset.get_item(element).value or b"")
        subsampled = description.photometric in _SUBSAMPLED and samples == 3 and length in (shared, shared + 1)
        if subsampled and (description.columns % 2 or allocated not in (8, 16)):
            raise _bad("4:2:2 pixels need an even number of Columns and 8 or 16 BitsAllocated")
        return dataclasses.replace(description, swapped=swapped, subsampled=subsampled)

    def _check(self) -> None:
        if not (0 < self.rows <= 0xFFFF and 0 < self.columns <= 0xFFFF):
            raise _bad("Rows and Columns must be from 1 to 65535")
        if not 0 < self.samples <= _MAX_SAMPLES:
            raise _bad(f"SamplesPerPixel must be from 1 to {_MAX_SAMPLES}")
        if not self.photometric:
            raise _bad("PhotometricInterpretation is missing")
        if self.bits_allocated not in _BITS_ALLOCATED:
            raise _bad("BitsAllocated must be 1, 8, 16, 32 or 64")
        if self.floating and (self.bits_allocated != _FLOATING[self.element] or self.samples != 1 or not self.native):
            raise _bad(f"{self.element} is of one native sample of {_FLOATING[self.element]} BitsAllocated a pixel")
        if self.bits_allocated == 1 and self.samples != 1:
            raise _bad("1-bit pixels have one sample")
        if not 0 < self.bits_stored <= self.high_bit + 1 <= self.bits_allocated:
            raise _bad("BitsStored and HighBit do not fit into BitsAllocated")
        if self.planar not in (0, 1):
            raise _bad("PlanarConfiguration must be 0 or 1")
        if self.frames < 1:
            raise _bad("NumberOfFrames must be at least 1")

    @property
    def native(self) -> bool:
        """Whether PixelData holds the samples themselves."""
        return self.transfer_syntax in NATIVE_SYNTAXES

    @property
    def floating(self) -> bool:
        """Whether samples are floating point numbers."""
        return self.element != PIXEL_DATA

    @property
    def big_endian(self) -> bool:
        """Whether samples of two bytes and more are in big endian."""
        return self.transfer_syntax == ExplicitVRBigEndian

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one decoded frame: (rows, columns), or (rows, columns, samples) with more than one sample."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples of a decoded frame, in the machine's byte order; 1-bit pixels take a byte each."""
        if self.floating:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated, 8) // 8}")

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame; not always whole bytes, since 1-bit frames follow each other without padding."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.bits_allocated


def _element(dataset: Dataset) -> str:
    """Which element holds the samples; there is one, since two would show two images (PS3.3 C.7.6.24)."""
    found = [keyword for keyword in (PIXEL_DATA, *_FLOATING) if keyword in dataset]
    if len(found) != 1:
        raise _bad("one of PixelData, FloatPixelData and DoubleFloatPixelData must be there")
    return found[0]


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_PIXEL_DESCRIPTION", sentence)


def _syntax(dataset: FileDataset) -> str:
    """The stated transfer syntax, or without one the native syntax that the data set was read in."""
    stated = str(_value(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID") or "")
    if stated:
        return stated
    implicit, little = dataset.original_encoding
    if little:
        return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return ExplicitVRBigEndian


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001 - the header's values come from anywhere, and a parser's message would quote them
        raise _bad(f"{keyword} cannot be read") from None


def _integer(dataset: Dataset, keyword: str, default: int | None) -> int:
    value = _value(dataset, keyword)
    if value is None or value == "":
        if default is None:
            raise _bad(f"{keyword} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise _bad(f"{keyword} is not one integer") from None
