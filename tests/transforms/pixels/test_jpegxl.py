"""JPEG XL: the samples are what they were and nothing else is left, whatever a stream held and whoever wrote it."""

import dataclasses
import functools
import subprocess
import time

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames

from tests.transforms.pixels.test_codecs import described, patterns, picture
from tests.transforms.pixels.test_streams import PHI, cleaned_for_good, first_frame, mutated, segment
from transforms.model.errors import InstanceProblem
from transforms.model.records import BoxFinding, PixelResult
from transforms.model.syntaxes import JPEG_XL, JPEG_XL_LOSSLESS, JPEG_XL_OF_JPEG
from transforms.pixels import codecs, jpeg, jpegxl
from transforms.pixels.boxes import boxes, packed
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import coded_frames
from transforms.pixels.redact import canvas_of
from transforms.pixels.streams import clean

DEPTHS = [(8, 1), (8, 8), (16, 8), (16, 10), (16, 12), (16, 13), (16, 16)]
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
BARE = bytes(imagecodecs.jpegxl_encode(picture(described(JPEG_XL, 8, 8, False, 1), 3), effort=7))
COLOURED = bytes(imagecodecs.jpegxl_encode(picture(described(JPEG_XL, 8, 8, False, 3), 3), distance=1.0))
JPEG, JPEG_DESCRIPTION = first_frame("SC_rgb_jpeg_dcmtk.dcm")
JPEG = jpeg.clean(JPEG)[0]
OF_JPEG = bytes(imagecodecs.jpegxl_encode_jpeg(JPEG))
OF_JPEG_DESCRIPTION = dataclasses.replace(JPEG_DESCRIPTION, transfer_syntax=JPEG_XL_OF_JPEG)


