"""Text in indices that the palette shows alike comes to light, and palettes that hide nothing are rendered once."""

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset

from transforms.model.records import PixelSearch
from transforms.pixels.palette import renderings
from transforms.pixels.strengths import text_search

SIDE = 256
INK = cv2.putText(np.zeros((SIDE, SIDE), np.uint8), "KOWALSKI JAN", (12, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1, 2).astype(bool)
RANDOM = np.random.default_rng(1)
PICTURE = np.clip(cv2.GaussianBlur(RANDOM.random((SIDE, SIDE)), (0, 0), 3) * 1500 - 650, 10, 190).astype("u1")
"""Indices of 10 to 190 in smooth spots, below a band for text."""
BELOW = np.arange(SIDE)[:, None] >= 80
RAMP = np.arange(256) * 257


def header(*tables: np.ndarray) -> FileDataset:
    """A palette of 16 bits: its three channels, or one for all."""
    dataset = Dataset()
    for name, table in zip(("Red", "Green", "Blue"), tables * (3 // len(tables)), strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [len(table) % 65536, 0, 16])
        setattr(dataset, f"{name}PaletteColorLookupTableData", table.astype("<u2").tobytes())
    read = FileDataset("", dataset)
    read.set_original_encoding(False, True)
    return read


def ramp(**equal: int) -> np.ndarray:
    """The grey ramp of 256, some entries equal to others: _index=other."""
    table = RAMP.copy()
    for index, other in equal.items():
        table[int(index[1:])] = table[other]
    return table


def over(ground: np.ndarray | int, text: int) -> np.ndarray:
    return np.where(BELOW, PICTURE, np.where(INK, text, ground)).astype("u1")


NOISE = RANDOM.integers(0, 3, (SIDE, SIDE))
FINE = RANDOM.integers(0, 200, (SIDE, SIDE)).astype("u2")
HIDDEN = {
    "the next index": (over(0, 1), ramp(_1=0)),
    "both white": (over(200, 255), np.where(np.arange(256) < 200, RAMP, 65535)),
    "an index far off, of the colour of noise": (over(NOISE, 255), ramp(_255=1)),
    "an index far off, a level beside its ground": (over(0, 255), ramp(_255=1)),
    "16 bits": (over(0, 1).astype("u2") * 256, np.repeat(ramp(_1=0), 256)),
    "a colour": (over(240, 250), ramp(_250=240)),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_text_in_an_index_of_the_colour_of_its_ground_is_found(name):
    indices, table = HIDDEN[name]
    first, *more = renderings(indices, header(table))
    search = text_search(PixelSearch.FAST)
    assert not any(line.top < 50 for line in search.lines(first))
    assert len(more) == 1
    boxed = np.zeros(INK.shape, bool)
    for line in search.lines(first, *more):
        boxed[line.top : line.bottom, line.left : line.right] = True
    assert boxed[INK].mean() >= 0.98


COLOURS = np.arange(216)
SHOWN = {
    "a grey ramp": (over(0, 200), RAMP),
    "a grey ramp over noise": (over(NOISE, 200), RAMP),
    "a falling ramp": (over(NOISE, 200), RAMP[::-1]),
    "a ramp of 16 bits in 16 bits": (over(NOISE, 200).astype("u2") * 250 + FINE, np.arange(65536)),
    "216 colours, the rest of them black": (
        over(NOISE, 200),
        *(np.append((COLOURS // 6**power % 6) * 51 * 257, np.zeros(40, int)) for power in (2, 1, 0)),
    ),
    "equal colours that do not occur": (over(0, 200), ramp(_1=0, _2=0, _255=200, _254=200)),
    "equal colours in a few samples": (np.where(np.indices((SIDE, SIDE)).sum(axis=0) == 16, 1, over(0, 200)).astype("u1"), ramp(_1=0)),
    "equal colours in speckle": (np.where(BELOW, PICTURE, RANDOM.integers(0, 60, (SIDE, SIDE))).astype("u1"), ramp(_1=0, _2=0, _3=0)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_palette_that_hides_no_line_is_rendered_once(name):
    indices, *tables = SHOWN[name]
    assert len([*renderings(indices, header(*tables))]) == 1


def test_a_real_palette_that_runs_out_in_speckle_is_rendered_once(real_file):
    dataset = pydicom.dcmread(real_file("gdcm-US-ALOKA-16.dcm"))
    assert len([*renderings(dataset.pixel_array, dataset)]) == 1
