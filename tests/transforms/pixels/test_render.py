import io

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from transforms.pixels.codecs import decode
from transforms.pixels.coding import Decoded
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings


@pytest.fixture
def rendered(real_file):
    """A function from a shipped file (and frame) to its renderings and its data set."""

    def run(name: str, frame: int = 0):
        dataset = pydicom.dcmread(real_file(name))
        description = PixelDescription.from_dataset(dataset)
        decoded = decode(locate(dataset, description).frame(frame), description)
        return list(renderings(decoded, dataset, frame)), dataset

    return run


def header(**elements) -> FileDataset:
    """A data set with only what a display needs, as if it were read in little endian."""
    dataset = Dataset()
    dataset.PixelRepresentation, dataset.BitsStored, dataset.PhotometricInterpretation = 0, 16, "MONOCHROME2"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


PLAIN = header()


@settings(deadline=None)
@given(hnp.arrays(st.sampled_from(["u1", "u2", "u4", "i1", "i2", "i4"]), (4, 5)))
def test_grey_keeps_the_order_of_samples_and_uses_all_of_its_range(samples):
    image, *_ = renderings(Decoded(samples, "MONOCHROME2"), PLAIN, 0)
    assert image.dtype == np.uint8
    order = np.argsort(samples, axis=None, kind="stable")
    assert (np.diff(image.ravel()[order].astype(int)) >= 0).all()
    assert (image.min(), image.max()) == ((0, 255) if samples.min() < samples.max() else (0, 0))
    inverted, *_ = renderings(Decoded(samples, "MONOCHROME1"), PLAIN, 0)
    assert (inverted.astype(int) + image == 255).all() or samples.min() == samples.max()


def test_one_bit_is_black_and_white(rendered):
    (image,), _ = rendered("liver_1frame.dcm")
    assert set(np.unique(image)) == {0, 255}


@pytest.mark.parametrize("name", ["OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "examples_palette.dcm"])
def test_a_palette_gives_the_colours_that_the_standard_gives(rendered, name):
    (image, *_), dataset = rendered(name)
    colours = apply_color_lut(dataset.pixel_array, dataset)[..., :3].astype(float)
    expected = (colours - colours.min()) * 255 / (colours.max() - colours.min())
    assert np.abs(image - expected).max() <= 0.51


@pytest.mark.parametrize(("little", "big"), [("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm"), ("gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm")])
def test_a_palette_in_big_endian_gives_the_same_image(rendered, little, big):
    pairs = [*zip(rendered(little)[0], rendered(big)[0], strict=True)]
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_a_segmented_palette_is_expanded():
    ramp = np.array([0, 2, 0, 0x4000, 1, 2, 0xC000], "<u2").tobytes()  # two entries, then a line of two more
    data = {f"Segmented{name}PaletteColorLookupTableData": ramp for name in ("Red", "Green", "Blue")}
    tables = {f"{name}PaletteColorLookupTableDescriptor": [4, 0, 16] for name in ("Red", "Green", "Blue")}
    (image,) = renderings(Decoded(np.arange(4, dtype="u1").reshape(2, 2), "PALETTE COLOR"), header(**data, **tables), 0)
    assert image[..., 0].ravel().tolist() == [0, 85, 170, 255]


def test_a_palette_that_cannot_be_used_leaves_the_indices():
    (image,) = renderings(Decoded(np.array([[0, 10], [20, 30]], "u1"), "PALETTE COLOR"), header(), 0)
    assert image.tolist() == [[0, 85], [170, 255]]


def test_a_palette_whose_descriptor_is_no_three_numbers_leaves_the_indices():
    dataset = header()
    tag = pydicom.tag.BaseTag(0x00281101)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "US", 5, b"\x04\0\0\0\x10", 0, False, True)
    (image,) = renderings(Decoded(np.array([[0, 10], [20, 30]], "u1"), "PALETTE COLOR"), dataset, 0)
    assert image.tolist() == [[0, 85], [170, 255]]


def test_ybr_becomes_rgb(rendered):
    (image,), dataset = rendered("SC_ybr_full_uncompressed.dcm")
    rgb = dataset.pixel_array.astype(float)  # pydicom converts it
    assert np.abs(image - (rgb - rgb.min()) * 255 / (rgb.max() - rgb.min())).max() <= 0.51


@pytest.mark.parametrize("channel", range(3))
def test_deep_ybr_shows_each_of_its_channels(channel):
    samples = np.full((2, 2, 3), 2048, "u2")
    samples[..., channel] = [[0, 1000], [2000, 4000]]
    images = [*renderings(Decoded(samples, "YBR_FULL"), header(), 0)]
    assert [image.tolist() for image in images if image.any()] == [[[0, 64], [128, 255]]]


@pytest.mark.parametrize("name", ["SC_rgb_16bit.dcm", "SC_rgb_32bit.dcm"])
def test_deep_colour_is_brought_to_eight_bits(rendered, name):
    (image,), _ = rendered(name)
    (shallow,), _ = rendered("SC_rgb.dcm")
    assert np.abs(image.astype(int) - shallow).max() <= 1


def test_the_first_window_is_a_second_image(rendered):
    (full, window), dataset = rendered("693_UNCR.dcm")
    expected = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    expected = (expected - expected.min()) * 255 / (expected.max() - expected.min())
    assert np.abs(window - expected).max() <= 0.51
    assert not np.array_equal(full, window)


def test_channels_of_a_retired_colour_space_are_looked_at_one_by_one():
    assert [image.shape for image in renderings(Decoded(np.zeros((3, 5, 4), "u1"), "CMYK"), header(), 0)] == [(3, 5)] * 4
