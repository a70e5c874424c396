import itertools

import numpy as np

from transforms.pixels.regions import Region
from transforms.pixels.search import Line, RememberingSearch


class Counting:
    """An engine whose every answer is another."""

    def __init__(self):
        self._numbers = itertools.count()

    def lines(self, *_images, regions=()):  # noqa: ARG002
        return [Line(0, 0, 1, 1, str(next(self._numbers)))]

    def forget(self):
        pass


def test_an_image_seen_before_gets_its_answer_again_and_another_a_fresh_one():
    search = RememberingSearch(Counting())
    grey, other = np.zeros((2, 6), np.uint8), np.zeros((6, 2), np.uint8)
    answers = [search.lines(image)[0].text for image in (grey, other, grey.copy(), np.zeros((2, 2, 3), np.uint8), grey + 1, other)]
    assert answers == ["0", "1", "0", "2", "3", "1"]


def test_the_same_image_with_other_regions_is_another_question():
    search, image = RememberingSearch(Counting()), np.zeros((2, 6), np.uint8)
    asked = [(), (Region(0, 0, 1, 1),), (Region(0, 0, 1, 2),), ()]
    assert [search.lines(image, regions=regions)[0].text for regions in asked] == ["0", "1", "2", "0"]


def test_an_image_of_another_instance_gets_a_fresh_answer():
    search, image = RememberingSearch(Counting()), np.zeros((2, 6), np.uint8)
    answers = [search.lines(image)[0].text]
    search.forget()
    assert [*answers, search.lines(image)[0].text] == ["0", "1"]


def test_only_the_last_answers_are_kept():
    search = RememberingSearch(Counting())
    images = [np.full((1, 1), value, np.uint8) for value in range(65)]
    first = [search.lines(image)[0].text for image in images]
    assert search.lines(images[64])[0].text == first[64]
    assert search.lines(images[0])[0].text == "65"
