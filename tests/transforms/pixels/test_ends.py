"""A line ends where its ink ends, and takes nothing else with it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from transforms.pixels.ends import MOST, SOFT, completed

TOP, BOTTOM = 80, 100


def written(ink: int = 220, paper: int = 30) -> np.ndarray:
    """A line from column 60 on."""
    return cv2.putText(np.full((200, 400), paper, np.uint8), "SANTOS MARIA", (60, 98), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 2, cv2.LINE_8)


def ends(image: np.ndarray, paper: int = 30) -> tuple[int, int]:
    columns = np.flatnonzero((image[TOP:BOTTOM] != paper).any(axis=0))
    return int(columns[0]), int(columns[-1]) + 1


@pytest.mark.parametrize(("ink", "paper"), [(220, 30), (30, 220), (60, 45)])
def test_the_letters_that_a_box_leaves_out_are_taken(ink, paper):
    image = written(ink, paper)
    first, last = ends(image, paper)
    left, top, right, bottom = completed(image, (first + 15, TOP, last - 15, BOTTOM))
    assert first - SOFT <= left <= first
    assert last <= right <= last + SOFT
    assert (top, bottom) == (TOP, BOTTOM)


def test_a_line_on_end_is_completed_too():
    image = written()
    first, last = ends(image)
    turned = np.ascontiguousarray(image.T)
    left, top, right, bottom = completed(image, (first + 15, TOP, last - 15, BOTTOM))
    assert completed(turned, (TOP, first + 15, BOTTOM, last - 15)) == (top, left, bottom, right)


def test_ink_that_one_colour_shows_is_followed():
    image = np.full((200, 400, 3), 30, np.uint8)
    image[..., 2] = written()
    first, last = ends(image[..., 2])
    assert last <= completed(image, (first, TOP, last - 15, BOTTOM))[2] <= last + SOFT


def test_a_box_that_holds_its_line_stays_as_it_is():
    image = written()
    first, last = ends(image)
    box = first - 4, TOP, last + 4, BOTTOM
    assert completed(image, box) == box


def test_a_bar_or_other_paper_beside_a_line_is_not_taken():
    image = written()
    first, last = ends(image)
    box = first - 4, TOP, last + 4, BOTTOM
    image[:, last + 8 : last + 30] = 220
    assert completed(image, box) == box
    image[:, last + 8 :] = 90
    image[85:95, last + 12 : last + 20] = 220
    assert completed(image, box) == box


def test_grain_around_the_even_paper_of_a_line_is_not_taken():
    image = written()
    first, last = ends(image)
    box = first - 4, TOP, last + 4, BOTTOM
    grain = np.random.default_rng(1).integers(0, 256, image.shape, np.uint8)
    image[:, last + 6 :] = grain[:, last + 6 :]
    assert completed(image, box)[2] <= last + 10


def test_a_line_on_grain_is_completed():
    image = np.maximum(written(), np.random.default_rng(1).integers(0, 90, (200, 400), np.uint8))
    first, last = ends(written())
    assert last <= completed(image, (first, TOP, last - 15, BOTTOM))[2] <= last + SOFT


def test_what_goes_on_is_followed_so_far_and_no_further():
    image = written()
    first, last = ends(image)
    image[88:92, last:] = 220  # a curve that runs through the line
    right = completed(image, (first, TOP, last, BOTTOM))[2]
    assert last < right <= last + MOST * (BOTTOM - TOP) + SOFT


@pytest.mark.parametrize("box", [(60, 80, 120, 100), (60, 80, 200, 84), (20, 60, 300, 100)])
def test_short_thin_and_thick_boxes_stay(box):
    assert completed(written(), box) == box


@given(
    hnp.arrays(np.uint8, (40, 60), elements=st.sampled_from([0, 20, 200, 255])), st.integers(0, 34), st.integers(0, 20), st.integers(1, 6)
)
def test_a_completed_box_holds_the_box_and_lies_in_the_image(image, left, top, thick):
    box = left, top, min(60, left + 26), top + thick
    done = completed(image, box)
    assert 0 <= done[0] <= box[0]
    assert box[2] <= done[2] <= 60
    assert (done[1], done[3]) == (box[1], box[3])
