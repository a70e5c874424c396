"""Strips are dark on white and upright, whatever the line was."""

import cv2
import numpy as np
import pytest

from transforms.pixels.strips import HEIGHT, MOST_ROWS, pages, upright


def written(ink, paper, shape=(40, 200, 3)) -> np.ndarray:
    mask = cv2.putText(np.zeros(shape[:2], np.uint8), "DOE 1967", (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    return np.where(mask[..., None] > 127, np.uint8(ink), np.uint8(paper)).astype(np.uint8)


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((255,) * 3, (0,) * 3), ((0,) * 3, (255,) * 3), ((90,) * 3, (60,) * 3), ((255, 255, 0), (0, 0, 120)), ((200, 0, 0), (255,) * 3)],
)
def test_letters_are_dark_on_white(ink, paper):
    (strip,) = upright(written(ink, paper), 0, 0, 200, 40)
    assert strip.shape[0] == HEIGHT
    assert np.median(strip) > 240
    assert strip.min() == 0
    assert 0.05 < (strip < 64).mean() < 0.4


def test_a_line_on_end_is_laid_down_both_ways():
    image = np.ascontiguousarray(np.rot90(written(255, 0)))
    one, other = upright(image, 0, 0, 40, 200)
    assert one.shape == other.shape == (HEIGHT, 220)
    assert np.array_equal(one, other[::-1, ::-1])


def test_pages_hold_so_many_strips_and_know_their_rows():
    strips = [np.full((HEIGHT, 30 + number), 10, np.uint8) for number in range(MOST_ROWS + 2)]
    first, second = pages(strips)
    assert (len(first.tops), len(second.tops)) == (MOST_ROWS, 2)
    for row, top in enumerate(first.tops):
        assert first.row(top, top + HEIGHT) == row
        assert first.image[top, 40] == 10
        assert first.image[top - 1].min() == 255
