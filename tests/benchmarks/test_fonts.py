"""Strings of the benchmark are drawn in fonts that have their letters."""

import numpy as np
import pytest
from PIL import ImageFont

from benchmarks.burned_in.fonts import Font, drawn, has_letters
from benchmarks.burned_in.frames import _Style


@pytest.fixture(scope="module")
def latin(tmp_path_factory):
    """A font that has Latin letters and no others: Pillow's own."""
    path = tmp_path_factory.mktemp("font") / "own.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    return Font("own", str(path), 0, ())


def test_a_font_has_the_letters_that_it_does_not_draw_as_an_empty_box(latin):
    assert has_letters(latin, "DOE JOHN 1952-03-01")
    assert not has_letters(latin, "DOE 서연")
    np.testing.assert_array_equal(drawn("서", latin, 20), drawn("연", latin, 20))  # the box


def test_spaces_and_marks_over_letters_are_no_letters(latin):
    assert has_letters(latin, "E\u0301 \u2003J")


def test_a_string_that_its_font_lacks_is_not_drawn(latin):
    style = _Style("hangul", latin, 20, False, 0, False, False, None, 1.0)
    random = np.random.default_rng(1)
    strings = [style.drawing(random).string for _ in range(100)]
    assert all(has_letters(latin, string) for string in strings)
    assert len(set(strings)) > 20
