"""Boxes in, PixelData out: black inside, untouched outside, in every transfer syntax, readable by tools nobody here wrote."""

import copy
import dataclasses
import subprocess

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import pixel_array

from transforms.model.errors import InstanceProblem
from transforms.model.records import Action, BoxFinding, PixelResult
from transforms.pixels import codecs
from transforms.pixels.coding import Decoded
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.redact import canvas_of

NATIVE = [
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "image_dfl.dcm",
    "MR_small_bigendian.dcm",
    "emri_small_big_endian.dcm",
    "rtdose.dcm",
    "rtdose_expb.dcm",
    "SC_rgb.dcm",
    "SC_rgb_16bit_2frame.dcm",
    "SC_rgb_expb_32bit_2frame.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "ExplVR_BigEnd.dcm",
    "color-pl.dcm",
    "SC_ybr_full_uncompressed.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "OBXXXX1A_2frame.dcm",
    "OBXXXX1A_expb_2frame.dcm",
    "liver.dcm",
    "liver_expb.dcm",
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
]
CODED = [
    "emri_small_RLE.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "rtdose_rle.dcm",
    "OBXXXX1A_rle_2frame.dcm",
    "JPEG-LL.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "bad_sequence.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "examples_jpeg2k.dcm",
    "693_J2KI.dcm",
    "SC_rgb_gdcm_KY.dcm",
]
LOSSLESS = NATIVE + CODED
NO_PYDICOM_PLUGIN = ("JPEG-LL.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "SC_rgb_jpeg_gdcm.dcm", "bad_sequence.dcm", "JPGExtended.dcm")
LOSSY = [
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "JPGExtended.dcm",
    "examples_ybr_color.dcm",
    "US1_J2KI.dcm",
]


def read(name: str) -> FileDataset:
    return pydicom.dcmread(get_testdata_file(name, download=False))


def redact(dataset: FileDataset, boxes: tuple[BoxFinding, ...]) -> PixelResult:
    canvas = canvas_of(dataset)
    fitted = {frame: canvas.fit(box for box in boxes if box.frame == frame) for frame in sorted({box.frame for box in boxes})}
    for frame, framed in fitted.items():
        if framed:
            canvas.fill(frame, framed)
    return dataclasses.replace(canvas.finish(), boxes=tuple(box for framed in fitted.values() for box in framed))


def with_pixels(dataset: FileDataset, result: PixelResult) -> FileDataset:
    new = copy.deepcopy(dataset)
    if result.pixel_data is not None:
        new["PixelData"].value = result.pixel_data
    if result.extended_offsets is not None:
        new.ExtendedOffsetTable, new.ExtendedOffsetTableLengths = result.extended_offsets
    return new


def frames_of(dataset: FileDataset) -> tuple[PixelDescription, list[bytes], list[Decoded]]:
    description = PixelDescription.from_dataset(dataset)
    found = locate(dataset, description)
    coded = [found.frame(index) for index in range(description.frames)]
    return description, coded, [codecs.decode(frame, description) for frame in coded]


def middle(description: PixelDescription, frame: int) -> BoxFinding:
    left, top = description.columns // 3, description.rows // 3
    return BoxFinding(frame, left, top, left + max(1, description.columns // 4), top + max(1, description.rows // 5))


def inside(box: BoxFinding, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    mask[box.top : box.bottom, box.left : box.right] = True
    return mask


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_box_is_black_and_every_other_sample_is_as_it_was(name):
    dataset = read(name)
    description, _, before = frames_of(dataset)
    last = description.frames - 1
    clean = with_pixels(dataset, redact(dataset, ()))
    result = redact(dataset, (middle(description, last),))
    _, coded_clean, _ = frames_of(clean)
    _, coded, after = frames_of(with_pixels(dataset, result))
    assert coded[:last] == coded_clean[:last]
    assert result.lossy is None
    assert len(result.pixel_data) % 2 == 0
    mask = inside(result.boxes[0], description.shape)
    np.testing.assert_array_equal(after[last].samples[~mask], before[last].samples[~mask])
    assert len(np.unique(after[last].samples[mask].reshape(mask.sum(), -1), axis=0)) == 1


@pytest.mark.parametrize("name", sorted({*LOSSLESS, *LOSSY} - {*NO_PYDICOM_PLUGIN}))
def test_pydicom_reads_back_what_it_wrote(name, tmp_path):
    dataset = read(name)
    description = PixelDescription.from_dataset(dataset)
    result = redact(dataset, (middle(description, 0),))
    with_pixels(dataset, result).save_as(tmp_path / "out.dcm")
    again = pydicom.dcmread(tmp_path / "out.dcm")
    assert again.PixelData == result.pixel_data
    mask = inside(result.boxes[0], description.shape)
    seen, source = pixel_array(again, index=0, raw=True), pixel_array(dataset, index=0, raw=True)
    if name in LOSSLESS:
        np.testing.assert_array_equal(seen[~mask], source[~mask])
    else:
        assert np.abs(seen.astype(int) - source)[~mask].mean() < 1
    assert seen.shape == source.shape


@pytest.mark.parametrize("name", LOSSY)
def test_a_lossy_frame_says_so_and_hardly_changes_outside_the_box(name):
    dataset = read(name)
    description, coded_before, before = frames_of(dataset)
    last = description.frames - 1
    box = middle(description, last)
    result = redact(dataset, (box,))
    _, coded, after = frames_of(with_pixels(dataset, result))
    assert coded[:last] == coded_before[:last]
    assert result.lossy is not None
    assert result.lossy.method in ("ISO_10918_1", "ISO_15444_1")
    assert result.lossy.ratio == pytest.approx(description.frame_bits / 8 / len(coded[last]), rel=0.01)
    mask = inside(box, description.shape)
    full = 1 << description.bits_stored
    assert np.abs(after[last].samples.astype(int) - before[last].samples)[~mask].mean() < full / 256
    luminance = after[last].samples[mask].reshape(mask.sum(), -1)[:, 0].astype(int)
    assert luminance.max() - luminance.min() <= full / 16
    assert after[last].colour == before[last].colour


@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "liver.dcm", "emri_small_RLE.dcm", "examples_ybr_color.dcm", "MR_small_jpeg_ls_lossless.dcm"]
)
def test_without_boxes_a_clean_instance_is_not_touched(name):
    assert redact(read(name), ()) == PixelResult()


def test_the_data_set_is_not_changed():
    dataset = read("emri_small_RLE.dcm")
    before = copy.deepcopy(dataset)
    redact(dataset, (middle(PixelDescription.from_dataset(dataset), 3),))
    assert dataset == before


def filled(dataset: FileDataset) -> np.ndarray:
    """The stored sample of a box of one pixel in the middle of frame 0."""
    row, column = dataset.Rows // 2, dataset.Columns // 2
    result = redact(dataset, (BoxFinding(0, column, row, column + 1, row + 1),))
    return frames_of(with_pixels(dataset, result))[2][0].samples[row, column]


def test_black_of_monochrome2_is_the_lowest_sample_of_the_frame():
    dataset = read("CT_small.dcm")
    assert filled(dataset) == pixel_array(dataset).min()


def test_black_of_monochrome1_is_the_highest_sample_of_the_frame():
    dataset = read("CT_small.dcm")
    dataset.PhotometricInterpretation = "MONOCHROME1"
    assert filled(dataset) == pixel_array(dataset).max()


@pytest.mark.parametrize(("photometric", "extreme"), [("MONOCHROME2", "max"), ("MONOCHROME1", "min")])
def test_black_is_at_the_other_end_where_the_rescale_falls(photometric, extreme):
    dataset = read("CT_small.dcm")
    dataset.PhotometricInterpretation, dataset.RescaleSlope = photometric, -1
    assert filled(dataset) == getattr(pixel_array(dataset), extreme)()


def test_black_of_a_palette_is_its_darkest_entry():
    dataset = read("OBXXXX1A.dcm")
    colours = pydicom.pixels.processing.apply_color_lut(np.arange(256, dtype="u1"), dataset).astype(int)
    assert colours[filled(dataset)].sum() == colours.sum(axis=1).min()


def test_a_palette_that_cannot_be_read_is_a_problem():
    dataset = read("OBXXXX1A.dcm")
    del dataset.RedPaletteColorLookupTableData
    with pytest.raises(InstanceProblem) as problem:
        filled(dataset)
    assert problem.value.code == "BAD_PALETTE"


def test_black_of_colour_is_no_light_and_no_hue():
    assert filled(read("SC_rgb.dcm")).tolist() == [0, 0, 0]
    assert filled(read("SC_ybr_full_uncompressed.dcm")).tolist() == [0, 128, 128]
    assert filled(read("SC_ybr_full_422_uncompressed.dcm")).tolist() == [0, 128, 128]
    assert filled(read("examples_jpeg2k.dcm")).tolist() == [0, 0, 0]


def test_a_box_over_shared_chroma_is_widened_to_the_pair_and_says_so():
    dataset = read("SC_ybr_full_422_uncompressed.dcm")
    result = redact(dataset, (BoxFinding(0, 3, 5, 6, 8, text="x"),))
    assert result.boxes == (BoxFinding(0, 2, 5, 6, 8, text="x"),)


def test_boxes_are_clipped_and_empty_ones_are_dropped():
    dataset = read("MR_small.dcm")
    result = redact(dataset, (BoxFinding(0, -5, -5, 3, 2), BoxFinding(0, 60, 60, 99, 99), BoxFinding(0, 64, 0, 70, 5)))
    assert [(b.left, b.top, b.right, b.bottom) for b in result.boxes] == [(0, 0, 3, 2), (60, 60, 64, 64)]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 12), st.integers(1, 21), st.integers(1, 13)), min_size=1, max_size=4
    )
)
@settings(max_examples=40, deadline=None)
def test_one_bit_frames_that_straddle_bytes_keep_their_neighbours(drawn):
    bits = np.random.default_rng(5).integers(0, 2, (3, 13, 21)).astype("u1")
    dataset = read("liver_1frame.dcm")
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 13, 21, 3
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    boxes = tuple(BoxFinding(*box) for box in drawn)
    expected = bits.copy()
    for box in boxes:
        expected[box.frame, box.top : box.bottom, box.left : box.right] = 0
    result = redact(dataset, boxes)
    _, _, after = frames_of(with_pixels(dataset, result))
    np.testing.assert_array_equal([frame.samples for frame in after], expected)


