"""A line is read once where it stands, though its box moves a little, and again as soon as its ink is another."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.pixels.detector import CELL, Found
from transforms.pixels.reading import Reader, Reading
from transforms.pixels.recall import GRAIN, Recall
from transforms.pixels.search import Line
from transforms.pixels.strengths import LineSearch
from transforms.pixels.tesseract import page_reader

BOX = Line(20, 10, 120, 40)
SAID = Reading("KOWALSKI", 0.9)


def frame(text: str = "KOWALSKI", ink: int = 200) -> np.ndarray:
    return cv2.putText(np.full((60, 160), 50, np.uint8), text, (24, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)


def recall(image: np.ndarray, box: Line = BOX) -> Recall:
    known = Recall()
    known.keep(image, box, SAID)
    return known


jitter = st.integers(-CELL, CELL)


@settings(deadline=None)
@given(jitter, jitter, jitter, jitter, st.integers(0, 2**32 - 1))
def test_a_box_may_move_by_a_cell_and_grain_may_change(left, top, right, bottom, seed):
    grain = np.random.default_rng(seed).integers(-GRAIN, GRAIN + 1, (60, 160)).astype(np.int16)
    image = np.asarray(frame() + grain, np.uint8)
    assert recall(frame()).find(image, Line(20 + left, 10 + top, 120 + right, 40 + bottom)) == SAID


@settings(deadline=None)
@given(jitter, jitter, st.integers(20, 119), st.integers(10, 39), st.sampled_from((GRAIN + 1, -GRAIN - 1)))
def test_one_pixel_that_differs_by_more_is_another_ink(left, right, x, y, step):
    image = frame()
    image[y, x] = int(image[y, x]) + step
    assert recall(frame()).find(image, Line(20 + left, 10, 120 + right, 40)) is None


@pytest.mark.parametrize("text", ["KOWALSKl", "KOWA1SKI", "KOWALSKI.", "K0WALSKI", ""])
@pytest.mark.parametrize("ink", [200, 60])
def test_another_letter_is_another_ink_however_faint(text, ink):
    assert recall(frame(ink=ink)).find(frame(text, ink), BOX) is None
    assert recall(frame(ink=ink)).find(frame(ink=ink), BOX) == SAID


def test_small_changes_do_not_add_up():
    known, image = recall(frame()), frame()
    answers = [known.find(image + np.uint8(step), BOX) for step in range(8)]
    assert answers == [SAID] * (GRAIN + 1) + [None] * (7 - GRAIN)


@pytest.mark.parametrize("box", [Line(20 + CELL + 1, 10, 120, 40), Line(20, 10, 120, 40 - CELL - 1), Line(120, 10, 159, 40)])
def test_another_place_or_size_is_another_line(box):
    assert recall(frame()).find(frame(), box) is None
    assert recall(frame()).find(np.zeros((60, 161), np.uint8), BOX) is None
    assert recall(frame()).find(np.dstack([frame()] * 3), BOX) is None


def test_a_box_at_the_edge_is_recalled():
    corner = Line(0, 0, 160, 60)
    assert recall(frame(), corner).find(frame(), corner) == SAID


class Moving:
    """A detector whose box moves from frame to frame."""

    def __init__(self):
        self._step = 0

    def find(self, _image, _regions=()):
        self._step += 1
        return [Found(15 + self._step, 15 - self._step % 3, 110, 45 + self._step % 2, 0.99)]


class Counting:
    """A real engine, and how many pages it was shown."""

    def __init__(self):
        self._engine, self.pages = page_reader(["eng"]), 0

    def tsv(self, page):
        self.pages += 1
        return self._engine.tsv(page)


def test_a_line_whose_box_moves_is_read_once_and_another_name_at_its_place_again():
    engine = Counting()
    search = LineSearch([Moving()], Reader(engine))
    said = [search.lines(frame(text))[0].text for text in ("KOWALSKI", "KOWALSKI", "KOWALSKI", "NOWAK", "NOWAK")]
    assert said == ["KOWALSKI"] * 3 + ["NOWAK"] * 2
    assert engine.pages == 2
