"""Which frames the instance of a seed has."""

import numpy as np
import pytest

from benchmarks.burned_in import frames as module
from benchmarks.burned_in.backgrounds import GRAINED, background
from benchmarks.burned_in.fonts import fonts, stroked
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


def test_some_pictures_lie_under_strong_grain():
    made = [background(np.random.default_rng(seed), (48, 64), "test") for seed in range(240)]
    assert len([modality for modality, _ in made if modality == "grain"]) == pytest.approx(len(made) / GRAINED["test"], abs=10)
    assert all(picture.shape == (48, 64, 3) and picture.dtype == np.uint8 for _, picture in made)
    assert np.median([picture.std(axis=(0, 1)).max() for modality, picture in made if modality == "grain"]) > 40


def test_letters_on_static_keep_their_ground_where_their_strokes_span_its_grain():
    static = np.random.default_rng(1).integers(0, 256, (120, 400, 1), np.uint8).repeat(3, axis=2)
    kept = []
    for size in (8, 24):
        made = module.Frame("grain", static.copy(), [], np.zeros(static.shape[:2], bool))
        style = module._Style("latin", module.FACES[0], size, False, 0, False, False, None, 1.0)
        drawing = module._Drawing("DOE JOHN", "latin", True, stroked("DOE JOHN", module.FACES[0], size, 2), False, False)
        module._place(np.random.default_rng(1), made, drawing, (20, 40), style)
        (text,) = made.texts
        around = np.zeros(made.taken.shape, bool)
        around[text.top : text.bottom, text.left : text.right] = ~text.ink
        kept.append((made.picture == static).all(axis=-1)[around].mean() > 0.5)
    assert kept == [False, True]