def file(code: bytes, *others: bytes) -> bytes:
    """A codestream in its box, others before it."""
    return SIGNATURE + packed(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(others) + packed(b"jxlc", code)


def header(*fields: tuple[int, int]) -> bytes:
    """The start of a codestream of these (value, bits)."""
    value = at = 0
    for field, bits in fields:
        value |= field << at
        at += bits
    return b"\xff\x0a" + value.to_bytes(at // 8 + 1, "little")


SIZE = ((0, 1), (0, 2), (36, 9), (0, 3), (0, 2), (49, 9))
"""37 rows and 50 columns."""


def code_of(frame: bytes, description: PixelDescription) -> str:
    with pytest.raises(InstanceProblem) as problem:
        clean(frame, description)
    return problem.value.code


@pytest.mark.parametrize("syntax", [JPEG_XL_LOSSLESS, JPEG_XL])
@pytest.mark.parametrize("depth", DEPTHS, ids=str)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_foreign_stream_is_coded_anew_and_ours_stays(syntax, depth, signed, samples):
    description = described(syntax, *depth, signed, samples)
    content = picture(description, 1)
    foreign = bytes(imagecodecs.jpegxl_encode(patterns(content, description), lossless=True, bitspersample=depth[1], effort=7))
    ours, (gone,) = clean(foreign, description)
    assert gone.startswith("JPEG XL stream")
    np.testing.assert_array_equal(codecs.decode(ours, description).samples, content)
    for padding in (b"", b"\0"):
        assert clean(ours + padding, description) == (ours + padding, ())
    surplus = PHI if ours.startswith(b"\xff\x0a") else packed(b"xml ", PHI)
    assert clean(ours + surplus, description)[0] == ours
    coded = codecs.encode(picture(description, 2), ours, description)
    assert coded.lossy is None
    assert clean(coded.data, description) == (coded.data, ())


@pytest.mark.parametrize("bits", range(1, 17))
def test_every_value_of_every_depth_comes_back(bits):
    values = (np.arange(1 << 16).reshape(256, 256) & ((1 << bits) - 1)).astype("u1" if bits <= 8 else "u2")
    description = dataclasses.replace(described(JPEG_XL_LOSSLESS, 8 if bits <= 8 else 16, bits, False, 1), rows=256, columns=256)
    coded = jpegxl.coded(values, bits)
    assert jpegxl.parameters(coded)[:4] == (256, 256, 1, bits)
    np.testing.assert_array_equal(codecs.decode(coded, description).samples, values)


def test_the_bytes_do_not_depend_on_the_number_of_threads():
    noise = np.random.default_rng(0).integers(0, 4096, (700, 900)).astype("u2")
    one, more = (
        bytes(imagecodecs.jpegxl_encode(noise, lossless=True, effort=3, bitspersample=12, photometric="GRAY", numthreads=threads))
        for threads in (1, 4)
    )
    assert one == more == jpegxl.coded(noise, 12)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(1, 16), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_frames_of_any_shape_come_back(rows, columns, samples, bits, seed):
    description = dataclasses.replace(described(JPEG_XL_LOSSLESS, 8 if bits <= 8 else 16, bits, False, samples), rows=rows, columns=columns)
    noise = np.random.default_rng(seed).integers(0, 1 << bits, description.shape).astype(description.dtype)
    coded = jpegxl.coded(noise, bits)
    np.testing.assert_array_equal(codecs.decode(coded, description).samples, noise)
    assert clean(coded, description) == (coded, ())


@pytest.mark.parametrize(
    "frame",
    [
        file(BARE, packed(b"Exif", bytes(4) + PHI), packed(b"xml ", PHI), packed(b"jumb", PHI)),
        file(BARE) + packed(b"Exif", bytes(4) + PHI),
        file(BARE) + packed(b"jxlc", PHI),
        file(BARE + PHI),
        SIGNATURE + packed(b"jxlp", bytes(4) + BARE[:5]) + packed(b"xml ", PHI) + packed(b"jxlp", b"\x80\0\0\1" + BARE[5:]),
        BARE + PHI,
    ],
)
def test_what_stands_beside_the_samples_goes(frame):
    description = described(JPEG_XL_LOSSLESS, 8, 8, False, 1)
    cleaned, gone = clean(frame, description)
    assert PHI in frame
    assert PHI not in cleaned
    assert len(gone) == 1
    assert cleaned == clean(BARE, description)[0]
    assert [one.kind for one in boxes(cleaned, 0, len(cleaned))] == [] if cleaned.startswith(SIGNATURE) else cleaned.startswith(b"\xff\x0a")


def test_sixteen_bits_are_in_boxes_that_hold_nothing_of_the_sources():
    description = described(JPEG_XL_LOSSLESS, 16, 16, False, 1)
    foreign = bytes(imagecodecs.jpegxl_encode(picture(description, 1), effort=5))
    cleaned, _ = clean(foreign + packed(b"xml ", PHI), description)
    kinds = [one.kind for one in boxes(cleaned, 0, len(cleaned))]
    assert kinds == [b"JXL ", b"ftyp", b"jxll", b"jxlc"]  # a decoder of level 5 need not know 16 bits
    assert PHI not in cleaned


@pytest.mark.parametrize("photometric", ["RGB", "XYB"])
def test_a_lossy_stream_is_kept_without_further_loss(photometric):
    description = described(JPEG_XL, 8, 8, False, 3, photometric)
    seen = imagecodecs.jpegxl_decode(COLOURED)
    cleaned, _ = clean(COLOURED, description)
    assert codecs.decode(COLOURED, description)[:2] == (pytest.approx(seen, abs=0), "RGB")
    assert codecs.decode(cleaned, description)[:2] == (pytest.approx(seen, abs=0), "RGB")
    assert codecs.encode(seen, cleaned, description).lossy is None
    assert jpegxl.parameters(COLOURED).xyb
    assert not jpegxl.parameters(cleaned).xyb


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 12), (3, 12), (3, 16)])
def test_lossy_streams_of_every_depth_are_read(samples, bits):
    description = described(JPEG_XL, 8 if bits == 8 else 16, bits, False, samples)
    lossy = bytes(imagecodecs.jpegxl_encode(picture(description, 1), distance=2.0, bitspersample=bits))
    cleaned, _ = clean(lossy, description)
    np.testing.assert_array_equal(codecs.decode(cleaned, description).samples, imagecodecs.jpegxl_decode(lossy))


