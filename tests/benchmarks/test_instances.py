"""Frames whose ink is known, as instances of every transfer syntax; none of what is read here was coded or is decoded by what is judged."""

import numpy as np
import pytest
from pydicom import uid

from benchmarks.burned_in import instances
from benchmarks.burned_in.coding import LOSSLESS, LOSSY, NATIVE, code, syntaxes_of
from benchmarks.burned_in.frames import Frame, Text
from benchmarks.burned_in.instances import COLOUR, GREY, instance, saved
from benchmarks.burned_in.outputs import samples
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.regions import is_outside, regions

SHAPE = (40, 62)


def picture(seed: int, coloured: bool) -> np.ndarray:
    """A soft ramp with some grain, so that loss stays small."""
    ramp = np.linspace(20, 220, SHAPE[0] * SHAPE[1]).reshape(*SHAPE, 1) * ((1, 0.8, 0.5) if coloured else (1, 1, 1))
    return (ramp + np.random.default_rng(seed).integers(0, 6, (*SHAPE, 1))).astype(np.uint8)


def frames(count: int, coloured: bool, modality: str = "screen") -> list[Frame]:
    return [Frame(modality, picture(number, coloured), [], np.zeros(SHAPE, bool)) for number in range(count)]


def of_form(form: str, count: int):
    """A native data set of a form, and the samples that went in."""
    made = frames(count, form in COLOUR)
    dataset = instances._empty(made)
    random = np.random.default_rng(1)
    put = (
        instances._COLOUR[form.split(maxsplit=1)[0]](dataset, made, random)
        if form in COLOUR
        else instances._grey(dataset, made, form, random)
    )
    return dataset, put


@pytest.mark.parametrize("form", [*GREY, *sorted({*COLOUR})])
def test_what_a_syntax_stores_is_what_went_in(form):
    for syntax in sorted({*syntaxes_of(of_form(form, 1)[0])}):
        dataset, put = of_form(form, 3)
        code(dataset, put, syntax, np.random.default_rng(2))
        read = saved(dataset)
        assert (read.file_meta.TransferSyntaxUID, read.NumberOfFrames) == (syntax, 3)
        description = PixelDescription.from_dataset(read)
        stored = locate(read, description)
        ours = np.stack([decode(stored.frame(number), description).samples for number in range(3)])
        if syntax not in LOSSY:
            np.testing.assert_array_equal(samples(read), put.astype(samples(read).dtype), err_msg=syntax)
            np.testing.assert_array_equal(ours, put.astype(ours.dtype), err_msg=syntax)
        elif description.photometric != "YBR_FULL_422":  # there the samples are of other colours
            levels = 2.0**description.bits_stored / 256
            assert 0 < abs(samples(read) - put.astype(float)).mean() < 4 * levels, syntax


def test_every_syntax_is_drawn_that_can_be_read():
    offered = {syntax for form in (*GREY, *COLOUR) for syntax in syntaxes_of(of_form(form, 1)[0])}
    assert offered == {*NATIVE, *LOSSLESS, *LOSSY}
    assert len(offered) == 20


def test_the_form_of_a_frame_does_not_hang_on_its_syntax_or_on_frames_before_it():
    drawn = [
        instance(frames(3, coloured=False)[-count:], np.random.default_rng(seed), np.random.default_rng(own))
        for seed in range(20)
        for count, own in ((1, 1), (3, 2))
    ]
    forms = [form for form, _ in drawn]
    assert forms[::2] == forms[1::2]
    assert len({*forms}) > 4
    syntaxes = [dataset.file_meta.TransferSyntaxUID for _, dataset in drawn]
    assert syntaxes[::2] != syntaxes[1::2]


@pytest.mark.parametrize(("left", "top", "least", "most"), [(4, 3, 0.8, 1.0), (24, 18, 0.0, 0.3)], ids=["in a corner", "in the middle"])
def test_an_ultrasound_may_say_where_its_picture_is_and_text_in_a_corner_is_beside_it(left, top, least, most):
    text = Text("DOE JOHN", "latin", True, left, top, left + 14, top + 5, np.ones((5, 14), bool), False, False)
    outside = []
    for seed in range(60):
        made = frames(1, coloured=False, modality="US")
        made[0].texts.append(text)
        known = regions(instance(made, np.random.default_rng(seed), np.random.default_rng(seed))[1])
        assert all(0 <= one.left < one.right < SHAPE[1] and 0 <= one.top < one.bottom < SHAPE[0] for one in known)
        outside += [is_outside(text, known)] if known else []
    assert 15 < len(outside) < 45
    assert least <= np.mean(outside) <= most
    assert not regions(instance(frames(1, coloured=False), np.random.default_rng(0), np.random.default_rng(0))[1])


def test_big_endian_words_are_swapped():
    dataset, put = of_form("MONOCHROME2 12", 1)
    little = dataset.PixelData
    code(dataset, put, uid.ExplicitVRBigEndian, np.random.default_rng(2))
    assert dataset.PixelData[:2] == little[1::-1]
