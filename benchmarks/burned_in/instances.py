"""Frames as DICOM stores them: photometric forms, bit depths, signs, windows and transfer syntaxes."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

from benchmarks.burned_in.backgrounds import Picture, Random
from benchmarks.burned_in.frames import Frame, Text

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
LOSSLESS = (
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
)
DISTINCT = 2.0
"""Standard deviations of its paper by which a string surely stands out."""
LEAST_GRAIN = 4.0
"""Grey levels that paper varies by, at least."""
_PLUGINS = {uid.RLELossless: "pylibjpeg", uid.JPEGLSLossless: "pyjpegls", uid.JPEG2000Lossless: "pylibjpeg"}


def instance(made: Frame, random: Random) -> tuple[str, FileDataset]:
    """The name of its form, and a frame as an instance. Where few levels hide a string, nobody can read it there: the frame loses it."""
    forms = GREY if made.is_grey else COLOUR
    form = forms[int(random.integers(len(forms)))]
    if form == "MONOCHROME2 1" and made.modality != "screen":
        form = "MONOCHROME2 8"
    dataset = _empty(made)
    if made.is_grey:
        _grey(dataset, made, form, random)
    else:
        _COLOUR[form.split()[0]](dataset, made, random)
    if dataset.BitsAllocated == 8 and dataset.PhotometricInterpretation in {"MONOCHROME2", "RGB"} and random.integers(4) == 0:
        return form, _jpeg(dataset, int(random.integers(70, 98)))
    planar = dataset.get("PlanarConfiguration") == 1  # pydicom compresses interleaved samples
    syntax = LOSSLESS[int(random.integers(len(LOSSLESS)))]
    is_coded = syntax in _PLUGINS and dataset.BitsAllocated > 1 and "PixelData" in dataset
    if is_coded and dataset.PhotometricInterpretation != "YBR_FULL" and not planar:
        dataset.compress(syntax, encoding_plugin=_PLUGINS[syntax])
    else:
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax in _PLUGINS else syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return form, pydicom.dcmread(io.BytesIO(buffer.getvalue()))


def _empty(made: Frame) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = made.taken.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    return dataset


def _store(dataset: FileDataset, samples: NDArray[np.generic], stored: int) -> None:
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * samples.itemsize, stored, stored - 1
    data = np.ascontiguousarray(samples).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if samples.itemsize == 1 else "OW"


def _store_float(dataset: FileDataset, samples: NDArray[np.float32]) -> None:
    dataset.BitsAllocated, dataset.FloatPixelData = 32, samples.astype("<f4").tobytes()
    del dataset.PixelRepresentation


def _grey(dataset: FileDataset, made: Frame, form: str, random: Random) -> None:
    grey = made.picture[..., 0]
    dataset.PhotometricInterpretation = form.split(maxsplit=1)[0]
    if form == "MONOCHROME2 8":
        _store(dataset, grey, 8)
    elif form == "MONOCHROME2 1":
        bits = grey > 127
        made.texts = [text for text in made.texts if _shows(bits, text.ink, (text.left, text.top, text.right, text.bottom))]
        _store(dataset, np.packbits(bits.ravel(), bitorder="little"), 1)
        dataset.BitsAllocated = 1
    elif form == "MONOCHROME1 12":
        _store(dataset, (4095 - grey.astype(np.uint16) * 16), 12)
    elif form == "MONOCHROME2 12":
        _store(dataset, grey.astype(np.uint16) * 14 + int(random.integers(200)), 12)
    elif form == "MONOCHROME2 16 signed":
        dataset.PixelRepresentation = 1
        _store(dataset, (grey.astype(np.int32) * 230 - 30000).astype(np.int16), 16)
    elif form.startswith("MONOCHROME2 16 in"):  # soft tissue beside metal: over the full range the text has a few levels of contrast
        samples = grey.astype(np.int32) * 2 + 900
        rows, columns = grey.shape
        metal = np.zeros(grey.shape, bool)
        metal[rows // 2 : rows // 2 + max(2, rows // 40), columns // 2 : columns // 2 + max(2, columns // 12)] = True
        samples[metal & ~made.taken] = int(random.integers(3000, 20000))
        second = form.endswith("second window")
        dataset.WindowCenter, dataset.WindowWidth = ([3500, 900 + 255], [1000, 520]) if second else (900 + 255, 520)
        _store(dataset, samples.astype(np.uint16), 16)
    elif form == "MONOCHROME2 16 beside padding":
        samples = grey.astype(np.int16)
        samples[:, : max(1, grey.shape[1] // 16)][~made.taken[:, : max(1, grey.shape[1] // 16)]] = -32768
        dataset.PixelRepresentation = 1
        dataset.add_new("PixelPaddingValue", "SS", -32768)
        _store(dataset, samples, 16)
    else:
        hot = grey.astype(np.float32) * 2 + 900
        for _ in range(int(random.integers(1, 30))):
            row, column = (int(random.integers(side)) for side in grey.shape)
            if not made.taken[row, column]:
                hot[row, column] = random.integers(20_000, 65_536)
        if form.startswith("MONOCHROME2 16"):
            _store(dataset, hot.astype(np.uint16), 16)
        else:
            _store_float(dataset, hot / 1000)


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


def _rgb(dataset: FileDataset, made: Frame, random: Random) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = int(random.integers(2))
    _store(dataset, np.moveaxis(made.picture, 2, 0) if dataset.PlanarConfiguration else made.picture, 8)


def _ybr(dataset: FileDataset, made: Frame, _random: Random) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_FULL", 0
    _store(dataset, pydicom.pixels.processing.convert_color_space(made.picture, "RGB", "YBR_FULL"), 8)


def _palette(dataset: FileDataset, made: Frame, random: Random) -> None:
    """Six levels of each channel, in an order that says nothing."""
    order = random.permutation(216)
    levels = (made.picture.astype(int) + 25) // 51
    made.texts = [text for text in made.texts if _distinct(levels * 51, text) >= min(DISTINCT, _distinct(made.picture, text) / 2)]
    indices = levels[..., 0] * 36 + levels[..., 1] * 6 + levels[..., 2]
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for channel, name in enumerate(("Red", "Green", "Blue")):
        values = np.zeros(216, np.uint16)
        values[order] = (np.arange(216) // 6 ** (2 - channel) % 6) * 51 * 257
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [216, 0, 16])
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", values.tobytes())
    _store(dataset, order[indices].astype(np.uint8), 8)


def _jpeg(dataset: FileDataset, quality: int) -> FileDataset:
    colour = dataset.SamplesPerPixel == 3
    picture = dataset.pixel_array
    coded = imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=quality, subsampling="422" if colour else None)
    dataset.PixelData = encapsulate([coded])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    if colour:
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "YBR_FULL_422", 0
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


def shown(picture: Picture, boxes: NDArray[np.bool_]) -> Picture:
    """The picture with black where boxes are."""
    redacted = picture.copy()
    redacted[boxes] = 0
    return redacted


_COLOUR = {"RGB": _rgb, "YBR_FULL": _ybr, "PALETTE": _palette}