def test_overlay_bits_above_the_stored_ones_go():
    dataset = read("MR-SIEMENS-DICOM-WithOverlays.dcm")
    words = np.frombuffer(dataset.PixelData, "<u2").copy()
    words[1000:1200] |= 1 << 14
    source, dataset.PixelData = dataset.PixelData, words.tobytes()
    result = redact(dataset, ())
    assert result.pixel_data == source
    assert [(f.tag, f.action, f.reason) for f in result.findings] == [
        ("7FE00010", Action.CLEANED, "Matched Expression: bits outside BitsStored (1 frame)")
    ]


def test_overlay_bits_above_the_stored_ones_go_from_coded_words_too():
    dataset = read("MR-SIEMENS-DICOM-WithOverlays.dcm")
    source = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
    hiding = source.copy()
    hiding[20:30] |= 1 << 14
    stored, high = dataset.BitsStored, dataset.HighBit
    dataset.BitsStored, dataset.HighBit = 16, 15  # pydicom codes no more bits than it is told of
    dataset.compress(uid.RLELossless, hiding)
    dataset.BitsStored, dataset.HighBit = stored, high
    result = redact(dataset, ())
    assert [finding.reason for finding in result.findings] == ["Matched Expression: bits outside BitsStored (1 frame)"]
    _, _, (after,) = frames_of(with_pixels(dataset, result))
    np.testing.assert_array_equal(after.samples, source)
    dataset.compress(uid.RLELossless, source)
    assert redact(dataset, ()).pixel_data is None


