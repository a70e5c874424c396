"""Frames as DICOM stores them: photometric forms, bit depths, signs, windows and transfer syntaxes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from benchmarks.burned_in.backgrounds import Picture, Random
from benchmarks.burned_in.coding import code, syntaxes_of
from benchmarks.burned_in.frames import Frame, Text

Samples = NDArray[np.generic]
"""Of one frame or of many; grey (rows, columns), colour (rows, columns, 3)."""
GREY = (
    "MONOCHROME2 8",
    "MONOCHROME2 12",
    "MONOCHROME1 12",
    "MONOCHROME2 16 signed",
    "MONOCHROME2 16 in a window",
    "MONOCHROME2 16 in a second window",
    "MONOCHROME2 16 beside padding",
    "MONOCHROME2 16 beside hot samples",
    "MONOCHROME2 float beside hot samples",
    "MONOCHROME2 1",
)
COLOUR = ("RGB 8", "RGB 8", "YBR_FULL 8", "PALETTE COLOR 8")
DISTINCT = 2.0
"""Standard deviations of its paper by which a string surely stands out."""
LEAST_GRAIN = 4.0
"""Grey levels that paper varies by, at least."""
WITH_REGIONS = 2
"""Of so many instances of ultrasound one says where its regions are."""
_CANDIDATES = 12
"""Rectangles of which a region is the one that holds the fewest strings."""
_GAP = 2
"""Pixels between the picture and what is written beside it."""


def instance(frames: Sequence[Frame], random: Random, own: Random) -> tuple[str, FileDataset]:
    """The name of its form, and frames of one shape as an instance. Where few levels hide a string, nobody can read it there: its
    frame loses it.

    The last frame decides on the form. `random` draws forms, `own` transfer syntaxes and regions, so that neither hangs on the other.
    """
    last = frames[-1]
    forms = GREY if last.is_grey else COLOUR
    form = forms[int(random.integers(len(forms)))]
    if form == "MONOCHROME2 1" and last.modality != "screen":
        form = "MONOCHROME2 8"
    dataset = _empty(frames)
    samples = _grey(dataset, frames, form, random) if last.is_grey else _COLOUR[form.split()[0]](dataset, frames, random)
    if last.modality == "US" and own.integers(WITH_REGIONS) == 0:
        _state_region(dataset, last, own)
    choices = syntaxes_of(dataset)
    code(dataset, samples, choices[int(own.integers(len(choices)))], own)
    return form, saved(dataset)


def saved(dataset: FileDataset) -> FileDataset:
    """The instance as it comes out of a file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


def _state_region(dataset: FileDataset, made: Frame, own: Random) -> None:
    """A region in the middle, most often the one of some that the fewest strings reach into."""
    rows, columns = made.taken.shape
    candidates = []
    for _ in range(_CANDIDATES):
        left, right = sorted(int(side * columns) for side in own.uniform((0, 0.6), (0.4, 1)))
        top, bottom = sorted(int(side * rows) for side in own.uniform((0, 0.6), (0.4, 1)))
        inside = [
            one
            for one in made.texts
            if one.left - _GAP < right and one.right + _GAP > left and one.top - _GAP < bottom and one.bottom + _GAP > top
        ]
        candidates.append((len(inside), left, top, right - 1, bottom - 1))
    _, left, top, right, bottom = candidates[0] if own.integers(4) == 0 else min(candidates)
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    dataset.SequenceOfUltrasoundRegions = [item]
    dataset.Modality = "US"


def _empty(frames: Sequence[Frame]) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = frames[0].taken.shape
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    return dataset


def _store(dataset: FileDataset, samples: NDArray[np.generic], stored: int) -> None:
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * samples.itemsize, stored, stored - 1
    data = np.ascontiguousarray(samples).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if samples.itemsize == 1 else "OW"


def _grey(dataset: FileDataset, frames: Sequence[Frame], form: str, random: Random) -> Samples:
    """Put frames into a form of grey; their samples."""
    dataset.PhotometricInterpretation = form.split(maxsplit=1)[0]
    dataset.PixelRepresentation = int(form in {"MONOCHROME2 16 signed", "MONOCHROME2 16 beside padding"})
    # The last frame first, so that it does not hang on how many there are.
    samples = np.stack([_samples(made, form, random) for made in reversed(frames)][::-1])
    if form == "MONOCHROME2 1":
        _store(dataset, np.packbits(samples.ravel(), bitorder="little"), 1)
        dataset.BitsAllocated = 1
    elif form.startswith("MONOCHROME2 float"):
        dataset.BitsAllocated, dataset.FloatPixelData = 32, samples.astype("<f4").tobytes()
        del dataset.PixelRepresentation
    else:
        _store(dataset, samples, int(form.split()[1]))
    if form.startswith("MONOCHROME2 16 in"):
        second = form.endswith("second window")
        dataset.WindowCenter, dataset.WindowWidth = ([3500, 900 + 255], [1000, 520]) if second else (900 + 255, 520)
    elif form.endswith("padding"):
        dataset.add_new("PixelPaddingValue", "SS", -32768)
    return samples


