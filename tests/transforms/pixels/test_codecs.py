"""The codec table: against pydicom on real files, and back on arrays of every depth and layout."""

import dataclasses
import subprocess

import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg.utils
import pydicom
import pytest
import rle
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array

from transforms.model.errors import InstanceProblem
from transforms.model.syntaxes import JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG
from transforms.pixels import codecs, jpeg, jpeg2000
from transforms.pixels.codecs import CODECS
from transforms.pixels.description import NATIVE_SYNTAXES, PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.wavelet_codecs import HTJ2K_MAX_ERROR

PYDICOM_READS = [
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "SC_rgb_16bit_2frame.dcm",
    "SC_rgb_expb_32bit.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "color-pl.dcm",
    "ExplVR_BigEnd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "OBXXXX1A_expb_2frame.dcm",
    "mlut_18.dcm",
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "image_dfl.dcm",
    "liver.dcm",
    "liver_expb.dcm",
    "rtdose_rle.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "emri_small_RLE.dcm",
    "examples_ybr_color.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "693_J2KI.dcm",
    "US1_J2KR.dcm",
    "US1_J2KI.dcm",
    "GDCMJ2K_TextGBR.dcm",
]
DEPTHS = [(8, 8, False), (16, 10, False), (16, 12, True), (16, 16, False), (16, 16, True)]


def described(syntax: str, allocated: int, stored: int, signed: bool, samples: int, photometric: str = "") -> PixelDescription:
    return PixelDescription(
        transfer_syntax=syntax,
        rows=37,
        columns=50,
        samples=samples,
        photometric=photometric or ("MONOCHROME2" if samples == 1 else "RGB"),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1,
        signed=signed,
        planar=0,
        frames=1,
    )