def test_rgb_is_not_called_ybr():
    assert code_of(COLOURED, described(JPEG_XL, 8, 8, False, 3, "YBR_FULL")) == "BAD_PIXEL_DESCRIPTION"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "BAD_STREAM"),
        (b"\xff\x0a", "BAD_STREAM"),
        (SIGNATURE, "BAD_STREAM"),
        (SIGNATURE + b"\0\0\0\xffjxlc", "BAD_STREAM"),
        (file(b"no codestream"), "BAD_STREAM"),
        (BARE[:200], "DECODE_FAILED"),
        (header((0, 1), (3, 2), ((1 << 30) - 1, 30), (1, 3), (1, 1)), "DECODE_FAILED"),
        (header(*SIZE, (1, 1)), "DECODE_FAILED"),  # three channels
        (header(*SIZE, (0, 1), (1, 1), (0, 3), (0, 1), (1, 1)), "NO_DECODER"),  # a preview
        (header(*SIZE, (0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1)), "NO_DECODER"),  # an animation
        (header(*SIZE, (0, 1), (1, 1), (0, 3), (1, 1), *SIZE, (0, 1), (1, 1)), "NO_DECODER"),  # and a size to be shown in
        (header(*SIZE, (0, 1), (0, 1), (1, 1)), "NO_DECODER"),  # floating point
        (header(*SIZE, (0, 1), (0, 1), (0, 1), (3, 2), (16, 6)), "NO_DECODER"),  # 17 bits
        (header(*SIZE, (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (1, 2)), "NO_DECODER"),  # a channel more
        (
            header(*SIZE, (0, 1), (1, 1), (5, 3), (0, 3), (0, 1), (0, 2), (1, 1), (0, 2), (0, 1), (0, 1), (0, 1), (1, 2)),
            "NO_DECODER",
        ),  # turned
    ],
)
@pytest.mark.parametrize("syntax", [JPEG_XL_LOSSLESS, JPEG_XL])
def test_what_is_no_one_picture_is_refused_by_name(frame, code, syntax):
    assert code_of(frame, described(syntax, 8, 8, False, 1)) == code


def test_real_streams_of_more_than_a_picture_are_refused():
    grey = described(JPEG_XL_LOSSLESS, 8, 8, False, 1)
    noise = np.random.default_rng(0)
    assert (
        code_of(bytes(imagecodecs.jpegxl_encode(noise.integers(0, 255, (37, 50, 2)).astype("u1"), photometric="GRAY")), grey)
        == "NO_DECODER"
    )
    assert code_of(bytes(imagecodecs.jpegxl_encode(noise.random((37, 50)).astype("f4"))), grey) == "NO_DECODER"
    film = imagecodecs.jpegxl_encode(noise.integers(0, 255, (2, 37, 50, 3)).astype("u1"), photometric="RGB")
    assert code_of(bytes(film), described(JPEG_XL_LOSSLESS, 8, 8, False, 3)) == "NO_DECODER"


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_rgb_jpeg_app14_dcmd.dcm",
        "SC_jpeg_no_color_transform_2.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "examples_ybr_color.dcm",
    ],
)
def test_a_jpeg_loses_its_names_and_keeps_its_samples(name):
    plain, header_of_jpeg = first_frame(name)
    exif = segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + PHI)
    frame = bytes(imagecodecs.jpegxl_encode_jpeg(plain[:2] + segment(0xFE, PHI) + exif + plain[2:]))
    frame += packed(b"xml ", PHI)
    description = dataclasses.replace(header_of_jpeg, transfer_syntax=JPEG_XL_OF_JPEG)
    cleaned, gone = clean(frame, description)
    assert {"JPEG comment", "JPEG APP1 segment"} < set(gone)
    assert PHI not in cleaned
    rest = jpeg.clean(plain)[0]
    assert imagecodecs.jpegxl_decode_jpeg(cleaned) == rest[: jpeg.parse(rest).end]
    assert clean(cleaned, description) == (cleaned, ())
    before, after = codecs.decode(plain, header_of_jpeg), codecs.decode(cleaned, description)
    np.testing.assert_array_equal(after.samples, before.samples)
    assert after.colour == before.colour


