"""What the benchmark says that an output keeps of its source."""

import dataclasses

import cv2
import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

from benchmarks.burned_in.coding import code
from benchmarks.burned_in.frames import Frame
from benchmarks.burned_in.instances import _empty, _rgb, _store, saved
from benchmarks.burned_in.outputs import judged, samples, through
from transforms.model.plan import ALL_TEXT
from transforms.model.records import BoxFinding, LossyStep, PixelResult, PixelSearch
from transforms.pixels.redactor import Redactor, redactor_of
from transforms.pixels.search import Line

BOX = BoxFinding(1, 8, 8, 200, 44)
OUTSIDE = (30, 230)


def stored(syntax: uid.UID, coloured: bool = False):
    """Two frames, the second with a name."""
    plain = np.random.default_rng(1).integers(60, 70, (64, 256, 1)).astype(np.uint8).repeat(3, axis=2)
    written = cv2.putText(plain.copy(), "DOE JOHN", (14, 36), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    made = [Frame("US", one, [], np.zeros(plain.shape[:2], bool)) for one in (plain, written)]
    dataset = _empty(made)
    if coloured:
        put = _rgb(dataset, made, np.random.default_rng(1))
    else:
        dataset.PhotometricInterpretation, put = "MONOCHROME2", np.stack([one.picture[..., 0] for one in made])
        _store(dataset, put, 8)
    code(dataset, put, syntax, np.random.default_rng(2))
    return saved(dataset)


def result(source, frames: np.ndarray, **more) -> PixelResult:
    """As if the pixel stage had made these samples of a native instance."""
    assert source.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    return PixelResult(boxes=(BOX,), pixel_data=frames.tobytes(), **more)


@pytest.fixture
def source():
    return stored(uid.ExplicitVRLittleEndian)


@pytest.fixture
def hidden(source):
    """The samples with the box in black."""
    frames = samples(source).copy()
    frames[1, 8:44, 8:200] = 60
    return frames


def test_what_a_box_of_one_colour_covers_is_gone_and_no_more(source, hidden):
    output = judged(source, result(source, hidden))
    assert (output.end, output.broken) == ("published", 0)
    assert not output.gone[0].any()
    assert output.gone[1][8:44, 8:200].all()
    assert output.gone[1].sum() == 36 * 192


def test_what_only_differs_in_a_box_still_shows(source):
    frames = samples(source).copy()
    frames[1] ^= 1
    output = judged(source, result(source, frames))
    assert output.gone[1][samples(source)[1] == 255].sum() == 0


def test_a_box_that_was_told_and_not_drawn_hides_nothing(source):
    assert not judged(source, PixelResult(boxes=(BOX,))).gone[1][samples(source)[1] > 200].any()


@pytest.mark.parametrize("frame", [0, 1])
def test_a_pixel_that_changes_outside_of_boxes_is_told(source, hidden, frame):
    hidden[frame, *OUTSIDE] ^= 1
    assert judged(source, result(source, hidden)).broken == 1


def test_loss_that_is_claimed_where_a_syntax_has_none_excuses_nothing(source, hidden):
    hidden[1, *OUTSIDE] ^= 1
    assert judged(source, result(source, hidden, lossy=LossyStep("ISO_10918_1", 2.0))).broken == 1


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000])
def test_with_loss_a_frame_without_a_box_stays_as_it_is(syntax):
    source = stored(syntax)
    other = stored(syntax)
    pixels = PixelResult(boxes=(dataclasses.replace(BOX, frame=0),), pixel_data=other.PixelData, lossy=LossyStep("ISO_10918_1", 2.0))
    assert judged(source, pixels).broken == 0
    assert judged(source, dataclasses.replace(pixels, pixel_data=swapped(source))).broken > 0


def swapped(dataset):
    """Its two coded frames, the other way round."""
    return encapsulate([*generate_frames(dataset.PixelData, number_of_frames=2)][::-1])


@pytest.mark.parametrize(
    ("syntax", "coloured"),
    [
        (uid.ExplicitVRBigEndian, False),
        (uid.RLELossless, True),
        (uid.JPEGLosslessSV1, True),
        (uid.JPEGLSNearLossless, False),
        (uid.HTJ2KLossless, True),
        (uid.JPEGExtended12Bit, False),
        (uid.JPEGBaseline8Bit, True),
        (uid.JPEG2000, True),
    ],
)
def test_the_redactor_hides_a_name_in_the_last_frame(syntax, coloured):
    source = stored(syntax, coloured)
    output = through(redactor_of(ALL_TEXT, PixelSearch.FAST), source, "00" * 8)
    assert (output.end, output.broken) == ("published", 0)
    assert {box.frame for box in output.boxes} == {1}
    ink = cv2.putText(np.zeros((64, 256), np.uint8), "DOE JOHN", (14, 36), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2) > 127
    assert output.gone[1][ink].all()
    assert output.cpu > 0


class Told:
    """A search that finds what it was told to, a line at each look, whatever is there."""

    def __init__(self, *lines: Line):
        self._lines = [*lines]

    def lines(self, *_images, **_regions):
        return [self._lines.pop()] if self._lines else []

    def forget(self):
        pass


def test_what_is_held_or_fails_is_no_output(source):
    lines = [Line(8 + 20 * number, 8, 20 + 20 * number, 20) for number in range(3)]
    assert through(Redactor(ALL_TEXT, Told(*lines)), source, "00" * 8).end == "held"
    source.BitsAllocated = 12
    assert through(Redactor(ALL_TEXT, Told()), source, "00" * 8).end == "failed BAD_PIXEL_DESCRIPTION"
