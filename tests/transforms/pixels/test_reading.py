"""Each ink is read once; what could not be read is tried again."""

import cv2
import numpy as np
import pytest

from transforms.pixels.detector import LineDetector
from transforms.pixels.reading import Reader
from transforms.pixels.strengths import LineSearch
from transforms.pixels.strips import upright
from transforms.pixels.tesseract import PageReader, page_reader


def strip(text: str) -> np.ndarray:
    image = cv2.putText(np.zeros((40, 300), np.uint8), text, (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    (made,) = upright(image, 0, 0, 300, 40)
    return made


@pytest.fixture(scope="module")
def engine() -> PageReader:
    return page_reader(["eng"])


class Once:
    """An engine that has nothing to say twice."""

    def __init__(self, engine):
        self._engine, self._seen = engine, []

    def tsv(self, page):
        assert not any(np.array_equal(page, other) for other in self._seen)
        self._seen.append(page)
        return self._engine.tsv(page)


def test_ink_that_was_read_is_not_read_again(engine):
    reader = Reader(Once(engine))
    assert reader.read([strip("SMITH ANNA")]) == reader.read([strip("SMITH ANNA")])


class Counting:
    """A real engine, and how many lines it was shown."""

    def __init__(self, engine):
        self._engine, self.pages = engine, 0

    def tsv(self, page):
        self.pages += 1
        return self._engine.tsv(page)


def test_a_banner_that_stands_in_every_frame_is_read_once(engine):
    counting = Counting(engine)
    search = LineSearch([LineDetector(0.3, 0.9)], Reader(counting))
    noise = np.random.default_rng(3)
    for number in range(4):
        frame = cv2.GaussianBlur(noise.integers(0, 120, (256, 320)).astype(np.uint8), (0, 0), 6)
        frame[:60] = 0
        cv2.putText(frame, "KOWALSKI JAN", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
        assert "KOWALSKI" in " ".join(line.text for line in search.lines(frame))
        assert counting.pages == 1, number