def test_a_box_in_a_jpeg_is_coded_as_in_a_jpeg():
    samples = codecs.decode(JPEG, JPEG_DESCRIPTION).samples.copy()
    samples[10:40, 10:60] = 0
    as_jpeg, as_jpeg_xl = codecs.encode(samples, JPEG, JPEG_DESCRIPTION), codecs.encode(samples, OF_JPEG, OF_JPEG_DESCRIPTION)
    assert as_jpeg_xl.lossy == as_jpeg.lossy == "ISO_10918_1"
    assert imagecodecs.jpegxl_decode_jpeg(as_jpeg_xl.data) == as_jpeg.data
    assert clean(as_jpeg_xl.data, OF_JPEG_DESCRIPTION) == (as_jpeg_xl.data, ())


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (BARE, "DECODE_FAILED"),
        (bytes(imagecodecs.jpegxl_encode(np.zeros((100, 100, 3), "u1"))), "BAD_STREAM"),
        (file(bytes(imagecodecs.jpegxl_encode(np.zeros((100, 100, 3), "u1"))), packed(b"jbrd", PHI)), "DECODE_FAILED"),
        (OF_JPEG[:-300], "BAD_STREAM"),
        (JPEG, "BAD_STREAM"),
    ],
)
def test_a_stream_without_a_jpeg_is_refused_where_there_must_be_one(frame, code):
    assert code_of(frame, OF_JPEG_DESCRIPTION) == code


def instance(frames: list[bytes], syntax: str, **header_values) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", Dataset(), file_meta=meta)
    header_values = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, **header_values}
    for keyword, value in {"Rows": 37, "Columns": 50, "NumberOfFrames": len(frames), **header_values}.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    return dataset


@pytest.mark.parametrize("syntax", [JPEG_XL_LOSSLESS, JPEG_XL])
@pytest.mark.parametrize(("allocated", "bits"), [(8, 8), (16, 12), (16, 16)])
@pytest.mark.parametrize("samples", [1, 3])
def test_only_the_box_changes(syntax, allocated, bits, samples):
    description = described(syntax, allocated, bits, False, samples)
    content = [picture(description, seed) for seed in range(3)]
    frames = [bytes(imagecodecs.jpegxl_encode(one, lossless=True, bitspersample=bits)) for one in content]
    header_values = {"SamplesPerPixel": samples, "PhotometricInterpretation": description.photometric}
    dataset = instance(frames, syntax, BitsAllocated=allocated, BitsStored=bits, HighBit=bits - 1, **header_values)
    canvas = canvas_of(dataset)
    canvas.fill(1, [BoxFinding(1, 5, 10, 30, 20)])
    result = canvas.finish()
    assert result.lossy is None
    assert result.photometric is None
    after = [imagecodecs.jpegxl_decode(frame) for frame in generate_frames(result.pixel_data, number_of_frames=3)]
    expected = [one.copy() for one in content]
    expected[1][10:20, 5:30] = content[1].min() if samples == 1 else 0
    np.testing.assert_array_equal(after, expected)


def test_frames_of_several_fragments_are_told_apart_by_their_start():
    description = described(JPEG_XL_LOSSLESS, 16, 16, False, 1)
    frames = [jpegxl.coded(picture(description, 1) & 0xFFF, 12), jpegxl.coded(picture(description, 2), 16)]
    assert [frame[:3] for frame in frames] != [frame[:3] for frame in frames[::-1]]
    fragments = [part for frame in frames for part in (frame[:1000], frame[1000:])]
    items, begins = encapsulate(fragments, has_bot=False), functools.partial(jpegxl.begins, description=description)
    located = coded_frames(memoryview(items), 2, begins=begins)
    assert [located.frame(index)[: len(frame)] for index, frame in enumerate(frames)] == frames
    with pytest.raises(InstanceProblem, match="more frames"):
        coded_frames(memoryview(items), 1, begins=begins)


def test_two_bytes_of_a_fragment_begin_no_frame():
    description = described(JPEG_XL_LOSSLESS, 16, 16, False, 1)
    stream = jpegxl.coded(picture(description, 1), 16)
    for value in (
        encapsulate([stream, b"\xff\x0a" + bytes(range(80))], has_bot=False),
        encapsulate([b"\xff\xd8", b"\xff\x0a"], has_bot=False),
    ):
        begins = functools.partial(jpegxl.begins, description=description)
        assert len(coded_frames(memoryview(value), 1, begins=begins).fragments) == 1
        assert len(coded_frames(memoryview(value), 1).fragments) == 1


def test_many_boxes_are_refused_in_no_time():
    started = time.process_time()
    assert code_of(file(BARE, packed(b"free", b"") * 200_000), described(JPEG_XL, 8, 8, False, 1)) == "BAD_STREAM"
    assert time.process_time() - started < 5


