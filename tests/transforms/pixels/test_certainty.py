"""A line is believed if all that it says was read: a name that no pack knows, or that a reader left out, hides behind no English."""

import datetime as dt
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.plan import ImagePlan, TextMode
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.pixels.certainty import SURE, SURE_UNLISTED, Word, is_sure
from transforms.pixels.reading import Reader
from transforms.pixels.redactor import redactor_of
from transforms.pixels.selection import UNREAD
from transforms.pixels.strips import HEIGHT, upright
from transforms.pixels.tesseract import PageProcess, PageServer

ROW = 60
HARMLESS = {0: "Abdomen Depth 12 cm", 6: "Liver right lobe long axis"}
"""Rows of the picture that name nobody; in the others a name in Hangul, kanji or Cyrillic stands beside such words."""


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return cv2.imread(str(Path(__file__).with_name("names_beside_english.png")), cv2.IMREAD_GRAYSCALE)


def strip(image: np.ndarray) -> np.ndarray:
    """That of the one line in an image, cut as the detector cuts."""
    top, bottom, left, right = (edge for axis in (1, 0) for edge in np.flatnonzero((image > image.min()).any(axis))[[0, -1]])
    (made,) = upright(image, max(0, left - 4), max(0, top - 4), right + 5, bottom + 5)
    return made


@pytest.mark.parametrize("engine", [PageProcess, PageServer])
def test_a_name_in_a_script_that_no_pack_reads_leaves_its_line_unsure(engine, picture):
    rows = [strip(picture[top : top + ROW]) for top in range(0, len(picture), ROW)]
    readings = Reader(engine(["eng"])).read(rows)
    assert {number: reading.text for number, reading in enumerate(readings) if reading.sure} == HARMLESS
    assert min(reading.confidence for reading in readings) > SURE  # Tesseract's own mean of a line tells nothing


def test_such_a_line_is_redacted_and_its_neighbours_stay(picture, real_file):
    dataset = pydicom.dcmread(real_file("MR_small.dcm"))
    del dataset.WindowCenter
    dataset.Rows, dataset.Columns = picture.shape
    dataset.SmallestImagePixelValue = 0
    dataset.PixelData = picture.astype(np.int16).tobytes()
    instance = OpenInstance(InstanceRef("00" * 8, "/x", 0), InstanceUids("1", "2", "3"), dataset, dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    done = redactor_of(ImagePlan(TextMode.SENSITIVE), languages=["eng"], second_look=False).redact(instance).pixels
    after = np.frombuffer(done.pixel_data, np.int16).reshape(picture.shape)
    for number in range(len(picture) // ROW):
        before, now = (image[number * ROW : (number + 1) * ROW] for image in (picture, after))
        assert np.array_equal(before, now) if number in HARMLESS else not now[before > 0].any(), number
    assert {box.reason for box in done.boxes} == {UNREAD}


@pytest.mark.parametrize("brightness", [40, 60])
def test_a_faint_name_that_the_reader_leaves_out_leaves_its_line_unsure(brightness):
    image = np.zeros((ROW, 500), np.uint8)
    cv2.putText(image, "LIVER", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    alone = strip(image)
    cv2.putText(image, "KOWALSKI", (160, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, brightness, 2)
    readings = Reader(PageServer(["eng"])).read([alone, strip(image)])
    assert [(reading.text, reading.sure) for reading in readings] == [("LIVER", True), ("LIVER", False)]


def read(*words: tuple[str, float]) -> list[Word]:
    """Words side by side, each on its ink in `paper`."""
    return [Word(100 * number, 8, 80, 28, confidence, text) for number, (text, confidence) in enumerate(words)]


def paper(ink: int) -> np.ndarray:
    """A strip with so many pieces of ink."""
    strip = np.full((HEIGHT, 400), 255, np.uint8)
    for number in range(ink):
        strip[8:36, 100 * number : 100 * number + 80] = 0
    return strip


def test_the_least_sure_word_decides():
    assert is_sure(read(("Liver", SURE), ("12", SURE), ("cm", 1.0)), paper(3))
    assert not is_sure(read(("Liver", 0.97), ("12", SURE - 0.01), ("cm", 0.97)), paper(3))
    assert not is_sure([], paper(0))


def test_a_word_that_is_not_listed_must_be_surer():
    assert is_sure(read(("Liver", 0.97), ("MAPIA", SURE_UNLISTED)), paper(2))
    assert not is_sure(read(("Liver", 0.97), ("MAPIA", SURE_UNLISTED - 0.01)), paper(2))


def test_a_lone_small_mark_says_nothing_and_a_large_one_does():
    small, large = (Word(100, 8, 12, height, 0.0, "-") for height in (HEIGHT // 3, HEIGHT // 3 + 1))
    assert is_sure([*read(("Liver", 0.97)), small], paper(1))
    assert not is_sure([*read(("Liver", 0.97)), large], paper(1))


def test_ink_beyond_the_words_counts_unless_it_is_grain():
    words = read(("Liver", 0.97))
    assert not is_sure(words, paper(2))
    grain = paper(1)
    grain[8 : 8 + HEIGHT // 3 - 1, 200:300] = 0
    grain[::4, 300:] = 0
    assert is_sure(words, grain)


@pytest.mark.parametrize("word", [Word(4, 20, 4, 4, 0.05, "."), Word(-22, 10, 10, 20, 0.99, "1")])
def test_what_says_nothing_of_the_ink_vouches_for_nothing(word):
    image = np.full((HEIGHT, 300), 255, np.uint8)
    cv2.putText(image, "KIM MINSU" if word.text == "1" else "kim minsu", (30, 30), cv2.FONT_HERSHEY_PLAIN, 1 + (word.text == "1"), 0, 1)
    assert not is_sure([word], image)