def picture(description: PixelDescription, seed: int) -> np.ndarray:
    """Every value of the range may occur, in a picture that is half smooth and half noise."""
    low, high = (
        (-(1 << (description.bits_stored - 1)), 1 << (description.bits_stored - 1))
        if description.signed
        else (0, 1 << description.bits_stored)
    )
    noise = np.random.default_rng(seed).integers(low, high, description.shape)
    ramp = np.linspace(low, high - 1, noise.size).astype(np.int64).reshape(description.shape)
    noise[: description.rows // 2] = ramp[: description.rows // 2]
    return noise.astype(description.dtype)


def patterns(samples: np.ndarray, description: PixelDescription) -> np.ndarray:
    """Bit patterns of `bits_stored` bits, as codecs without a notion of sign take them."""
    return (samples.astype(np.int64) & ((1 << description.bits_stored) - 1)).astype("u1" if description.bits_stored <= 8 else "<u2")


def coded(samples: np.ndarray, description: PixelDescription) -> bytes:
    """A frame as another writer would code it, straight by the codec's own library."""
    stored, syntax = description.bits_stored, description.transfer_syntax
    shape = {"rows": description.rows, "columns": description.columns, "samples_per_pixel": description.samples}
    if syntax == uid.RLELossless:
        return rle.encode_pixel_data(samples.tobytes(), byteorder="<", bits_allocated=description.bits_allocated, **shape)
    if syntax in uid.JPEGLSTransferSyntaxes:
        return bytes(jpeg_ls.encode_buffer(patterns(samples, description).tobytes(), bits_stored=stored, interleave_mode=2, **shape))
    if syntax in (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K):
        return bytes(imagecodecs.htj2k_encode(samples, reversible=True, rgb=description.photometric.startswith("YBR_")))
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        colour = 1 if description.photometric.startswith("YBR_") else 0
        return openjpeg.utils.encode_array(samples, bits_stored=stored, photometric_interpretation=colour)
    if syntax in (JPEG_XL_LOSSLESS, JPEG_XL):
        return bytes(imagecodecs.jpegxl_encode(patterns(samples, description), lossless=True, bitspersample=stored))
    if syntax == JPEG_XL_OF_JPEG:
        return bytes(imagecodecs.jpegxl_encode_jpeg(imagecodecs.jpeg8_encode(samples)))
    options = {"colorspace": "RGB", "outcolorspace": "RGB"} if description.samples == 3 else {}
    return bytes(imagecodecs.jpeg8_encode(patterns(samples, description), lossless=True, predictor=1, bitspersample=stored, **options))


LOSSLESS = [
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
    JPEG_XL_LOSSLESS,
    JPEG_XL,
]


@pytest.mark.parametrize("name", PYDICOM_READS)
def test_real_frames_decode_to_the_samples_that_pydicom_reads(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    frames = locate(dataset, description)
    last = description.frames - 1
    decoded = codecs.decode(frames.frame(last), description)
    np.testing.assert_array_equal(decoded.samples, pixel_array(dataset, raw=True, index=last))
    assert decoded.samples.dtype == description.dtype


@pytest.mark.servers
@pytest.mark.parametrize("name", ["JPEG-LL.dcm", "JPGExtended.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "SC_rgb_jpeg_gdcm.dcm"])
def test_jpeg_beyond_pydicoms_plugins_decodes_as_dcmtk_does(real_file, name, tmp_path):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    samples = codecs.decode(locate(dataset, description).frame(0), description).samples
    subprocess.run(["dcmdjpeg", str(real_file(name)), str(tmp_path / "plain.dcm")], check=True)
    np.testing.assert_array_equal(samples, pixel_array(pydicom.dcmread(tmp_path / "plain.dcm"), raw=True))


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("depth", DEPTHS, ids=str)
@pytest.mark.parametrize("samples", [1, 3])
def test_lossless_syntaxes_give_back_what_they_got(syntax, depth, samples):
    description = described(syntax, *depth, samples)
    like = coded(picture(description, 1), description)
    np.testing.assert_array_equal(codecs.decode(like, description).samples, picture(description, 1))
    new = picture(description, 2)
    again = codecs.encode(new, like, description)
    assert again.lossy is None
    assert codecs.decode(again.data, description)[:2] == (pytest.approx(new, abs=0), description.photometric)


def test_components_of_a_lossless_jpeg_may_have_tables_of_their_own():
    description = described(uid.JPEGLosslessSV1, 8, 8, False, 3)
    samples = picture(description, 2)
    options = {"colorspace": "YCBCR", "outcolorspace": "YCBCR", "subsampling": "444"}
    frame = bytes(imagecodecs.jpeg8_encode(samples, lossless=True, predictor=1, **options))
    np.testing.assert_array_equal(codecs.decode(frame, description).samples, samples)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("samples", [1, 3])
def test_every_predictor_of_lossless_jpeg_is_read(predictor, samples):
    description = described(uid.JPEGLossless, 16, 12, False, samples)
    new = picture(description, 3)
    options = {"colorspace": "RGB", "outcolorspace": "RGB"} if samples == 3 else {}
    frame = bytes(imagecodecs.jpeg8_encode(new, lossless=True, predictor=predictor, bitspersample=12, **options))
    np.testing.assert_array_equal(codecs.decode(frame, description).samples, new)


@pytest.mark.servers
def test_a_point_transform_is_undone_as_dcmtk_does(real_file, tmp_path):
    command = ["dcmcjpeg", "+el", "+sv", "4", "+pt", "2", str(real_file("color-px.dcm")), str(tmp_path / "coded.dcm")]
    subprocess.run(command, check=True)
    subprocess.run(["dcmdjpeg", str(tmp_path / "coded.dcm"), str(tmp_path / "plain.dcm")], check=True)
    dataset = pydicom.dcmread(tmp_path / "coded.dcm")
    description = PixelDescription.from_dataset(dataset)
    samples = codecs.decode(locate(dataset, description).frame(0), description).samples
    np.testing.assert_array_equal(samples, pixel_array(pydicom.dcmread(tmp_path / "plain.dcm"), raw=True))
    again = codecs.encode(samples, locate(dataset, description).frame(0), description)
    np.testing.assert_array_equal(codecs.decode(again.data, description).samples, samples)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_one_bit_frames_are_read_and_coded_again(syntax):
    description = described(syntax, 1, 1, False, 1)
    samples = picture(description, 1)
    if syntax == uid.RLELossless:
        shape = {"rows": description.rows, "columns": description.columns, "samples_per_pixel": 1}
        like = rle.encode_pixel_data(np.packbits(samples.ravel(), bitorder="little").tobytes(), byteorder="<", bits_allocated=1, **shape)
    else:
        like = coded(samples, description)
    np.testing.assert_array_equal(codecs.decode(like, description).samples, samples)
    again = codecs.encode(picture(description, 2), like, description)
    np.testing.assert_array_equal(codecs.decode(again.data, description).samples, picture(description, 2))


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.HTJ2KLossless])
def test_the_colour_transform_of_a_wavelet_stream_is_kept(syntax):
    description = described(syntax, 8, 8, False, 3, "YBR_RCT")
    like = coded(picture(description, 1), description)
    assert jpeg2000.parameters(like).colour_transform
    again = codecs.encode(picture(description, 2), like, description)
    assert jpeg2000.parameters(again.data).colour_transform
    assert jpeg2000.parameters(again.data).reversible
    decoded = codecs.decode(again.data, description)
    assert decoded.colour == "RGB"
    np.testing.assert_array_equal(decoded.samples, picture(description, 2))


def test_rpcl_frames_have_the_progression_and_tile_lengths_their_syntax_asks_for():
    description = dataclasses.replace(described(uid.HTJ2KLosslessRPCL, 16, 16, False, 1), rows=4100, columns=33)
    samples = picture(description, 1)
    data = codecs.encode(samples, coded(samples, description), description).data
    cod = data.index(b"\xff\x52")
    assert data[cod + 5] == 2  # RPCL
    assert 4100 / 2 ** data[cod + 9] <= 64 + 1
    assert b"\xff\x55" in data[: data.index(b"\xff\x90")]  # TLM


def test_an_irreversible_frame_stays_one_and_says_that_it_lost(real_file):
    dataset = pydicom.dcmread(real_file("US1_J2KI.dcm"))
    description = PixelDescription.from_dataset(dataset)
    like = locate(dataset, description).frame(0)
    samples = codecs.decode(like, description).samples
    again = codecs.encode(samples, like, description)
    assert again.lossy == "ISO_15444_1"
    assert not jpeg2000.parameters(again.data).reversible
    error = np.abs(codecs.decode(again.data, description).samples.astype(int) - samples)
    assert error.max() <= 4
    assert error.mean() < 0.15


def test_an_irreversible_htj2k_frame_does_not_overflow(real_file):
    dataset = pydicom.dcmread(real_file("US1_UNCR.dcm"))
    samples = pixel_array(dataset)[:200, :300]
    description = dataclasses.replace(described(uid.HTJ2K, 8, 8, False, 3, "YBR_ICT"), rows=200, columns=300)
    like = bytes(imagecodecs.htj2k_encode(samples, 1 / 64, reversible=False, rgb=True))
    error = codecs.decode(codecs.encode(samples, like, description).data, description).samples.astype(int) - samples
    assert np.abs(error).max() <= HTJ2K_MAX_ERROR[1]


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_an_irreversible_htj2k_frame_of_more_than_eight_bits_is_coded_again(bits):
    description = described(uid.HTJ2K, 16, bits, False, 3, "YBR_ICT")
    like = bytes(imagecodecs.htj2k_encode(picture(description, 1), 1 / 65536, reversible=False, rgb=True))
    samples = picture(description, 2)
    samples[10:20, 5:40] = 0
    coded = codecs.encode(samples, like, description)
    assert coded.lossy == "ISO_15444_15"
    error = codecs.decode(coded.data, description).samples.astype(int) - samples
    assert np.abs(error).max() <= HTJ2K_MAX_ERROR[2]


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_jpeg_no_color_transform.dcm",
        "SC_rgb_jpeg_app14_dcmd.dcm",
        "examples_ybr_color.dcm",
    ],
)
def test_a_lossy_jpeg_keeps_colour_sampling_and_identifiers(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    like = jpeg.clean(locate(dataset, description).frame(0))[0]
    decoded = codecs.decode(like, description)
    again = codecs.encode(decoded.samples, like, description)
    assert again.lossy == "ISO_10918_1"
    assert jpeg.clean(again.data) == (again.data, ())
    assert jpeg.frame_header(again.data, jpeg.parse(again.data)) == jpeg.frame_header(like, jpeg.parse(like))
    after = codecs.decode(again.data, description)
    assert after.colour == decoded.colour
    assert np.abs(after.samples.astype(int) - decoded.samples).mean() < 0.5
    # A reader that converts colour by itself sees the same colours, too.
    assert np.abs(imagecodecs.jpeg8_decode(again.data).astype(int) - imagecodecs.jpeg8_decode(like)).mean() < 0.5


def test_a_twelve_bit_jpeg_stays_one(real_file):
    dataset = pydicom.dcmread(real_file("JPGExtended.dcm"))
    description = PixelDescription.from_dataset(dataset)
    like = locate(dataset, description).frame(0)
    samples = codecs.decode(like, description).samples
    again = codecs.encode(samples, like, description)
    assert jpeg.frame_header(again.data, jpeg.parse(again.data)).precision == 12
    assert np.abs(codecs.decode(again.data, description).samples.astype(int) - samples).max() <= 8


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.113", "1.2.3", ""])
def test_an_unknown_syntax_has_no_decoder(syntax):
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(b"", described(syntax, 8, 8, False, 1))
    assert problem.value.code == "NO_DECODER"


@pytest.mark.parametrize("syntax", sorted(set(CODECS)))
@pytest.mark.parametrize("frame", [b"", b"\xff\xd8\xff", b"\x00" * 70, b"\xff\x4f\xff\x51\x00\x00"])
def test_a_broken_frame_is_a_problem_in_every_syntax(syntax, frame):
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(frame, described(syntax, 8, 8, False, 1))
    assert problem.value.code == "DECODE_FAILED"


def test_a_decoder_that_panics_does_not_end_the_worker():
    description = dataclasses.replace(described(uid.RLELossless, 16, 16, False, 1), rows=2, columns=2)
    overfull = np.array([2, 64, 66, *[0] * 13], "<u4").tobytes() + b"\xfd\x07" + b"\x81\x07"  # 4 pixels, then 128 more
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(overfull, description)
    assert problem.value.code == "DECODE_FAILED"


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_half_a_frame_is_a_problem(syntax):
    description = described(syntax, 16, 12, False, 1)
    frame = coded(picture(description, 1), description)
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(frame[: len(frame) * 2 // 3], description)
    assert problem.value.code == "DECODE_FAILED"


@pytest.mark.parametrize("syntax", LOSSLESS[1:])
def test_a_frame_of_another_size_than_the_headers_is_a_problem(syntax):
    description = described(syntax, 8, 8, False, 1)
    frame = coded(picture(description, 1), description)
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(frame, dataclasses.replace(description, rows=36))
    assert problem.value.code == "DECODE_FAILED"


@pytest.mark.parametrize("syntax", sorted(CODECS))
@pytest.mark.parametrize(("said", "has_table"), [(1, False), (1, True), (3, False), (3, True)])
def test_frames_that_are_not_as_many_as_the_header_says_are_a_problem_in_every_syntax(real_file, syntax, said, has_table):
    dataset = pydicom.dcmread(real_file("MR_small_bigendian.dcm" if syntax == uid.ExplicitVRBigEndian else "MR_small.dcm"))
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames, dataset.file_meta.TransferSyntaxUID = 37, 50, said, syntax
    if syntax in NATIVE_SYNTAXES:
        dataset.PixelData = bytes(2 * 37 * 50 * 2)
    else:
        frames = [coded(picture(one, seed), one) for one in (described(syntax, 8, 8, False, 1),) for seed in (1, 2)]
        dataset.PixelData = encapsulate(frames, has_bot=has_table)
    with pytest.raises(InstanceProblem, match="PIXEL_LENGTH" if syntax in NATIVE_SYNTAXES else "BAD_FRAGMENTS"):
        locate(dataset, PixelDescription.from_dataset(dataset))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.8, 0.95])
def test_a_jpeg_ls_frame_that_is_cut_off_does_not_hang_the_worker(real_file, kept):
    dataset = pydicom.dcmread(real_file("MR_small_jpeg_ls_lossless.dcm"))
    description = PixelDescription.from_dataset(dataset)
    frame = locate(dataset, description).frame(0)
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(frame[: int(len(frame) * kept)], description)
    assert problem.value.code == "DECODE_FAILED"


@pytest.mark.parametrize(
    ("name", "marker", "at", "width"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5, 2),
        ("SC_rgb_jpeg_gdcm.dcm", b"\xff\xc3", 5, 2),
        ("SC_rgb_dcmtk_+eb+cr.dcm", b"\xff\xc0", 5, 2),
        ("JPGExtended.dcm", b"\xff\xc1", 5, 2),
        ("693_J2KI.dcm", b"\xff\x51", 6, 4),
    ],
)
def test_a_stream_that_claims_a_giant_image_is_refused_before_room_is_made(real_file, name, marker, at, width):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    frame = bytearray(locate(dataset, description).frame(0))
    place = frame.index(marker) + at
    frame[place : place + 2 * width] = (60000).to_bytes(width, "big") * 2
    with pytest.raises(InstanceProblem) as problem:
        codecs.decode(bytes(frame), description)
    assert problem.value.sentence == "a frame is not of the size that the header says"


def test_a_frame_that_cannot_be_coded_again_has_no_encoder():
    description = described(uid.JPEGBaseline8Bit, 8, 8, False, 1)
    with pytest.raises(InstanceProblem) as problem:
        codecs.encode(picture(description, 1), b"not a JPEG stream", description)
    assert problem.value.code == "NO_ENCODER"


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([(1, 0), (3, 0), (3, 1), (3, 2)]),
    st.sampled_from([2, 8, 12, 16]),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_tiny_frames_that_grow_are_coded_in_jpeg_ls(rows, columns, layout, bits, seed):
    samples, interleave = layout
    description = dataclasses.replace(
        described(uid.JPEGLSLossless, 8 if bits <= 8 else 16, bits, False, samples), rows=rows, columns=columns
    )
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    noise = np.random.default_rng(seed).integers(0, 1 << bits, shape).astype(description.dtype)
    like = jpeg_ls.encode_buffer(np.zeros((64, 64, samples), description.dtype).tobytes(), 64, 64, samples, bits, 0, interleave)
    coded = codecs.encode(noise, bytes(like), description)
    assert coded.lossy is None
    assert np.array_equal(codecs.decode(coded.data, description).samples, noise)
