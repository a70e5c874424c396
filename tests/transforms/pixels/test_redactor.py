"""Text drawn onto a real CT, in the layouts and transfer syntaxes of pixels: found, hidden, and nothing else touched."""

import copy
import datetime as dt
import functools
import io

import apache_beam as beam
import cv2
import numpy as np
import pydicom
import pytesseract
import pytest
from apache_beam.testing.util import assert_that, equal_to
from PIL import Image
from pydicom.dataset import FileDataset

from transforms.model.errors import OutcomeKind
from transforms.model.plan import ALL_TEXT, NO_TEXT, ImagePlan, TextMode
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.redactor import Redactor, redactor_of
from transforms.pixels.search import RememberingSearch
from transforms.pixels.strengths import text_search
from transforms.pixels.transform import RedactText

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
UIDS = InstanceUids("1.2.3", "1.2.4", "1.2.5")
WORDS = ("KOWALSKI JAN", "1967-03-04")


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(ALL_TEXT, RememberingSearch(text_search(PixelSearch.DEFAULT)))


def opened(dataset: FileDataset) -> OpenInstance:
    return OpenInstance(InstanceRef("00" * 8, "/x.dcm", 0), UIDS, dataset, NOON)


def ink_mask(shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for number, words in enumerate(WORDS):
        cv2.putText(mask, words, (12, 34 + 30 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1, 2)
    return mask.astype(bool)


def test_what_is_said_of_an_instance_hangs_on_none_before_it(real_file):
    """Two pictures with the same lines, their grain apart: each is read as if there were no other."""
    grains = (np.random.default_rng(seed).integers(0, 2, (1, 100, 300)) for seed in (1, 2))
    first, second = (image(real_file, (40 + grain + 160 * ink_mask((100, 300))).astype(np.uint8), "MONOCHROME2", 8) for grain in grains)
    alone, after = redactor_of(ALL_TEXT, languages=["eng"]), redactor_of(ALL_TEXT, languages=["eng"])
    after.redact(opened(first))
    boxes = after.redact(opened(second)).pixels.boxes
    assert boxes == alone.redact(opened(second)).pixels.boxes
    assert {box.text for box in boxes} >= {*WORDS}


def saved(dataset: FileDataset) -> FileDataset:
    """The data set as it comes out of a file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


def image(real_file, frames: np.ndarray, photometric: str, stored: int, signed: bool = False, planar: int = 0, **more) -> FileDataset:
    """The header of a real CT around other samples."""
    dataset = pydicom.dcmread(real_file("693_UNCR.dcm"))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in dataset:
            del dataset[keyword]
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel = 1 if frames.ndim == 3 else frames.shape[3]
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.HighBit = photometric, stored, stored - 1
    dataset.BitsAllocated, dataset.PixelRepresentation = frames.itemsize * 8, int(signed)
    dataset.NumberOfFrames = len(frames)
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = planar
        frames = np.moveaxis(frames, 3, 1) if planar else frames
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
        if keyword.endswith("LookupTableDescriptor"):
            dataset[keyword].VR = "US"
    dataset.PixelData = frames.astype(frames.dtype.newbyteorder("<")).tobytes() + b"\0" * (frames.nbytes % 2)
    dataset["PixelData"].VR = "OB" if frames.itemsize == 1 else "OW"
    return saved(dataset)


@pytest.fixture(scope="module")
def anatomy():
    """A real CT slice, in 0 to 4095, without text."""
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("693_UNCR.dcm", download=False))
    samples = dataset.pixel_array.astype(int)
    scaled = (samples - samples.min()) * 3000 // (samples.max() - samples.min())
    scaled[:80, :300] = 0  # the air beside the patient, without the streaks of the table
    return scaled


def layouts(anatomy: np.ndarray, written: bool):
    """Name → samples of one frame and how the header describes them."""
    ink = ink_mask(anatomy.shape) if written else np.zeros(anatomy.shape, bool)
    deep = np.where(ink, 4095, anatomy)
    shallow = (deep >> 4).astype("u1")
    colour = np.stack([shallow, shallow, np.where(ink, 40, shallow).astype("u1")], axis=2)  # yellow letters
    luminance = np.stack([shallow, np.full_like(shallow, 128), np.full_like(shallow, 128)], axis=2)
    ramp = np.arange(256, dtype="<u2")[::-1] * 257
    palette = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in ("Red", "Green", "Blue")}
    palette |= {f"{name}PaletteColorLookupTableData": ramp.tobytes() for name in ("Red", "Green", "Blue")}
    return {
        "12 of 16 bits": (deep.astype("u2"), {"photometric": "MONOCHROME2", "stored": 12}),
        "16 bits, signed": ((deep * 8 - 16384).astype("i2"), {"photometric": "MONOCHROME2", "stored": 16, "signed": True}),
        "32 bits": ((deep * 1000).astype("u4"), {"photometric": "MONOCHROME2", "stored": 32}),
        "8 bits": (shallow, {"photometric": "MONOCHROME2", "stored": 8}),
        "MONOCHROME1": ((4095 - deep).astype("u2"), {"photometric": "MONOCHROME1", "stored": 12}),
        "RGB": (colour, {"photometric": "RGB", "stored": 8}),
        "RGB by plane": (colour, {"photometric": "RGB", "stored": 8, "planar": 1}),
        "YBR": (luminance, {"photometric": "YBR_FULL", "stored": 8}),
        "palette": (255 - shallow, {"photometric": "PALETTE COLOR", "stored": 8, **palette}),
    }


def replaced(dataset: FileDataset, result: PixelResult) -> FileDataset:
    if result.pixel_data is None:
        return dataset
    changed = copy.deepcopy(dataset)
    changed.PixelData = result.pixel_data
    changed["PixelData"].VR = dataset["PixelData"].VR
    changed["PixelData"].is_undefined_length = dataset["PixelData"].is_undefined_length
    return saved(changed)


def stored(dataset: FileDataset, index: int) -> np.ndarray:
    description = PixelDescription.from_dataset(dataset)
    return decode(locate(dataset, description).frame(index), description).samples


def seen(dataset: FileDataset) -> np.ndarray:
    """The first frame in grey by pydicom alone, none of our own decoding or rendering."""
    samples = pydicom.pixels.pixel_array(dataset, index=0 if int(dataset.get("NumberOfFrames") or 1) > 1 else None).astype(float)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        samples = pydicom.pixels.processing.apply_color_lut(samples.astype("u1"), dataset).astype(float)
    grey = samples.max(axis=2) if samples.ndim == 3 else samples
    grey = (grey - grey.min()) * 255 / max(grey.max() - grey.min(), 1)
    return (255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey).astype(np.uint8)


def letters_read(grey: np.ndarray) -> str:
    """What another reading makes of the corner: a block of text, enlarged threefold, both polarities."""
    corner = Image.fromarray(grey[:90, :310]).resize((930, 270))
    texts = [pytesseract.image_to_string(picture, config="--psm 6") for picture in (corner, Image.eval(corner, lambda value: 255 - value))]
    return "".join(character for character in "".join(texts) if character.isalnum())


def check_hidden(before: FileDataset, result: PixelResult) -> None:
    ink = ink_mask((before.Rows, before.Columns))
    boxed = np.zeros(ink.shape, bool)
    for box in result.boxes:
        boxed[box.top : box.bottom, box.left : box.right] = True
    assert boxed[ink].mean() >= 0.98
    assert boxed.mean() <= 0.05
    after = replaced(before, result)
    assert "KOWALSKI" in letters_read(seen(before))
    assert letters_read(seen(after)) == ""
    assert (seen(after)[boxed] == 0).all()


@pytest.mark.parametrize(
    "layout", ["12 of 16 bits", "16 bits, signed", "32 bits", "8 bits", "MONOCHROME1", "RGB", "RGB by plane", "YBR", "palette"]
)
def test_text_is_hidden_and_nothing_else_changes_in_every_layout(redactor, real_file, anatomy, layout):
    samples, description = layouts(anatomy, written=True)[layout]
    before = image(real_file, samples[np.newaxis], **description)
    result = redactor.redact(opened(before)).pixels
    assert result.search is PixelSearch.DEFAULT
    assert {"KOWALSKI JAN", "1967-03-04"} <= {box.text for box in result.boxes}
    check_hidden(before, result)
    outside = np.ones(samples.shape[:2], bool)
    for box in result.boxes:
        outside[box.top : box.bottom, box.left : box.right] = False
    old, new = before.pixel_array, replaced(before, result).pixel_array
    assert np.array_equal(old[outside], new[outside])


@pytest.mark.parametrize(
    "layout", ["12 of 16 bits", "16 bits, signed", "32 bits", "8 bits", "MONOCHROME1", "RGB", "RGB by plane", "YBR", "palette"]
)
def test_the_same_frame_without_text_stays_byte_for_byte(redactor, real_file, anatomy, layout):
    samples, description = layouts(anatomy, written=False)[layout]
    result = redactor.redact(opened(image(real_file, samples[np.newaxis], **description))).pixels
    assert (result.boxes, result.pixel_data) == ((), None)


@pytest.mark.parametrize("syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEGLSLossless, pydicom.uid.JPEG2000Lossless])
@pytest.mark.parametrize("layout", ["12 of 16 bits", "RGB"])
def test_text_is_hidden_in_compressed_frames_and_the_frame_without_text_is_not_coded_again(redactor, real_file, anatomy, syntax, layout):
    samples, description = layouts(anatomy, written=True)[layout]
    plain, _ = layouts(anatomy * 0, written=False)[layout]
    before = image(real_file, np.stack([samples, plain]), **description)
    before.compress(syntax, encoding_plugin="pyjpegls" if syntax == pydicom.uid.JPEGLSLossless else "pylibjpeg")
    before = saved(before)
    result = redactor.redact(opened(before)).pixels
    check_hidden(before, result)
    assert {box.frame for box in result.boxes} == {0}
    old = list(pydicom.encaps.generate_frames(before.PixelData, number_of_frames=2))
    new = list(pydicom.encaps.generate_frames(result.pixel_data, number_of_frames=2))
    assert old[0] != new[0]
    assert old[1].rstrip(b"\0") == new[1].rstrip(b"\0") or result.findings


def test_each_frame_has_its_own_boxes(redactor, real_file, anatomy):
    written = layouts(anatomy * 0, written=True)["8 bits"][0]
    before = image(real_file, np.stack([written * 0, written, written * 0, written]), "MONOCHROME2", 8)
    result = redactor.redact(opened(before)).pixels
    assert [box.frame for box in result.boxes] == [1, 1, 3, 3]
    assert not np.frombuffer(result.pixel_data, "u1").any()


@pytest.mark.parametrize(
    "name",
    ["US1_J2KR.dcm", "examples_palette.dcm", "OBXXXX1A_rle_2frame.dcm", "gdcm-US-ALOKA-16_big.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm"],
)
def test_what_was_read_on_a_real_ultrasound_is_not_read_again_and_all_else_is_as_before(redactor, real_file, name):
    before = opened(pydicom.dcmread(real_file(name)))
    first = redactor.redact(before).pixels
    after = opened(replaced(before.dataset, first))
    second = redactor.redact(after).pixels
    assert len(first.boxes) >= 10
    assert first.second_look is SecondLook.CLEAN
    read = {(box.frame, box.text) for box in first.boxes if len(box.text) > 2 and box.confidence > 0.7}
    assert read
    assert not read & {(box.frame, box.text) for box in second.boxes}
    for index in range(int(before.dataset.get("NumberOfFrames") or 1)):
        old, new = (stored(one.dataset, index) for one in (before, after))
        outside = np.ones(old.shape[:2], bool)
        for box in first.boxes:
            if box.frame == index:
                outside[box.top : box.bottom, box.left : box.right] = False
                assert len(np.unique(new[box.top : box.bottom, box.left : box.right])) == 1
        assert np.array_equal(old[outside], new[outside])


def test_a_search_is_repeatable(real_file):
    dataset = pydicom.dcmread(real_file("US1_UNCR.dcm"))
    results = [Redactor(ALL_TEXT, text_search(PixelSearch.DEFAULT)).redact(opened(dataset)).pixels for _ in range(2)]
    assert results[0] == results[1]
    assert results[0].boxes


def test_without_a_search_the_text_stays_and_what_is_not_samples_goes(real_file):
    dataset = pydicom.dcmread(real_file("US1_J2KR.dcm"))
    result = Redactor(NO_TEXT, None).redact(opened(dataset)).pixels
    assert (result.search, result.boxes) == (PixelSearch.NONE, ())
    assert [finding.reason for finding in result.findings] == ["Matched Expression: JPEG 2000 comment (1 frame)"]
    assert np.array_equal(replaced(dataset, result).pixel_array, dataset.pixel_array)


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_text_is_hidden_in_floating_point_pixels(redactor, real_file, anatomy, keyword, kind):
    samples = (anatomy / 7.0 - 100).astype(kind)
    samples[ink_mask(anatomy.shape)] = 900.0
    samples[500, :3] = [np.nan, np.inf, -np.inf]
    before = floating(real_file, keyword, samples)
    result = redactor.redact(opened(before)).pixels
    assert {"KOWALSKI JAN", "1967-03-04"} <= {box.text for box in result.boxes}
    boxed = np.zeros(samples.shape, bool)
    for box in result.boxes:
        boxed[box.top : box.bottom, box.left : box.right] = True
    after = np.frombuffer(result.pixel_data, kind).reshape(samples.shape)
    assert boxed[ink_mask(anatomy.shape)].mean() >= 0.98
    assert set(after[boxed].tolist()) == {samples[np.isfinite(samples)].min()}
    assert after[~boxed].tobytes() == samples[~boxed].tobytes()


def test_floating_point_pixels_without_text_stay_byte_for_byte(redactor, real_file, anatomy):
    before = floating(real_file, "FloatPixelData", anatomy.astype("<f4"))
    assert redactor.redact(opened(before)).pixels.pixel_data is None
    assert Redactor(NO_TEXT, None).redact(opened(before)).pixels == PixelResult()


def floating(real_file, keyword: str, samples: np.ndarray) -> FileDataset:
    """A real CT with floating point samples (PS3.3 C.7.6.24)."""
    dataset = image(real_file, np.zeros((1, *samples.shape), "u2"), "MONOCHROME2", 16)
    for element in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[element]
    dataset.BitsAllocated = samples.itemsize * 8
    setattr(dataset, keyword, samples.tobytes())
    return saved(dataset)


def test_sensitive_text_goes_and_other_text_stays(real_file, anatomy):
    samples = np.where(ink_mask(anatomy.shape), 255, 0).astype("u1")
    cv2.putText(samples, "LYMPH NODE", (12, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    before = image(real_file, samples[np.newaxis], "MONOCHROME2", 8, PatientName="KOWALSKI^JAN")
    redactor = Redactor(ImagePlan(TextMode.SENSITIVE), RememberingSearch(text_search(PixelSearch.DEFAULT)))
    result = redactor.redact(opened(before)).pixels
    assert {box.text: box.info_type for box in result.boxes} == {"KOWALSKI JAN": "PERSON_NAME", "1967-03-04": "DATE"}
    assert (result.all_text, result.second_look, result.is_without_text) == (False, SecondLook.CLEAN, False)
    after = replaced(before, result).pixel_array
    assert not after[:150].any()
    assert np.array_equal(after[150:], samples[150:])


def test_the_stage_gives_redacted_instances_and_an_outcome_for_what_cannot_be_decoded(real_file):
    paths = {"US1_UNCR": real_file("US1_UNCR.dcm"), "MR_truncated": real_file("MR_truncated.dcm")}

    def read(name):
        return OpenInstance(InstanceRef(name, "/x.dcm", 0), UIDS, pydicom.dcmread(paths[name]), NOON)

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        redacted = pipeline | beam.Create(list(paths)) | beam.Map(read) | RedactText(functools.partial(redactor_of, ALL_TEXT))
        found = redacted.instances | beam.Map(lambda one: (one.ref.reference, "LYMPH NODE" in {box.text for box in one.pixels.boxes}))
        failed = redacted.outcomes | beam.Map(lambda one: (one.reference, one.kind, one.stage, one.code))
        assert_that(found, equal_to([("US1_UNCR", True)]), "found")
        assert_that(failed, equal_to([("MR_truncated", OutcomeKind.FAILED, "pixels", "PIXEL_LENGTH")]), "failed")
