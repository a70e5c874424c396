"""Places in doubt are where a map shows something and no line was found, and some cells around."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.pixels.doubt import GROWN, places


def region(*spots: tuple[int, int, float], shape=(60, 80)) -> np.ndarray:
    made = np.zeros(shape, np.float32)
    for x, y, chance in spots:
        made[y, x] = chance
    return made


def test_a_cell_in_doubt_is_a_place_with_what_stands_around_it():
    assert places(region((40, 30, 0.2)), 0.1, []) == [(40 - GROWN, 30 - GROWN, 41 + GROWN, 31 + GROWN)]


def test_a_place_ends_where_the_image_ends():
    assert places(region((0, 59, 0.2)), 0.1, []) == [(0, 59 - GROWN, 1 + GROWN, 60)]


@pytest.mark.parametrize(("chance", "count"), [(0.09, 0), (0.11, 1)])
def test_less_than_the_least_is_no_doubt(chance, count):
    assert len(places(region((40, 30, chance)), 0.1, [])) == count


def test_what_lies_in_a_line_is_in_no_doubt_and_what_sticks_out_of_it_is():
    made = region((40, 30, 0.9), (41, 30, 0.9), (42, 30, 0.9))
    assert places(made, 0.1, [(40, 30, 43, 31)]) == []
    assert places(made, 0.1, [(40, 30, 42, 31)]) == [(42 - GROWN, 30 - GROWN, 43 + GROWN, 31 + GROWN)]


def test_close_doubts_are_one_place_and_far_ones_two():
    assert len(places(region((20, 30, 0.2), (20 + 2 * GROWN, 30, 0.2)), 0.1, [])) == 1
    assert len(places(region((20, 30, 0.2), (22 + 2 * GROWN, 30, 0.2)), 0.1, [])) == 2


@given(
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 59)), max_size=8),
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 59)), max_size=3),
)
def test_each_cell_in_doubt_lies_in_a_place_and_each_place_in_the_map(spots, corners):
    lines = [(x, y, x + 9, y + 4) for x, y in corners]
    found = places(region(*((x, y, 0.5) for x, y in spots)), 0.1, lines)
    for x, y in spots:
        known = any(left <= x < right and top <= y < bottom for left, top, right, bottom in lines)
        assert known or any(left <= x < right and top <= y < bottom for left, top, right, bottom in found)
    assert all(0 <= left < right <= 80 and 0 <= top < bottom <= 60 for left, top, right, bottom in found)