def test_frames_that_were_written_here_are_not_touched_again():
    description = described(JPEG_XL_LOSSLESS, 8, 8, False, 1)
    frames = [jpegxl.coded(picture(description, seed), 8) for seed in range(2)]
    dataset = instance(frames, JPEG_XL_LOSSLESS, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2")
    assert canvas_of(dataset).finish() == PixelResult()


def test_the_header_stays_true_where_xyb_is_undone():
    dataset = instance([COLOURED], JPEG_XL, SamplesPerPixel=3, PhotometricInterpretation="XYB", PlanarConfiguration=0)
    assert canvas_of(dataset).finish().photometric == "RGB"
    dataset = instance([BARE], JPEG_XL, SamplesPerPixel=1, PhotometricInterpretation="XYB")
    assert canvas_of(dataset).finish().photometric == "MONOCHROME2"


def test_a_stream_made_of_a_jpeg_gives_rgb_which_a_header_of_ybr_denies():
    for photometric, expected in (("YBR_FULL_422", "BAD_PIXEL_DESCRIPTION"), ("RGB", None)):
        description = dataclasses.replace(OF_JPEG_DESCRIPTION, transfer_syntax=JPEG_XL, photometric=photometric)
        if expected:
            assert code_of(OF_JPEG, description) == expected
        else:
            assert clean(OF_JPEG, description)[1]


def test_bits_beside_the_samples_go_from_a_lossless_stream():
    description = dataclasses.replace(described(JPEG_XL_LOSSLESS, 16, 12, False, 1))
    words = picture(description, 1) | np.uint16(0x8000)
    frame = bytes(imagecodecs.jpegxl_encode(words, lossless=True, bitspersample=16))
    cleaned, gone = clean(frame, description)
    assert gone[-1] == "bits outside BitsStored"
    np.testing.assert_array_equal(imagecodecs.jpegxl_decode(cleaned), words & 0xFFF)
    assert clean(cleaned, description) == (cleaned, ())


@given(
    st.sampled_from([described(JPEG_XL_LOSSLESS, 8, 8, False, 1), described(JPEG_XL, 8, 8, False, 3), OF_JPEG_DESCRIPTION]),
    st.one_of(
        st.binary(max_size=100).map(lambda tail: b"\xff\x0a" + tail),
        st.binary(max_size=100).map(lambda tail: header(*SIZE) + tail),
        st.binary(max_size=100).map(lambda tail: SIGNATURE + tail),
        *(mutated(frame) for frame in (BARE, COLOURED, OF_JPEG, file(BARE))),
        *(st.integers(0, len(frame)).map(lambda end, frame=frame: frame[:end]) for frame in (BARE, COLOURED, OF_JPEG)),
    ),
)
@settings(deadline=None)
def test_any_bytes_are_cleaned_for_good_or_are_a_problem(description, frame):
    cleaned_for_good(frame, description)


@pytest.mark.servers("djxl")
@pytest.mark.parametrize("options", ["-d 0", "-d 0 -e 9 -p", "-d 1 -m 1", "-d 3 -p", "-d 1 --photon_noise=ISO3200"])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])  # cjxl 0.7 scales PNM of any other depth
def test_streams_of_the_reference_encoder_show_the_same_picture_to_its_decoder(options, samples, bits, tmp_path):
    description = described(JPEG_XL, 8 if bits == 8 else 16, bits, False, samples)
    kind = "pgm" if samples == 1 else "ppm"
    source, foreign, ours = tmp_path / f"source.{kind}", tmp_path / "foreign.jxl", tmp_path / "ours.jxl"
    start = f"P{5 if samples == 1 else 6}\n{description.columns} {description.rows}\n{(1 << bits) - 1}\n".encode()
    source.write_bytes(start + picture(description, 1).astype("u1" if bits == 8 else ">u2").tobytes())
    subprocess.run(["cjxl", str(source), str(foreign), *options.split()], check=True, capture_output=True)
    ours.write_bytes(clean(foreign.read_bytes(), description)[0])
    seen = []
    for stream in (foreign, ours):
        subprocess.run(["djxl", str(stream), str(tmp_path / f"seen.{kind}")], check=True, capture_output=True)
        seen.append((tmp_path / f"seen.{kind}").read_bytes())
    if "-d 0" in options:
        assert seen[0] == seen[1] == source.read_bytes()
        return
    before, after = (np.frombuffer(one[len(start) :], "u1" if bits == 8 else ">u2").astype(int) for one in seen)
    assert np.abs(before - after).max() <= (1 << bits) / 255  # decoders of other years round lossy samples otherwise
