import tempfile

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.errors import InstanceProblem, PreflightError
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.flatten import flattened
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings
from transforms.pixels.search import Line, RememberingSearch
from transforms.pixels.tesseract import Tesseract, _trusted, check_tesseract


@pytest.fixture(scope="module")
def engine() -> RememberingSearch:
    return RememberingSearch(Tesseract())


def written(text: str, shape=(300, 400), at=(30, 120), scale=0.8, ink=255, paper=0) -> np.ndarray:
    image = np.full(shape, paper, np.uint8)
    return cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 2, cv2.LINE_AA)


def covered(lines, ink: np.ndarray) -> float:
    """Share of the ink that the boxes hide."""
    boxes = np.zeros(ink.shape[:2], bool)
    for line in lines:
        boxes[line.top : line.bottom, line.left : line.right] = True
    return float(boxes[ink].mean())


@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (0, 255), (160, 60)])
def test_a_line_is_found_where_it_stands_and_read(engine, ink, paper):
    image = written("DOE JOHN 1967", ink=ink, paper=paper)
    (line,) = engine.lines(image)
    assert line.text == "DOE JOHN 1967"
    assert line.confidence > 0.5
    assert covered([line], image != paper) == 1
    rows, columns = np.nonzero(image != paper)
    assert (line.left, line.top) >= (columns.min() - 8, rows.min() - 8)
    assert line.right <= columns.max() + 9
    assert line.bottom <= rows.max() + 9


@pytest.mark.parametrize(("ink", "paper"), [((255, 255, 0), (0, 0, 40)), ((0, 0, 255), (0, 0, 0)), ((200, 0, 0), (255, 255, 255))])
def test_saturated_letters_keep_their_contrast(engine, ink, paper):
    image = written("SMITH ANNA", (300, 400, 3), ink=ink, paper=0)
    image[~image.any(axis=2)] = paper
    assert [line.text for line in engine.lines(image)] == ["SMITH ANNA"]


def test_two_lines_are_two_from_top_to_bottom(engine):
    image = np.maximum(written("KOWALSKI", at=(30, 200)), written("HOSPITAL", at=(30, 60)))
    assert [line.text for line in engine.lines(image)] == ["HOSPITAL", "KOWALSKI"]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((100, 100), np.uint8),
        np.full((64, 80, 3), 200, np.uint8),
        np.random.default_rng(5).integers(0, 255, (16, 16), np.uint8),
        cv2.line(np.zeros((200, 300), np.uint8), (10, 100), (290, 100), 255, 2),
        cv2.rectangle(np.zeros((200, 300), np.uint8), (0, 0), (299, 199), 255, 3),
    ],
)
def test_there_is_no_text_in_nothing_in_a_rule_or_in_a_thumbnail(engine, image):
    assert engine.lines(image) == []


def test_boxes_stay_within_the_image(engine):
    image = written("EDGE CASE", at=(-2, 21))[:28, :160].copy()
    lines = engine.lines(image)
    assert lines
    assert all(0 <= line.left < line.right <= 160 and 0 <= line.top < line.bottom <= 28 for line in lines)


def real(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    return next(iter(renderings(decode(locate(dataset, description).frame(0), description), dataset, 0)))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("US1_J2KR.dcm", ["BAPTIST MED CTR", "LYMPH NODE", "MSCSKEL"]),
        ("examples_rgb_color.dcm", ["BAPTIST MED CTR", "LYMPH NODE", "MSCSKEL"]),  # letters 6 pixels high
        ("examples_palette.dcm", ["Gen OB", "28Hz"]),
        ("GDCMJ2K_TextGBR.dcm", ["red", "green", "blue"]),  # 57 pixels high
    ],
)
def test_annotations_of_real_images_are_read(engine, real_file, name, texts):
    assert set(texts) <= {line.text for line in engine.lines(real(real_file, name))}


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "SC_rgb.dcm", "liver_1frame.dcm", "JPEG2000_UNC.dcm"])
def test_anatomy_without_text_gives_no_line(engine, real_file, name):
    assert engine.lines(real(real_file, name)) == []


@pytest.mark.parametrize("place", [(95, 10, 119, 22), (96, 37, 264, 50), (328, 37, 510, 50), (670, 10, 774, 22), (670, 37, 779, 49)])
def test_white_letters_on_a_banner_are_found(engine, real_file, place):
    left, top, right, bottom = place
    image = real(real_file, "OBXXXX1A.dcm")
    text = np.zeros(image.shape[:2], bool)
    text[top:bottom, left:right] = True
    assert covered(engine.lines(image), text) == 1


def test_little_of_an_ultrasound_goes_that_is_no_text(engine, real_file):
    image = real(real_file, "US1_UNCI.dcm")
    anatomy = np.zeros(image.shape[:2], bool)
    anatomy[110:335, 45:595] = True  # neither header, nor scales, nor annotation
    assert covered(engine.lines(image), anatomy) < 0.05


@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (255, 98), (30, 235), (98, 180)])
def test_a_flattened_image_is_dark_ink_on_white_whatever_it_was(ink, paper):
    grey = written("Doe, John 1967", paper=paper, ink=ink, scale=0.5)
    flat = flattened(grey, 1)
    assert (flat[grey == ink] < 255 - abs(ink - paper) // 2).mean() > 0.8
    assert (flat[grey == paper] == 255).mean() > 0.98


def test_what_both_readings_have_is_kept_and_doubt_in_one_alone_is_not():
    sure, doubtful, again = Line(0, 0, 50, 10, "DOE", 0.6), Line(0, 50, 50, 60, "ee", 0.4), Line(2, 49, 48, 61, "oe", 0.1)
    assert list(_trusted([sure, doubtful], [])) == [sure]
    assert list(_trusted([sure, doubtful], [again])) == [sure, doubtful]


def test_english_is_the_first_of_the_installed_packs():
    assert check_tesseract()[0] == "eng"
    assert "osd" not in check_tesseract()


def test_a_missing_tesseract_is_named_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="apt-get install tesseract-ocr"):
        check_tesseract()


def test_a_failing_tesseract_fails_the_instance_without_its_words_and_leaves_no_file(engine, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "bin" / "tesseract").write_text("#!/bin/sh\necho DOE JOHN >&2\nexit 3\n")
    (tmp_path / "bin" / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with pytest.raises(InstanceProblem) as caught:
        engine.lines(written("DOE JOHN"))
    assert (caught.value.stage, caught.value.code) == ("pixels", "OCR_FAILED")
    assert "DOE" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_search_leaves_no_file(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert engine.lines(written("DOE JOHN"))
    assert list(tmp_path.iterdir()) == []
