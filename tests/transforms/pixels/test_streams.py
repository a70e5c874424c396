"""What is not samples goes and decoding does not notice; arbitrary bytes end in a stream or a problem."""

import struct

import imagecodecs
import jpeg_ls
import numpy as np
import openjpeg
import openjpeg.utils
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import uid
from pydicom.data import get_testdata_file

from transforms.model.errors import InstanceProblem
from transforms.pixels import codecs, jpeg, jpeg2000, packbits
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.streams import clean

PHI = b"DOE^JANE 1970-01-31"
CODED = [
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jpeg.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_jpeg_no_color_transform_2.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "examples_ybr_color.dcm",
    "JPGExtended.dcm",
    "JPEG-LL.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_jp2klossless.dcm",
    "US1_J2KI.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "693_J2KI.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "rtdose_rle.dcm",
    "OBXXXX1A_rle.dcm",
]


def first_frame(name: str) -> tuple[bytes, PixelDescription]:
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    description = PixelDescription.from_dataset(dataset)
    return locate(dataset, description).frame(0), description


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


JPEG_FRAME, JPEG_DESCRIPTION = first_frame("SC_rgb_jpeg_dcmtk.dcm")
LS_FRAME, _ = first_frame("MR_small_jpeg_ls_lossless.dcm")
RLE_FRAME, RLE_DESCRIPTION = first_frame("MR_small_RLE.dcm")
RLE_PIXELS = RLE_DESCRIPTION.rows * RLE_DESCRIPTION.columns
WAVELET_FRAME = jpeg2000.clean(first_frame("MR_small_jp2klossless.dcm")[0])[0]


@pytest.mark.parametrize("name", CODED)
def test_real_frames_decode_alike_before_and_after(name):
    frame, description = first_frame(name)
    cleaned, gone = clean(frame, description)
    assert bool(gone) == (cleaned != frame)
    before, after = codecs.decode(frame, description), codecs.decode(cleaned, description)
    np.testing.assert_array_equal(after.samples, before.samples)
    assert after.colour == before.colour
    assert clean(cleaned, description) == (cleaned, ())


def test_a_codestream_with_components_of_unlike_depth_is_not_decoded():
    frame, description = first_frame("US1_J2KI.dcm")
    assert codecs.decode(frame, description).samples.shape[-1] == 3
    second = frame.index(b"\xff\x51") + 2 + 2 + 36 + 3  # after the marker and its length: Rsiz to Csiz, and three bytes of the first
    deeper = frame[:second] + b"\x0f" + frame[second + 1 :]
    with pytest.raises(InstanceProblem, match="cannot be decoded"):
        codecs.decode(deeper, description)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "JPEGLSNearLossless_08.dcm", "MR_small_RLE.dcm", "examples_ybr_color.dcm"])
def test_a_frame_with_nothing_to_remove_is_the_same_object(name):
    frame, description = first_frame(name)
    assert clean(frame, description)[0] is frame


def test_what_went_is_named_without_its_content():
    frame, description = first_frame("JPGLosslessP14SV1_1s_1f_8b.dcm")
    assert clean(frame, description)[1] == ("JPEG APP0 segment", "JPEG comment")
    frame, description = first_frame("GDCMJ2K_TextGBR.dcm")
    assert set(clean(frame, description)[1]) == {"JP2 box"}


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (segment(0xFE, PHI), "JPEG comment"),
        (segment(0xE1, b"Exif\0\0" + PHI), "JPEG APP1 segment"),
        (segment(0xED, PHI), "JPEG APP13 segment"),
        (segment(0xE0, b"JFXX\0\x10" + PHI), "JPEG APP0 segment"),
        (b"\xff\xff" + segment(0xFE, PHI), "JPEG comment"),
    ],
)
@pytest.mark.parametrize("frame", [JPEG_FRAME, LS_FRAME], ids=["JPEG", "JPEG-LS"])
@pytest.mark.parametrize("place", ["first", "before the scan"])
def test_planted_segments_go_wherever_they_stand(frame, planted, kind, place):
    stream = jpeg.parse(frame)
    at = 2 if place == "first" else next(s.start for s in stream.segments if s.marker == jpeg.SOS)
    assert jpeg.clean(frame[:at] + planted + frame[at:]) == (frame[: stream.end] + frame[stream.end :], (kind,))


def test_a_comment_between_two_scans_goes():
    planes = np.random.default_rng(0).integers(0, 255, (3, 16, 16)).astype("u1")
    frame = bytes(jpeg_ls.encode_buffer(planes.tobytes(), 16, 16, 3, 8, interleave_mode=0))
    scans = [s.start for s in jpeg.parse(frame).segments if s.marker == jpeg.SOS]
    assert len(scans) == 3
    planted = frame[: scans[1]] + segment(0xFE, PHI) + frame[scans[1] :]
    assert jpeg.clean(planted) == (frame, ("JPEG comment",))


