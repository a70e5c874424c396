"""The three strengths on drawn and on real images: what is found, what is read, what stays."""

import re
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.errors import ConfigError, PreflightError
from transforms.model.records import PixelSearch
from transforms.pixels import learned
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.detector import Found
from transforms.pixels.frames import locate
from transforms.pixels.reading import Reader
from transforms.pixels.render import renderings
from transforms.pixels.search import RememberingSearch
from transforms.pixels.strengths import LineSearch, check_search, text_search

ROOT = Path(__file__).parents[3]
ALL = [PixelSearch.FAST, PixelSearch.DEFAULT, PixelSearch.STRICT]


@pytest.fixture(scope="module")
def searches() -> dict:
    return {strength: RememberingSearch(text_search(strength, ["eng"])) for strength in ALL}


def written(text: str, shape=(300, 400), at=(30, 120), scale=0.8, ink=255, paper=0) -> np.ndarray:
    image = np.full(shape, paper, np.uint8)
    return cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 2, cv2.LINE_AA)


def covered(lines, ink: np.ndarray) -> float:
    """Share of the ink that the boxes hide."""
    boxes = np.zeros(ink.shape[:2], bool)
    for line in lines:
        boxes[line.top : line.bottom, line.left : line.right] = True
    return float(boxes[ink].mean())


@pytest.mark.parametrize("strength", ALL)
@pytest.mark.parametrize(("ink", "paper"), [(255, 0), (0, 255), (160, 60)])
def test_a_line_is_found_where_it_stands(searches, strength, ink, paper):
    image = written("DOE JOHN 1967", ink=ink, paper=paper)
    (line,) = searches[strength].lines(image)
    rows, columns = np.nonzero(np.abs(image.astype(int) - paper) > 50)
    assert covered([line], np.abs(image.astype(int) - paper) > 50) == 1
    assert (line.left, line.top) >= (columns.min() - 16, rows.min() - 16)
    assert (line.right, line.bottom) <= (columns.max() + 17, rows.max() + 17)
    if strength is PixelSearch.FAST:
        assert (line.text, line.confidence) == ("", None)
    else:
        assert line.text == "DOE JOHN 1967"
        assert line.confidence > 0.8


@pytest.mark.parametrize("strength", ALL)
def test_letters_of_ninety_pixels_are_hidden(searches, strength):
    image = cv2.putText(np.zeros((480, 640), np.uint8), "KOWALSKI", (30, 300), cv2.FONT_HERSHEY_SIMPLEX, 3.6, 255, 8, cv2.LINE_AA)
    assert covered(searches[strength].lines(image), image > 100) == 1


@pytest.mark.parametrize("strength", ALL)
def test_large_letters_of_a_real_image_are_hidden(searches, strength, real_file):
    images = real(real_file, "GDCMJ2K_TextGBR.dcm")
    paper = images[0][0, 0].astype(int)
    ink = (np.abs(images[0] - paper) > 100).any(axis=2)
    assert covered(searches[strength].lines(*images), ink) > 0.98


@pytest.mark.parametrize("turns", [1, 3])
def test_a_line_on_end_is_found_and_read(searches, turns):
    image = np.ascontiguousarray(np.rot90(written("KOWALSKI 1967"), turns))
    lines = searches[PixelSearch.DEFAULT].lines(image)
    assert covered(lines, image > 100) == 1
    assert [line.text for line in lines] == ["KOWALSKI 1967"]


@pytest.mark.parametrize(("ink", "paper"), [((255, 255, 0), (0, 0, 40)), ((0, 0, 255), (0, 0, 0)), ((200, 0, 0), (255, 255, 255))])
def test_saturated_letters_are_seen(searches, ink, paper):
    image = written("SMITH ANNA", (300, 400, 3), ink=ink, paper=0)
    image[~image.any(axis=2)] = paper
    assert [line.text for line in searches[PixelSearch.DEFAULT].lines(image)] == ["SMITH ANNA"]


def test_lines_of_two_renderings_come_once_and_from_top_to_bottom(searches):
    one, other = written("KOWALSKI", at=(30, 200)), written("HOSPITAL", at=(30, 60))
    both = np.maximum(one, other)
    assert [line.text for line in searches[PixelSearch.DEFAULT].lines(one, both, other)] == ["HOSPITAL", "KOWALSKI"]


@pytest.mark.parametrize("strength", ALL)
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
def test_there_is_no_text_in_nothing_in_a_rule_or_in_a_thumbnail(searches, strength, image):
    assert searches[strength].lines(image) == []


@pytest.mark.parametrize("strength", ALL)
def test_boxes_stay_within_the_image(searches, strength):
    lines = searches[strength].lines(written("EDGE CASE", at=(-2, 21))[:28, :160].copy())
    assert lines
    assert all(0 <= line.left < line.right <= 160 and 0 <= line.top < line.bottom <= 28 for line in lines)


class Fixed:
    """A detector that sees the same everywhere."""

    def __init__(self, *boxes):
        self._boxes = boxes

    def find(self, _image, _regions=()):
        return [Found(*box, 0.9) for box in self._boxes]


