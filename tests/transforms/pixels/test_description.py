"""PixelDescription over real headers and broken ones."""

import dataclasses

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate


@pytest.fixture
def dataset(real_file):
    return pydicom.dcmread(real_file("CT_small.dcm"))


def described(path) -> PixelDescription:
    return PixelDescription.from_dataset(pydicom.dcmread(path, force=True))


def test_a_ct_is_described_as_its_header_says(dataset):
    assert PixelDescription.from_dataset(dataset) == PixelDescription(
        transfer_syntax=ExplicitVRLittleEndian,
        rows=128,
        columns=128,
        samples=1,
        photometric="MONOCHROME2",
        bits_allocated=16,
        bits_stored=16,
        high_bit=15,
        signed=True,
        planar=0,
        frames=1,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("color-pl.dcm", {"planar": 1, "samples": 3, "native": True}),
        ("SC_ybr_full_422_uncompressed.dcm", {"subsampled": True, "frame_bits": 100 * 100 * 2 * 8}),
        ("ExplVR_BigEnd.dcm", {"big_endian": True, "native": True}),
        ("liver.dcm", {"frames": 3, "bits_allocated": 1, "frame_bits": 512 * 512}),
        ("image_dfl.dcm", {"native": True}),
        ("MR_small_RLE.dcm", {"native": False, "dtype": np.dtype("i2"), "shape": (64, 64)}),
        ("SC_rgb_rle_32bit.dcm", {"dtype": np.dtype("u4"), "shape": (100, 100, 3)}),
        ("color3d_jpeg_baseline.dcm", {"subsampled": False, "frames": 120}),
    ],
)
def test_real_headers(real_file, name, expected):
    found = described(real_file(name))
    assert {field: getattr(found, field) for field in expected} == expected


def test_4_2_2_that_stores_every_sample_is_not_subsampled(real_file):
    dataset = pydicom.dcmread(real_file("SC_ybr_full_uncompressed.dcm"))
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    assert not PixelDescription.from_dataset(dataset).subsampled


@pytest.mark.parametrize("kept", [29_998, 20_002, 19_998])
def test_4_2_2_of_a_length_between_is_taken_for_neither(real_file, kept):
    """Every sample is stored, and some are missing: read as subsampled, pixels would not lie where they are looked for."""
    dataset = pydicom.dcmread(real_file("SC_ybr_full_uncompressed.dcm"))
    dataset.PhotometricInterpretation, dataset.PixelData = "YBR_FULL_422", dataset.PixelData[:kept]
    with pytest.raises(InstanceProblem, match="PIXEL_LENGTH"):
        locate(dataset, PixelDescription.from_dataset(dataset))


def test_4_2_2_may_be_padded_to_an_even_length(real_file):
    dataset = pydicom.dcmread(real_file("SC_ybr_full_422_uncompressed.dcm"))
    dataset.PixelData += b"\0"
    assert PixelDescription.from_dataset(dataset).subsampled


def test_without_a_stated_syntax_the_encoding_that_was_read_counts(dataset, real_file):
    del dataset.file_meta.TransferSyntaxUID
    assert PixelDescription.from_dataset(dataset).transfer_syntax == ExplicitVRLittleEndian
    assert described(real_file("OT-PAL-8-face.dcm")).transfer_syntax == ImplicitVRLittleEndian


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Rows": None}, "BAD_PIXEL_DESCRIPTION"),
        ({"Columns": 0}, "BAD_PIXEL_DESCRIPTION"),
        ({"BitsAllocated": 12}, "BAD_PIXEL_DESCRIPTION"),
        ({"BitsStored": 17}, "BAD_PIXEL_DESCRIPTION"),
        ({"HighBit": 3}, "BAD_PIXEL_DESCRIPTION"),
        ({"SamplesPerPixel": 9}, "BAD_PIXEL_DESCRIPTION"),
        ({"PhotometricInterpretation": ""}, "BAD_PIXEL_DESCRIPTION"),
        ({"PlanarConfiguration": 2, "SamplesPerPixel": 3}, "BAD_PIXEL_DESCRIPTION"),
        ({"NumberOfFrames": -1}, "BAD_PIXEL_DESCRIPTION"),
        ({"Rows": [3, 4]}, "BAD_PIXEL_DESCRIPTION"),
    ],
)
def test_a_header_that_contradicts_itself_is_named(dataset, change, code):
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    with pytest.raises(InstanceProblem) as problem:
        PixelDescription.from_dataset(dataset)
    assert problem.value.code == code


def test_a_frame_count_that_is_no_number_is_not_quoted(real_file):
    with pytest.raises(InstanceProblem) as problem:
        described(real_file("badVR.dcm"))
    assert problem.value.code == "BAD_PIXEL_DESCRIPTION"
    assert "1A" not in str(problem.value)


@pytest.mark.parametrize(("keyword", "bits"), [("FloatPixelData", 32), ("DoubleFloatPixelData", 64)])
def test_floating_point_pixels_fill_their_words(dataset, keyword, bits):
    setattr(dataset, keyword, bytes(128 * 128 * bits // 8))
    del dataset.PixelData
    dataset.BitsAllocated = bits
    described = PixelDescription.from_dataset(dataset)
    assert (described.element, described.floating, described.dtype) == (keyword, True, np.dtype(f"f{bits // 8}"))
    assert (described.bits_stored, described.high_bit, described.signed) == (bits, bits - 1, False)
    dataset.BitsAllocated = 16
    with pytest.raises(InstanceProblem, match="BAD_PIXEL_DESCRIPTION"):
        PixelDescription.from_dataset(dataset)


def test_two_images_in_one_instance_are_refused(dataset):
    dataset.FloatPixelData = bytes(128 * 128 * 4)
    with pytest.raises(InstanceProblem, match="BAD_PIXEL_DESCRIPTION"):
        PixelDescription.from_dataset(dataset)


def test_odd_columns_cannot_be_subsampled(real_file):
    dataset = pydicom.dcmread(real_file("SC_ybr_full_422_uncompressed.dcm"))
    dataset.Columns, dataset.PixelData = 99, dataset.PixelData[: 100 * 99 * 2]
    with pytest.raises(InstanceProblem, match="BAD_PIXEL_DESCRIPTION"):
        PixelDescription.from_dataset(dataset)


def test_the_description_is_a_value(dataset):
    description = PixelDescription.from_dataset(dataset)
    assert dataclasses.replace(description) == description
    assert hash(description) == hash(PixelDescription.from_dataset(dataset))
