"""Windows, VOI and modality LUTs against pydicom's, and what of them is left out."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing

from transforms.pixels.display import modality, voi

VALUES = np.arange(-2000, 4096)


def header(**elements) -> FileDataset:
    dataset = FileDataset("", {})
    dataset.set_original_encoding(False, True)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 16, 1
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def lut(entries: bytes | list[int], count: int, first: int, vr: str = "OW") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "SS", [count, first, 16])
    item.add_new(0x00283006, vr, entries)
    return item


SQUARES = [(number * number) % 65536 for number in range(256)]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_rise_as_pydicoms_do(function):
    dataset = header(WindowCenter=[40, 600], WindowWidth=[400, 1], VOILUTFunction=function)
    for index, curve in enumerate(voi(dataset, 0)):
        ours, theirs = (
            (one - one.min()) / (one.max() - one.min()) for one in (curve(VALUES.astype(float)), apply_windowing(VALUES, dataset, index))
        )
        assert np.abs(ours - theirs).max() < 1e-6
    assert len(voi(dataset, 0)) == 2


@pytest.mark.parametrize("vr", ["OW", "US"])
def test_lookup_tables_are_pydicoms(vr):
    entries = np.array(SQUARES, "<u2").tobytes() if vr == "OW" else SQUARES
    dataset = header(VOILUTSequence=[lut(entries, 256, -50, vr)], ModalityLUTSequence=[lut(entries, 256, 100, vr)])
    (curve,) = voi(dataset, 0)
    assert np.array_equal(curve(VALUES.astype(float)), apply_voi(VALUES, dataset))
    assert np.array_equal(modality(dataset, 0)(VALUES.astype(float)), apply_modality_lut(VALUES, dataset))


def test_a_table_of_two_entries_in_a_word_is_read():
    (curve,) = voi(header(VOILUTSequence=[lut(bytes(range(256)), 256, 0)]), 0)
    assert curve(np.array([0.0, 17.0, 300.0])).tolist() == [0, 17, 255]


def test_a_table_in_big_endian_is_read():
    dataset = header(VOILUTSequence=[lut(np.array(SQUARES, ">u2").tobytes(), 256, 0)])
    dataset.set_original_encoding(False, False)
    (curve,) = voi(dataset, 0)
    assert curve(np.array([3.0, 15.0])).tolist() == [9, 225]


def test_a_frame_has_the_rescale_of_its_own_group_before_the_shared_one_before_the_top():
    def group(slope: float) -> Dataset:
        item, transformation = Dataset(), Dataset()
        transformation.RescaleSlope, transformation.RescaleIntercept = slope, 1
        item.PixelValueTransformationSequence = [transformation]
        return item

    dataset = header(RescaleSlope=5, RescaleIntercept=1)
    one = np.ones(1)
    assert modality(dataset, 0)(one) == 6
    dataset.SharedFunctionalGroupsSequence = [group(7)]
    assert modality(dataset, 0)(one) == 8
    dataset.PerFrameFunctionalGroupsSequence = [group(2), group(3)]
    assert (modality(dataset, 0)(one), modality(dataset, 1)(one), modality(dataset, 2)(one)) == (3, 4, 8)


@pytest.mark.parametrize(
    "bad",
    [
        {"WindowCenter": 5, "WindowWidth": 0},
        {"WindowCenter": 5},
        {"WindowCenter": 5, "WindowWidth": 9, "VOILUTFunction": "CUBIC"},
        {"WindowCenter": "nan", "WindowWidth": 9},
        {"VOILUTSequence": [lut(bytes(6), 256, 0)]},
        {"VOILUTSequence": [Dataset()]},
    ],
)
def test_what_cannot_be_applied_is_left_out_and_takes_nothing_with_it(bad):
    assert voi(header(**bad), 0) == []
    good = Dataset()
    good.FrameVOILUTSequence = [header(WindowCenter=5, WindowWidth=9)]
    assert len(voi(header(SharedFunctionalGroupsSequence=[good], **bad), 0)) == 1


@pytest.mark.parametrize("bad", [{"RescaleSlope": 0, "RescaleIntercept": 1}, {"ModalityLUTSequence": [Dataset()]}])
def test_a_modality_that_cannot_be_applied_leaves_the_stored_values(bad):
    assert np.array_equal(modality(header(**bad), 0)(VALUES), VALUES)