def _samples(made: Frame, form: str, random: Random) -> Samples:
    """One frame in a form of grey."""
    grey = made.picture[..., 0]
    samples: Samples = grey
    if form == "MONOCHROME2 1":
        samples = grey > 127
        made.texts = [text for text in made.texts if _shows(samples, text.ink, (text.left, text.top, text.right, text.bottom))]
    elif form == "MONOCHROME1 12":
        samples = 4095 - grey.astype(np.uint16) * 16
    elif form == "MONOCHROME2 12":
        samples = grey.astype(np.uint16) * 14 + int(random.integers(200))
    elif form == "MONOCHROME2 16 signed":
        samples = (grey.astype(np.int32) * 230 - 30000).astype(np.int16)
    elif form.startswith("MONOCHROME2 16 in"):  # soft tissue beside metal: over the full range the text has a few levels of contrast
        soft = grey.astype(np.int32) * 2 + 900
        rows, columns = grey.shape
        metal = np.zeros(grey.shape, bool)
        metal[rows // 2 : rows // 2 + max(2, rows // 40), columns // 2 : columns // 2 + max(2, columns // 12)] = True
        soft[metal & ~made.taken] = int(random.integers(3000, 20000))
        samples = soft.astype(np.uint16)
    elif form == "MONOCHROME2 16 beside padding":
        samples = grey.astype(np.int16)
        samples[:, : max(1, grey.shape[1] // 16)][~made.taken[:, : max(1, grey.shape[1] // 16)]] = -32768
    elif form.endswith("hot samples"):
        hot = grey.astype(np.float32) * 2 + 900
        for _ in range(int(random.integers(1, 30))):
            row, column = (int(random.integers(side)) for side in grey.shape)
            if not made.taken[row, column]:
                hot[row, column] = random.integers(20_000, 65_536)
        samples = hot.astype(np.uint16) if form.startswith("MONOCHROME2 16") else hot / 1000
    return samples


def _shows(bits: NDArray[np.bool_], ink: NDArray[np.bool_], box: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = box
    part = bits[top:bottom, left:right]
    return abs(float(part[ink].mean()) - float(part[~ink].mean() if (~ink).any() else 0.5)) > 0.8


def _distinct(picture: NDArray[np.integer], text: Text) -> float:
    """How far apart ink and paper of a string are, in standard deviations of the paper, in the channel that shows it best."""
    part = picture[text.top : text.bottom, text.left : text.right].astype(float)
    ink, paper = part[text.ink], part[~text.ink]
    if not len(paper):
        return DISTINCT
    return float((abs(ink.mean(axis=0) - paper.mean(axis=0)) / np.maximum(paper.std(axis=0), LEAST_GRAIN)).max())


def _rgb(dataset: FileDataset, frames: Sequence[Frame], random: Random) -> Samples:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = int(random.integers(2))
    samples = np.stack([made.picture for made in frames])
    _store(dataset, np.moveaxis(samples, 3, 1) if dataset.PlanarConfiguration else samples, 8)
    return samples


def _ybr(dataset: FileDataset, frames: Sequence[Frame], _random: Random) -> Samples:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_FULL", 0
    samples = np.stack([pydicom.pixels.processing.convert_color_space(made.picture, "RGB", "YBR_FULL") for made in frames])
    _store(dataset, samples, 8)
    return samples


def _palette(dataset: FileDataset, frames: Sequence[Frame], random: Random) -> Samples:
    """Six levels of each channel, in an order that says nothing."""
    order = random.permutation(216)
    samples = []
    for made in frames:
        levels = (made.picture.astype(int) + 25) // 51
        made.texts = [text for text in made.texts if _distinct(levels * 51, text) >= min(DISTINCT, _distinct(made.picture, text) / 2)]
        samples.append(order[levels[..., 0] * 36 + levels[..., 1] * 6 + levels[..., 2]].astype(np.uint8))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for channel, name in enumerate(("Red", "Green", "Blue")):
        values = np.zeros(216, np.uint16)
        values[order] = (np.arange(216) // 6 ** (2 - channel) % 6) * 51 * 257
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [216, 0, 16])
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", values.tobytes())
    _store(dataset, np.stack(samples), 8)
    return np.stack(samples)


def shown(picture: Picture, boxes: NDArray[np.bool_]) -> Picture:
    """The picture with black where boxes are."""
    redacted = picture.copy()
    redacted[boxes] = 0
    return redacted


_COLOUR = {"RGB": _rgb, "YBR_FULL": _ybr, "PALETTE": _palette}
