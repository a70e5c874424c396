"""Text that the full range of the samples hides: found in any window, in any lookup table, and where there is none."""

import datetime as dt
import io

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from transforms.model.errors import InstanceProblem
from transforms.model.plan import ALL_TEXT
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelSearch, SecondLook
from transforms.pixels.redactor import Redactor
from transforms.pixels.strengths import text_search

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
SIDE = 256
INK = cv2.putText(np.zeros((SIDE, SIDE), np.uint8), "KOWALSKI JAN", (12, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1, 2).astype(bool)
GRAIN = np.random.default_rng(1).integers(0, 10, (SIDE, SIDE))
TISSUE = 1000 + GRAIN + 60 * INK
"""Letters 60 above their ground."""


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(ALL_TEXT, text_search(PixelSearch.FAST), PixelSearch.FAST)


def beside_bone(part: int = 80) -> np.ndarray:
    """Tissue beside what is much brighter, some of it next to the brightest of all."""
    samples = TISSUE.astype("u2")
    samples[-part:, -part:] = np.random.default_rng(2).integers(20_000, 60_000, (part, part))
    return samples


def instance(samples: np.ndarray, **elements) -> OpenInstance:
    """A frame in the smallest header that describes it, as it comes out of a file."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns = samples.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.BitsAllocated = 1, "MONOCHROME2", samples.itemsize * 8
    if samples.dtype.kind == "f":
        dataset.FloatPixelData = samples.astype("<f4").tobytes()
    else:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, int(samples.dtype.kind == "i")
        dataset.add_new(0x7FE00010, "OW", samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    read = pydicom.dcmread(io.BytesIO(buffer.getvalue()))
    return OpenInstance(InstanceRef("00" * 8, "/x.dcm", 0), InstanceUids("1.2.3", "1.2.4", "1.2.5"), read, NOON)


def lut(entries: np.ndarray, first: int = 0) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first, 16])
    item.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    return item


def group(**elements) -> Dataset:
    """A functional group with a window or LUT."""
    window, item = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(window, keyword, value)
    item.FrameVOILUTSequence = [window]
    return item


BONE_LUT = lut(np.where(np.arange(4096) < 2000, 0, 65535))
TISSUE_LUT = lut((np.arange(200) * 327).astype("u2"), first=950)
WINDOWS = {
    "the second window": {"WindowCenter": [30_000, 1030], "WindowWidth": [20_000, 200]},
    "a window behind a VOI LUT": {"VOILUTSequence": [BONE_LUT], "WindowCenter": 1030, "WindowWidth": 200},
    "a VOI LUT behind a window": {"VOILUTSequence": [TISSUE_LUT], "WindowCenter": 30_000, "WindowWidth": 20_000},
    "the second VOI LUT": {"VOILUTSequence": [BONE_LUT, TISSUE_LUT]},
    "the shared group's window": {
        "SharedFunctionalGroupsSequence": [group(WindowCenter=1030, WindowWidth=200)],
        "PerFrameFunctionalGroupsSequence": [group(WindowCenter=30_000, WindowWidth=20_000)],
    },
    "the frame's own window": {
        "WindowCenter": 30_000,
        "WindowWidth": 20_000,
        "PerFrameFunctionalGroupsSequence": [group(WindowCenter=1030, WindowWidth=200)],
    },
    "the top level's window beside one of a group": {
        "WindowCenter": 1030,
        "WindowWidth": 200,
        "PerFrameFunctionalGroupsSequence": [group(WindowCenter=30_000, WindowWidth=20_000)],
    },
    "a sigmoid": {"WindowCenter": 1030, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"},
    "a window behind a falling rescale": {"WindowCenter": 970, "WindowWidth": 200, "RescaleSlope": -1, "RescaleIntercept": 2000},
}


def check_found(redactor: Redactor, opened: OpenInstance) -> None:
    result = redactor.redact(opened).pixels
    boxed = np.zeros(INK.shape, bool)
    for box in result.boxes:
        boxed[box.top : box.bottom, box.left : box.right] = True
    assert boxed[INK].mean() >= 0.98
    assert boxed.mean() < 0.2
    assert result.second_look is SecondLook.CLEAN


@pytest.mark.parametrize("name", WINDOWS)
def test_text_in_any_window_or_lut_is_found(redactor, name):
    check_found(redactor, instance(beside_bone(part=160), **WINDOWS[name]))


def test_a_window_is_no_worse_for_a_sample_that_is_no_number(redactor):
    samples = TISSUE.astype("f4")
    samples[200, :4] = [np.nan, np.inf, -np.inf, 1e30]
    check_found(redactor, instance(samples, WindowCenter=1030, WindowWidth=200))


def padded(kind: str, value: int, columns: int = 20) -> np.ndarray:
    samples = (100 + GRAIN + 60 * INK).astype(kind)
    samples[:, -columns:] = value
    return samples


def hot(times: float, kind: str = "u2") -> np.ndarray:
    samples = (100 + GRAIN + 60 * INK).astype(kind)
    samples[200:206, 200:206] = 170 * times
    return samples


RANGES = {
    "stated padding": (padded("i2", -32768), {"PixelPaddingValue": -32768}),
    "a stated range of padding": (
        np.where(np.arange(SIDE) >= SIDE - 20, -32768 + GRAIN * 90, padded("i2", 0)).astype("i2"),
        {"PixelPaddingValue": -32768, "PixelPaddingRangeLimit": -31000},
    ),
    "padding that nothing states": (padded("i2", -32768), {}),
    "hot samples at 40 times": (hot(40), {}),
    "hot samples at 380 times": (hot(380), {}),
    "float and one sample far off": (hot(1e7, "f4"), {}),
    "float and samples that are no numbers": (np.where(np.arange(SIDE) == 255, np.nan, hot(1e30, "f4")), {}),
    "bone in a thirtieth of the frame": (beside_bone(part=46), {}),
    "rows of every brightness": (np.where(np.arange(SIDE)[:, None] < 6, np.arange(SIDE) * 250, TISSUE).astype("u2"), {}),
}


def beside_film(ink: int, ground: int, rest: np.ndarray) -> np.ndarray:
    """A band with letters in the deepest black or the brightest white of a picture of 16 bits."""
    return np.where(np.arange(SIDE)[:, None] < 80, np.where(INK, ink, ground), rest).astype("u2")


DEEP = np.random.default_rng(3).integers(0, 60_000, (SIDE, SIDE))
RANGES |= {
    "dark letters in a deep picture": (beside_film(255, 0, DEEP), {}),
    "dark letters in a deep picture far from black": (beside_film(255, 0, 4000 + DEEP // 2), {}),
    "dark letters in a deep picture and a window as wide": (beside_film(255, 0, DEEP), {"WindowCenter": 30_000, "WindowWidth": 60_000}),
    "letters a little darker than the brightest": (beside_film(59_700, 60_000, DEEP), {}),
}


@pytest.mark.parametrize("name", RANGES)
def test_text_is_found_where_a_few_samples_take_nearly_all_of_the_range_and_no_window_is_given(redactor, name):
    samples, elements = RANGES[name]
    check_found(redactor, instance(samples, **elements))


def test_a_frame_of_many_unlike_windows_fails(redactor):
    opened = instance(beside_bone(), WindowCenter=[500 * number for number in range(1, 40)], WindowWidth=[100] * 39)
    opened.dataset.PixelData = np.arange(SIDE * SIDE, dtype="<u2").tobytes()
    with pytest.raises(InstanceProblem) as raised:
        redactor.redact(opened)
    assert raised.value.code == "TOO_MANY_WINDOWS"
