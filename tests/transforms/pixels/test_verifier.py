"""Every box is seen at one size, upright, to its ends; letters are told from what is none."""

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings
from transforms.pixels.verifier import HEIGHT, THICKNESS, WIDTH, LineVerifier, percentiles, windows

INSIDE = 3
"""The channel that says which pixels belong to the box."""


@pytest.fixture(scope="module")
def verifier() -> LineVerifier:
    return LineVerifier()


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (300, 400), np.uint8)


@pytest.mark.parametrize("thickness", [5, 9, 20, 47, 90])
def test_a_box_is_as_thick_as_any_other_and_in_the_middle(noise, thickness):
    (window,) = windows(noise, (150, 100, 150 + 3 * thickness, 100 + thickness))
    assert window.shape == (HEIGHT, WIDTH, 4)
    rows, columns = np.nonzero(window[..., INSIDE])
    assert (rows.min(), rows.max() + 1) == ((HEIGHT - THICKNESS) // 2, (HEIGHT + THICKNESS) // 2)
    assert abs(columns.min() + columns.max() + 1 - WIDTH) <= 1
    assert abs(columns.max() + 1 - columns.min() - 3 * THICKNESS) <= 1


def test_what_stands_around_is_seen_at_its_place():
    image = np.zeros((200, 200), np.uint8)
    image[100:120, 60:80] = 255
    (window,) = windows(image, (80, 100, 120, 120))
    bright, inside = window[..., 0] > 127, window[..., INSIDE] > 0
    assert bright.any()
    assert not (bright & inside).any()
    assert np.nonzero(bright)[1].max() + 1 == np.nonzero(inside)[1].min()


def test_a_box_on_end_is_turned(noise):
    upright = windows(noise, (100, 100, 160, 120))
    turned = windows(np.ascontiguousarray(np.rot90(noise, -1)), (300 - 120, 100, 300 - 100, 160))
    np.testing.assert_array_equal(turned, upright)


def test_windows_of_a_long_box_leave_nothing_out():
    image = np.full((60, 2000), 60, np.uint8)
    image[20:40, 100:110], image[20:40, 1890:1900] = 255, 255
    cuts = windows(image, (100, 20, 1900, 40))
    assert [bool((cut[..., 0] > 127).any()) for cut in cuts] == [True, *(False,) * (len(cuts) - 2), True]
    assert len(cuts) * WIDTH > 1800


def test_the_edge_of_the_image_goes_on_beyond_it():
    image = np.zeros((30, 60), np.uint8)
    image[:, :30] = 200
    (window,) = windows(image, (0, 0, 60, 20))
    assert (window[:, 0, 0] == 255).all()
    assert (window[:, -1, 0] == 0).all()


def test_faint_letters_are_stretched_and_fainter_noise_is_not():
    faint, flat = np.full((40, 200), 100, np.uint8), np.full((40, 200), 100, np.uint8)
    faint[10:30:4], flat[10:30:4] = 112, 101
    wide = [int(np.ptp(windows(image, (50, 10, 150, 30))[..., 0])) for image in (faint, flat)]
    assert wide[0] == 255
    assert wide[1] < 64


def test_colours_are_seen_as_they_are():
    image = np.zeros((40, 200, 3), np.uint8)
    image[10:30, 60:100, 2] = 255
    (window,) = windows(image, (50, 10, 150, 30))
    assert [int(window[..., channel].max()) for channel in range(3)] == [0, 0, 255]


@pytest.mark.parametrize("size", [7, 12, 30, 80])
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_letters_are_told_from_bars(verifier, size, turns):
    image = np.zeros((600, 1000), np.uint8)
    (width, height), _ = cv2.getTextSize("KOWALSKI", cv2.FONT_HERSHEY_SIMPLEX, size / 21, max(1, size // 10))
    cv2.putText(image, "KOWALSKI", (100, 200 + height), cv2.FONT_HERSHEY_SIMPLEX, size / 21, 255, max(1, size // 10), cv2.LINE_AA)
    image[20:100, ::size] = 200
    places = [(100, 200, 100 + width, 200 + height), (200, 40, 200 + width, 40 + height)]
    turned = [
        {0: box, 1: (box[1], 1000 - box[2], box[3], 1000 - box[0]), 3: (600 - box[3], box[0], 600 - box[1], box[2])}[turns]
        for box in places
    ]
    letters, bars = verifier.chances(np.ascontiguousarray(np.rot90(image, turns)), turned)
    assert letters > 0.9
    assert bars < 0.5


@pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm", "US1_UNCI.dcm"])
def test_a_flat_box_over_anatomy_is_no_text(verifier, real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    description = PixelDescription.from_dataset(dataset)
    image = next(renderings(decode(locate(dataset, description).frame(0), description), dataset, 0)).copy()
    rows, columns = image.shape[:2]
    box = columns // 3, rows // 2, 2 * columns // 3, rows // 2 + rows // 20
    image[box[1] : box[3], box[0] : box[2]] = 0
    assert verifier.chances(image, [box])[0] < 0.2


def test_no_boxes_need_no_answer(verifier, noise):
    assert verifier.chances(noise, []).shape == (0,)


def test_an_answer_does_not_depend_on_what_is_asked_with_it(verifier, noise):
    boxes = [(10, 10, 90, 30), (0, 100, 390, 112), (200, 20, 220, 250)]
    alone = [float(verifier.chances(noise, [one])[0]) for one in boxes]
    np.testing.assert_allclose(verifier.chances(noise, boxes), alone, atol=1e-5)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3), elements=st.integers(0, 255)))
def test_percentiles_are_those_of_numpy(part):
    np.testing.assert_allclose(percentiles(part), np.percentile(part, (1, 99)), atol=1e-9)


def test_a_window_and_its_negative_get_the_same_answer(verifier, noise):
    cuts = windows(noise, (20, 30, 120, 50))
    negative = cuts.copy()
    negative[..., :INSIDE] = 255 - negative[..., :INSIDE]
    np.testing.assert_allclose(verifier.of_windows(negative), verifier.of_windows(cuts), rtol=1e-4)