def test_the_thumbnail_of_a_jfif_segment_goes_and_the_rest_stays():
    stream = jpeg.parse(JPEG_FRAME)
    jfif = next(s for s in stream.segments if s.marker == jpeg.APP0)
    body = JPEG_FRAME[jfif.body : jfif.end]
    fat = segment(0xE0, body[:12] + b"\x02\x02" + PHI[:12])
    planted = JPEG_FRAME[: jfif.start] + fat + JPEG_FRAME[jfif.end :]
    assert jpeg.clean(planted) == (JPEG_FRAME, ("surplus of JPEG APP0 segment",))


def test_the_adobe_transform_stays_and_what_follows_it_goes():
    planted = JPEG_FRAME[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x00" + PHI) + JPEG_FRAME[2:]
    cleaned, gone = jpeg.clean(planted)
    assert PHI not in cleaned
    assert gone == ("surplus of JPEG APP14 segment",)
    assert codecs.decode(cleaned, JPEG_DESCRIPTION).colour == "RGB"


@pytest.mark.parametrize(("frame", "cleaner"), [(JPEG_FRAME, jpeg.clean), (LS_FRAME, jpeg.clean), (WAVELET_FRAME, jpeg2000.clean)])
def test_bytes_after_the_end_of_a_stream_go_but_padding_does_not(frame, cleaner):
    frame = frame.rstrip(b"\0")
    cleaned, gone = cleaner(frame + PHI)
    assert cleaned == frame
    assert len(gone) == 1
    assert gone[0].startswith("bytes after the end")
    for padding in (b"\0", b"\xff", b"\0\0\0"):
        assert cleaner(frame + padding) == (frame + padding, ())


def test_a_second_image_behind_the_first_goes():
    frame = JPEG_FRAME.rstrip(b"\0")
    assert jpeg.clean(frame + frame)[0] == frame


def tile_part(frame: bytes) -> int:
    """Where the first tile-part begins."""
    return frame.index(b"\xff\x90\x00\x0a")


def test_a_comment_of_the_main_header_is_cut():
    at = tile_part(WAVELET_FRAME)
    comment = segment(0x64, b"\0\1" + PHI)
    assert jpeg2000.clean(WAVELET_FRAME[:at] + comment + comment + WAVELET_FRAME[at:]) == (WAVELET_FRAME, ("JPEG 2000 comment",) * 2)


def test_a_comment_of_a_tile_part_is_blanked_so_that_lengths_stay_true():
    at = tile_part(WAVELET_FRAME)
    comment = segment(0x64, b"\0\1" + PHI)
    psot = struct.unpack(">I", WAVELET_FRAME[at + 6 : at + 10])[0] + len(comment)
    planted = WAVELET_FRAME[: at + 6] + struct.pack(">I", psot) + WAVELET_FRAME[at + 10 : at + 12] + comment + WAVELET_FRAME[at + 12 :]
    np.testing.assert_array_equal(openjpeg.decode(planted), openjpeg.decode(WAVELET_FRAME))
    cleaned, gone = jpeg2000.clean(planted)
    assert gone == ("JPEG 2000 comment",)
    assert cleaned == planted.replace(PHI, bytes(len(PHI)))
    np.testing.assert_array_equal(openjpeg.decode(cleaned), openjpeg.decode(WAVELET_FRAME))
    assert jpeg2000.clean(cleaned) == (cleaned, ())


def test_a_tile_part_without_a_length_ends_at_the_end_of_the_codestream():
    at = tile_part(WAVELET_FRAME)
    open_ended = WAVELET_FRAME[: at + 6] + bytes(4) + WAVELET_FRAME[at + 10 :]
    assert jpeg2000.clean(open_ended) == (open_ended, ())
    assert jpeg2000.clean(open_ended.rstrip(b"\0") + PHI)[0] == open_ended.rstrip(b"\0")


def test_boxes_that_decoding_does_not_need_go():
    signature = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    ihdr = box(b"ihdr", struct.pack(">IIHBBBB", 64, 64, 1, 15, 7, 0, 0))
    colr = box(b"colr", b"\x01\0\0" + struct.pack(">I", 17))
    code = box(b"jp2c", WAVELET_FRAME)
    wanted = signature + box(b"jp2h", ihdr + colr) + code
    planted = (
        signature
        + box(b"xml ", PHI)
        + box(b"jp2h", ihdr + colr + box(b"colr", b"\x02\0\0" + PHI))
        + box(b"uuid", bytes(16) + PHI)
        + code
        + PHI
    )
    with pytest.raises(InstanceProblem):
        jpeg2000.clean(planted)
    planted = planted[: -len(PHI)] + box(b"free", PHI)
    assert jpeg2000.clean(planted) == (wanted, ("JP2 box",) * 4)
    assert jpeg2000.clean(wanted) == (wanted, ())
    np.testing.assert_array_equal(openjpeg.decode(wanted), openjpeg.decode(WAVELET_FRAME))


def test_a_second_codestream_goes_since_only_the_first_is_searched():
    image, other = (np.full((32, 32), value, "u1") for value in (7, 200))
    first = bytes(imagecodecs.jpeg2k_encode(image, codecformat="jp2", reversible=True, level=0))
    second = openjpeg.utils.encode_array(other, bits_stored=8, photometric_interpretation=0)
    cleaned, gone = jpeg2000.clean(first + box(b"jp2c", second))
    assert cleaned == jpeg2000.clean(first)[0]
    assert gone == (*jpeg2000.clean(first)[1], "JP2 box")
    np.testing.assert_array_equal(openjpeg.decode(cleaned), image)


def test_rle_bytes_of_no_segment_go():
    frame = RLE_FRAME
    assert packbits.clean(frame + PHI, RLE_PIXELS) == (frame, ("bytes after an RLE segment",))
    hidden = frame[:60] + PHI[:4] + frame[64:]
    assert packbits.clean(hidden, RLE_PIXELS) == (frame, ("unused RLE offsets",))


def test_rle_bytes_between_segments_are_blanked():
    count, first, second = struct.unpack("<3I", RLE_FRAME[:12])
    assert count == 2
    planted = struct.pack("<3I", 2, first, second + 20) + RLE_FRAME[12:second] + PHI + b"\0" + RLE_FRAME[second:]
    cleaned, gone = packbits.clean(planted, RLE_PIXELS)
    assert PHI not in cleaned
    assert gone == ("bytes after an RLE segment",)
    np.testing.assert_array_equal(codecs.decode(cleaned, RLE_DESCRIPTION).samples, codecs.decode(RLE_FRAME, RLE_DESCRIPTION).samples)


@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (JPEG_FRAME[:-20], uid.JPEGBaseline8Bit),
        (b"\0" + JPEG_FRAME, uid.JPEGBaseline8Bit),
        (JPEG_FRAME[:2] + b"\xff\x02\0\x04ab" + JPEG_FRAME[2:], uid.JPEGBaseline8Bit),
        (WAVELET_FRAME[:-300], uid.JPEG2000),
        (WAVELET_FRAME[:2] + segment(0x7F, PHI) + WAVELET_FRAME[2:], uid.JPEG2000),
        (RLE_FRAME[:-1000], uid.RLELossless),
        (b"", uid.RLELossless),
    ],
)
def test_a_stream_that_cannot_be_followed_is_not_called_clean(frame, syntax):
    with pytest.raises(InstanceProblem) as problem:
        clean(frame, described(syntax))
    assert problem.value.code == "BAD_STREAM"