def boxes(*seen) -> list[tuple[int, ...]]:
    search = LineSearch([Fixed(*seen)], None)
    return [(line.left, line.top, line.right, line.bottom) for line in search.lines(np.zeros((200, 200), np.uint8))]


def test_pieces_of_a_line_become_one():
    assert boxes((10, 10, 60, 30), (50, 12, 90, 31)) == [(10, 10, 90, 31)]


def test_what_lies_within_another_says_nothing_new():
    assert boxes((10, 10, 60, 60), (20, 20, 40, 30)) == [(10, 10, 60, 60)]


def test_close_lines_stay_two():
    assert boxes((0, 18, 50, 30), (0, 0, 50, 20)) == [(0, 0, 50, 20), (0, 18, 50, 30)]


def test_a_box_that_grew_reaches_what_it_did_not_before():
    assert boxes((0, 0, 10, 10), (30, 0, 50, 10), (8, 0, 32, 10)) == [(0, 0, 50, 10)]


def test_a_line_that_nobody_can_read_is_a_line():
    class Silent:
        def tsv(self, _page):
            return ""

    search = LineSearch([Fixed((10, 10, 90, 30))], Reader(Silent()))
    (line,) = search.lines(np.zeros((200, 200), np.uint8))
    assert (line.left, line.right, line.text, line.confidence) == (10, 90, "", None)


def real(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    return tuple(renderings(decode(locate(dataset, description).frame(0), description), dataset, 0))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("US1_J2KR.dcm", ["BAPTIST MED CTR", "CINE 0118", "LYMPH NODE"]),
        ("examples_rgb_color.dcm", ["LYMPH"]),  # letters 6 pixels high
        ("examples_palette.dcm", ["Philips Healthcare", "Cist Mag"]),
    ],
)
def test_annotations_of_real_images_are_read(searches, real_file, name, texts):
    read = " ".join(line.text for line in searches[PixelSearch.DEFAULT].lines(*real(real_file, name)))
    assert [text for text in texts if text not in read] == []


@pytest.mark.parametrize("strength", ALL)
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "SC_rgb.dcm", "JPEG2000_UNC.dcm"])
def test_anatomy_without_text_gives_no_line(searches, strength, real_file, name):
    assert searches[strength].lines(*real(real_file, name)) == []


@pytest.mark.parametrize("strength", ALL)
@pytest.mark.parametrize("place", [(95, 10, 119, 22), (96, 37, 264, 50), (328, 37, 510, 50), (670, 10, 774, 22), (670, 37, 779, 49)])
def test_white_letters_on_a_banner_are_found(searches, strength, real_file, place):
    left, top, right, bottom = place
    images = real(real_file, "OBXXXX1A.dcm")
    text = np.zeros(images[0].shape[:2], bool)
    text[top:bottom, left:right] = True
    assert covered(searches[strength].lines(*images), text) == 1


@pytest.mark.parametrize(("strength", "share"), [(PixelSearch.FAST, 0.05), (PixelSearch.DEFAULT, 0.05), (PixelSearch.STRICT, 0.2)])
def test_little_of_an_ultrasound_goes_that_is_no_text(searches, strength, share, real_file):
    images = real(real_file, "US1_UNCI.dcm")
    anatomy = np.zeros(images[0].shape[:2], bool)
    anatomy[110:335, 45:595] = True  # neither header, nor scales, nor annotation
    assert covered(searches[strength].lines(*images), anatomy) < share


def test_the_second_detector_finds_the_line_of_a_banner():
    image = written("KOWALSKI JAN", shape=(28, 400), at=(30, 21), scale=0.7)
    assert covered(learned.LearnedDetector().find(image), image > 127) > 0.95


def test_strict_needs_the_weights_of_its_second_detector(monkeypatch, tmp_path):
    check_search(PixelSearch.STRICT, ["eng"])
    monkeypatch.setattr(learned, "FOLDER", tmp_path)
    with pytest.raises(PreflightError, match=r"pip install --no-deps --target .* rapidocr=="):
        check_search(PixelSearch.STRICT, ["eng"])
    check_search(PixelSearch.DEFAULT, ["eng"])


def test_fast_needs_no_tesseract(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    check_search(PixelSearch.FAST, ["tlh"])
    assert text_search(PixelSearch.FAST).lines(written("DOE JOHN"))


def test_a_pack_that_is_not_installed_is_refused():
    with pytest.raises(ConfigError, match="--ocr_languages"):
        check_search(PixelSearch.DEFAULT, ["tlh"])


@pytest.mark.parametrize("script", ["scripts/setup.sh", "templates/Dockerfile"])
def test_the_weights_are_installed_in_the_version_that_is_named(script):
    assert re.findall(r"rapidocr==[\d.]+", (ROOT / script).read_text()) == [learned.WHEEL]


@pytest.mark.parametrize("gap", [4, 13, 19])
def test_a_line_says_what_any_rendering_shows_of_it(searches, gap):
    full = written("RIGHT", at=(30, 100))
    (width, _), _ = cv2.getTextSize("RIGHT", cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2)
    window = np.maximum(full, written("KOWALSKI", at=(30 + width + gap, 100)))
    (line,) = searches[PixelSearch.DEFAULT].lines(full, window)
    assert "KOWALSKI" in line.text or not line.sure
