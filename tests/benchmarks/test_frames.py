"""Which frames the instance of a seed has."""

import numpy as np
import pytest

from benchmarks.burned_in.fonts import fonts
from benchmarks.burned_in.frames import MOST_FRAMES, ONE_OF, cine, frame

MANY = [seed for seed in range(60) if np.random.default_rng([seed, 2]).integers(ONE_OF) == 0]


@pytest.fixture
def with_fonts():
    """Skips where the benchmark's fonts are not installed."""
    try:
        fonts()
    except (RuntimeError, FileNotFoundError):
        pytest.skip("the fonts of the benchmark are not installed")


def test_an_instance_of_more_frames_ends_with_the_frame_of_its_seed():
    for seed in MANY[:5]:
        frames = cine(seed, "test", with_text=False)
        assert 2 <= len(frames) <= MOST_FRAMES
        assert len({one.taken.shape for one in frames}) == 1
        assert all(one.is_grey for one in frames) or not frames[-1].is_grey
        assert len({one.picture.tobytes() for one in frames}) == len(frames)
        np.testing.assert_array_equal(frames[-1].picture, frame(seed, "test", with_text=False).picture)


def test_one_instance_of_six_has_more_frames():
    assert [seed for seed in range(12) if len(cine(seed, "test", with_text=False)) > 1] == [seed for seed in MANY if seed < 12]
    assert 5 <= len(MANY) <= 16


@pytest.mark.usefixtures("with_fonts")
def test_frames_before_the_last_have_text_in_some_instances():
    made = [cine(seed, "test") for seed in MANY[:7]]
    assert {any(one.texts for one in frames[:-1]) for frames in made} == {True, False}
    assert all(frames[-1].texts for frames in made)