def test_video_cannot_be_shown_to_be_clean():
    with pytest.raises(InstanceProblem) as problem:
        clean(b"", described(uid.MPEG4HP41))
    assert problem.value.code == "NO_DECODER"


def described(syntax: str) -> PixelDescription:
    return PixelDescription(syntax, RLE_DESCRIPTION.rows, RLE_DESCRIPTION.columns, 1, "MONOCHROME2", 16, 16, 15, False, 0, 1)


@st.composite
def mutated(draw, frame: bytes) -> bytes:
    """A real stream with bytes overwritten, cut out or inserted."""
    data = bytearray(frame)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), 400)) | st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


def cleaned_for_good(frame: bytes, description: PixelDescription) -> bytes | None:
    """A frame after cleaning, from which nothing goes a second time; None if it is a problem."""
    try:
        cleaned, gone = clean(frame, description)
    except InstanceProblem:
        return None
    assert bool(gone) == (cleaned != frame)
    assert clean(cleaned, description) == (cleaned, ())
    return cleaned


@given(
    st.sampled_from([uid.JPEGBaseline8Bit, uid.JPEGLSLossless, uid.JPEG2000, uid.RLELossless]),
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(lambda tail: b"\xff\xd8" + tail),
        st.binary(max_size=100).map(lambda tail: b"\xff\x4f\xff\x51" + tail),
        *(mutated(frame) for frame in (JPEG_FRAME, LS_FRAME, RLE_FRAME, WAVELET_FRAME, first_frame("GDCMJ2K_TextGBR.dcm")[0])),
    ),
)
def test_any_bytes_are_cleaned_for_good_or_are_a_problem(syntax, frame):
    cleaned = cleaned_for_good(frame, described(syntax))
    assert cleaned is None or len(cleaned) <= len(frame) + 1