def twelve_bits_signed(values: np.ndarray, stored: int, high: int) -> FileDataset:
    dataset = read("CT_small.dcm")
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsStored, dataset.HighBit, dataset.PixelData = stored, high, values.astype("<u2").tobytes()
    return dataset


def test_sign_extension_is_no_hidden_bit_but_a_plane_among_it_is():
    values = np.tile(np.array([[0x0123, 0xF800], [0xFFFF, 0xF801]]), (4, 4))
    assert redact(twelve_bits_signed(values, 12, 11), ()) == PixelResult()
    assert redact(twelve_bits_signed(values & 0xFFF, 12, 11), ()) == PixelResult()
    planted = values.copy()
    planted[0, 0] |= 0x4000
    planted[1, 0] &= ~0x2000
    expected = values.astype("<u2").tobytes()
    assert redact(twelve_bits_signed(planted, 12, 11), ()).pixel_data == expected


def test_a_plane_over_negative_samples_alone_is_no_sign_extension():
    values = np.tile(np.array([[0x0123, 0xF800], [0xFFFF, 0xF801]]), (4, 4))
    planted = values & 0xFFF
    planted[1] = values[1]
    assert redact(twelve_bits_signed(planted, 12, 11), ()).pixel_data == values.astype("<u2").tobytes()


