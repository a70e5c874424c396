"""The windows from which the verifier learns most."""

import cv2
import numpy as np
import pytest

from benchmarks.burned_in.boxes import hard
from transforms.pixels.verifier import LineVerifier, windows


@pytest.fixture(scope="module")
def line():
    """Windows that hold letters as plain as can be."""
    picture = np.zeros((60, 320, 3), np.uint8)
    cv2.putText(picture, "DOE JOHN 19520301", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    return windows(picture, (6, 16, 260, 46))


@pytest.fixture(scope="module")
def paper():
    """Windows of one grey."""
    return windows(np.full((60, 320, 3), 90, np.uint8), (6, 16, 260, 46))


@pytest.fixture(scope="module")
def none():
    """Windows of a rule, of a grating and of grain, which nobody takes for letters."""
    picture = np.full((60, 320, 3), 30, np.uint8)
    grating = picture.copy()
    picture[29:31], grating[:, ::20] = 255, 255
    grain = np.random.default_rng(1).integers(0, 255, (60, 320, 1), np.uint8).repeat(3, axis=2)
    return np.concatenate([windows(one, (6, 16, 260, 46)) for one in (picture, grating, grain)])


def test_what_the_verifier_is_sure_of_is_not_hard(line, none):
    (text, _), (left, _) = hard([(line, True), (none, False)], LineVerifier())
    assert len(text) == 0
    assert len(left) < len(none)


def test_what_the_verifier_mistakes_is_hard(line, paper):
    made = [(line, False), (paper, True), (line[:0], True)]
    assert [(len(cuts), text) for cuts, text in hard(made, LineVerifier())] == [(len(line), False), (len(paper), True)]


def test_without_a_verifier_nothing_is_left_out(line, paper):
    assert [len(cuts) for cuts, _ in hard([(line, True), (paper, False)], None)] == [len(line), len(paper)]
