"""Which renderings of a frame there are, and that each is what its curve says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.model.errors import InstanceProblem
from transforms.pixels.contrast import MOST, SHOWN, renderings
from transforms.pixels.display import clipped

RAMP = np.arange(4096, dtype="u2").reshape(64, 64)


def count(*windows: tuple[float, float], samples: np.ndarray = RAMP, **more) -> int:
    return len([*renderings(samples, [clipped(*window) for window in windows], **more)])


def test_windows_that_show_what_another_shows_are_not_rendered_again():
    assert count((0, 4095)) == count((-9000, 9000)) == count((200, 3900)) == 1
    assert count((0, 1000), (10, 1010), (-5, 1000)) == 2
    assert count((0, 1000), (2000, 3000), (0, 300)) == 4
    assert count((5000, 6000)) == 1  # it shows nothing


@settings(deadline=None)
@given(st.integers(0, 4095), st.integers(1, 4095))
def test_what_a_window_left_out_shows_another_shows_nearly_as_well(low, width):
    first, *more = renderings(RAMP, [clipped(low, low + width)])
    window = np.clip((np.clip(RAMP.ravel() / 1.0, low, low + width) - low) / max(1, min(width, 4095 - low)), 0, 1) * 255
    gap = 400
    lost = SHOWN * (window[gap:] - window[:-gap]) - (first.ravel()[gap:].astype(float) - first.ravel()[:-gap])
    assert more or lost.max() <= 16


def test_a_table_of_few_levels_that_rises_like_the_samples_is_not_rendered_again():
    assert len([*renderings(RAMP, [lambda values: values // 64])]) == 1
    assert len([*renderings(RAMP, [lambda values: np.sin(values / 300)])]) == 2


@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "f4", "f8"])
def test_each_type_of_sample_shows_the_same(kind):
    shifted = (RAMP.astype("i4") * 7 - (9000 if kind not in {"u2", "u4"} else 0)).astype(kind)
    low = float(shifted.min())
    full, window, *_ = renderings(shifted, [clipped(low + 700, low + 7700)])
    assert np.array_equal(full, np.rint(RAMP / 4095.0 * 255))
    assert np.array_equal(window, np.rint(np.clip((RAMP * 7.0 - 700) / 7000, 0, 1) * 255))


def test_the_middle_is_shown_only_where_the_full_range_leaves_it_few_levels():
    flat = np.full((64, 64), 100, "u2")
    flat[10:30] = np.arange(20)[:, None] + 100
    assert count(samples=flat) == 1  # each value has a level of its own
    flat[0, 0] = 500
    assert count(samples=flat) == 2
    assert count((100, 120), samples=flat) == 2  # the window shows it
    assert count(samples=RAMP * 15) == 1


def test_padding_has_no_part_in_the_middle():
    samples = np.random.default_rng(1).integers(1000, 1100, (64, 64)).astype("i2")
    samples[:20] = np.random.default_rng(2).integers(-32000, -20000, (20, 64))
    _, middle = renderings(samples, padding=(-32768, -20000))
    assert middle[20:].max() - middle[20:].min() > 80
    _, end = renderings(samples)
    assert end[20:].max() - end[20:].min() < 60


def test_the_ends_of_a_deep_range_are_shown_where_much_is_there_that_no_window_shows():
    deep = RAMP.astype("u4") * 15
    deep[:20] = np.arange(64) % 2 * 200
    full, low = renderings(deep)
    assert (full[:20].max(), low[:20].max()) == (1, 53)
    *_, high = renderings(deep.max() - deep)
    assert np.array_equal(high, 255 - low)
    assert count((0, 3000), samples=deep) == 2  # the window shows it
    assert count((0, 30_000), samples=deep) == 3
    assert count(samples=deep // 4) == 1  # there are fewer values in a grey level
    assert count(samples=deep // 250 * 250) == 1  # each value has a level of its own
    deep[1:20] = 30_000
    assert count(samples=deep) == 1  # a sixtieth of the frame


def test_more_unlike_windows_than_a_frame_may_have_fail():
    windows = [(100 * number, 100 * number + 100) for number in range(MOST)]
    assert count(*windows[:-1]) == MOST
    with pytest.raises(InstanceProblem, match="TOO_MANY_WINDOWS"):
        count(*windows)


def test_a_frame_of_no_numbers_or_of_no_range_that_is_one_is_black():
    (image,) = renderings(np.full((4, 4), np.nan, "f4"), [clipped(0, 1)])
    assert not image.any()
    image = next(renderings(np.array([[-1e308, 1e308], [0.0, 1.0]])))
    assert not image.any()