def test_a_lone_bit_above_the_sign_must_follow_it_everywhere():
    extended = np.tile(np.array([[0x0123, 0xC000], [0xFFFF, 0x3FFF]]), (4, 4))
    assert redact(twelve_bits_signed(extended, 15, 14), ()) == PixelResult()
    planted = extended.copy()
    planted[0, 1] = 0x4000
    assert redact(twelve_bits_signed(planted, 15, 14), ()).pixel_data == extended.astype("<u2").tobytes()


def test_bits_below_the_stored_ones_go():
    values = np.full((8, 8), 0x1230)
    planted = values.copy()
    planted[3, 3] |= 5
    dataset = twelve_bits_signed(planted, 12, 15)
    dataset.PixelRepresentation = 0
    assert redact(dataset, ()).pixel_data == values.astype("<u2").tobytes()


def test_bytes_after_the_last_frame_go():
    dataset = read("MR_small_padded.dcm")
    result = redact(dataset, ())
    assert result.pixel_data == dataset.PixelData[: 64 * 64 * 2]
    assert result.findings[0].reason == "Matched Expression: bytes after the last frame (1 frame)"


def test_findings_count_frames_and_quote_nothing():
    dataset = read("emri_small_jpeg_2k_lossless.dcm")
    result = redact(dataset, ())
    assert [f.reason for f in result.findings] == ["Matched Expression: JPEG 2000 comment (10 frames)"]
    assert result.findings[0].original is None


def test_the_extended_offset_table_follows_the_redacted_frame():
    dataset = read("emri_small_RLE.dcm")
    _, coded, _ = frames_of(dataset)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(coded)
    result = redact(dataset, (BoxFinding(4, 10, 10, 40, 40),))
    again = with_pixels(dataset, result)
    _, after, _ = frames_of(again)
    assert (result.pixel_data, *result.extended_offsets) == encapsulate_extended(after)
    assert [index for index in range(10) if after[index] != coded[index]] == [4]
    assert pixel_array(again, index=9).tolist() == pixel_array(dataset, index=9).tolist()


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_htj2k_is_redacted_without_loss_outside_the_box(syntax):
    dataset = read("CT_small.dcm")
    samples = pixel_array(dataset)
    dataset.PixelData = encapsulate([bytes(imagecodecs.htj2k_encode(samples, reversible=True))])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    box = BoxFinding(0, 5, 6, 50, 20)
    again = with_pixels(dataset, redact(dataset, (box,)))
    mask = inside(box, samples.shape)
    seen = pixel_array(again, raw=True)
    np.testing.assert_array_equal(seen[~mask], samples[~mask])
    assert set(seen[mask].tolist()) == {samples.min()}


def test_a_frame_that_cannot_be_decoded_is_a_problem_only_with_a_box():
    dataset = read("MR_small_jpeg_ls_lossless.dcm")
    dataset.Rows = 63
    assert redact(dataset, ()) == PixelResult()
    with pytest.raises(InstanceProblem) as problem:
        redact(dataset, (BoxFinding(0, 0, 0, 4, 4),))
    assert problem.value.code == "DECODE_FAILED"


def tool_output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.servers
@pytest.mark.parametrize("name", LOSSLESS + LOSSY)
def test_dcmtk_and_gdcm_read_the_result(name, tmp_path):
    dataset = read(name)
    description = PixelDescription.from_dataset(dataset)
    target = tmp_path / "out.dcm"
    with_pixels(dataset, redact(dataset, (middle(description, description.frames - 1),))).save_as(target)
    assert "E:" not in tool_output("dcmdump", "+P", "PixelData", str(target))
    assert f"NumberOfDimensions: {3 if description.frames > 1 else 2}" in tool_output("gdcminfo", str(target))


@pytest.mark.servers
# gdcm itself cannot write the source of the one left out as raw.
@pytest.mark.parametrize("name", sorted({*CODED} - {"SC_rgb_rle_16bit_2frame.dcm"}))
def test_another_decoder_sees_the_same_samples(name, tmp_path):
    dataset = read(name)
    description = PixelDescription.from_dataset(dataset)
    result = redact(dataset, (middle(description, 0),))
    with_pixels(dataset, result).save_as(tmp_path / "out.dcm")
    tool_output("gdcmconv", "--raw", str(tmp_path / "out.dcm"), str(tmp_path / "raw.dcm"))
    seen = pixel_array(pydicom.dcmread(tmp_path / "raw.dcm"), index=0, raw=True)
    expected = frames_of(with_pixels(dataset, result))[2][0].samples
    np.testing.assert_array_equal(seen, expected)
