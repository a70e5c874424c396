"""Maps become boxes, tiles become one map, and what is too small or too flat is not looked at."""

import cv2
import numpy as np
import pytest

from transforms.pixels.detector import (
    CELL,
    OVERLAP,
    THICKEST,
    THICKEST_SURE,
    TILE,
    Found,
    LineDetector,
    _is_large,
    _tiles,
    _trimmed,
    _within,
    boxes_of,
    together,
)
from transforms.pixels.regions import Region


def maps(*lines: tuple[int, int, int, int], shape=(40, 60)) -> np.ndarray:
    """Regions with cores that leave a cell at each edge."""
    made = np.zeros((2, *shape), np.float32)
    for left, top, right, bottom in lines:
        made[0, top:bottom, left:right] = 0.9
        made[1, top + 1 : bottom - 1, left + 1 : right - 1] = 0.8
    return made


def places(made: np.ndarray) -> set[tuple[int, ...]]:
    return {box[:4] for box in boxes_of(made, 0.3)}


def test_lines_that_touch_are_parted_by_their_cores():
    assert places(maps((5, 5, 40, 9), (5, 9, 30, 13))) == {(5, 5, 40, 9), (5, 9, 30, 13)}


def test_a_region_without_a_core_is_a_line_all_the_same():
    made = maps((5, 5, 40, 9))
    made[0, 30, 10:20] = 0.4
    assert places(made) == {(5, 5, 40, 9), (10, 30, 20, 31)}


def test_a_region_belongs_to_no_core_of_another_region():
    made = maps((5, 5, 20, 9))
    made[0, 5:9, 22:24] = 0.5
    assert places(made) == {(5, 5, 20, 9), (22, 5, 24, 9)}


def test_the_chance_of_a_line_is_its_highest():
    made = maps((5, 5, 20, 9))
    made[0, 6, 6] = 0.95
    assert [round(box.chance, 2) for box in boxes_of(made, 0.3)] == [0.95]


def test_nothing_is_in_an_empty_map():
    assert places(np.zeros((2, 10, 10), np.float32)) == set()


@pytest.mark.parametrize("side", [24, TILE, TILE + 1, TILE + OVERLAP, 3 * TILE, 8192])
def test_tiles_cover_a_side_and_each_pixel_belongs_to_one(side):
    tiles = [*_tiles(side)]
    inner = [start for _, _, start in tiles] + [side]
    assert inner[0] == 0
    assert inner == sorted(inner)
    for (start, end, own), following in zip(tiles, inner[1:], strict=True):
        assert start <= own < following <= end
        assert own % CELL == 0
        assert own == 0 or own - start >= OVERLAP // 2


@pytest.mark.parametrize("image", [np.full((512, 700), 93, np.uint8), np.zeros((20, 20), np.uint8), np.full((600, 600, 3), 255, np.uint8)])
def test_what_is_flat_or_too_small_holds_no_line(image):
    assert LineDetector(0.3, 0.3).find(image) == []


def test_boxes_lie_within_the_image():
    noise = np.random.default_rng(3).integers(0, 255, (201, 307), np.uint8)
    found = LineDetector(0.05, 0.05).find(noise)
    assert found
    assert all(isinstance(box, Found) and 0 <= box.left < box.right <= 307 and 0 <= box.top < box.bottom <= 201 for box in found)


def test_outside_the_regions_less_is_enough_and_inside_nothing_changes():
    noise = np.random.default_rng(5).normal(60, 4, (80, 320))
    ink = cv2.putText(np.zeros((80, 320), np.uint8), "KOWALSKI JAN", (40, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 12, 1, cv2.LINE_AA)
    image = np.clip(noise + ink, 0, 255).astype(np.uint8)
    line = max(LineDetector(0.3, 0.3, 0.0).find(image), key=lambda box: box.chance)
    surer = line.chance + 0.001
    assert LineDetector(0.3, 0.3, surer, line.chance).find(image) == []
    assert LineDetector(0.3, 0.3, surer, line.chance).find(image, (Region(0, 0, 319, 79),)) == []
    assert line in LineDetector(0.3, 0.3, surer, line.chance).find(image, (Region(0, line.bottom - 2, 319, 79),))
    assert LineDetector(0.3, 0.3, surer).find(image, (Region(0, line.bottom - 2, 319, 79),)) == []


@pytest.mark.parametrize(("one", "other", "both"), [(0.5, 0.5, 0.5), (0.9, 0.9, 0.9), (0.8, 0.2, 0.5), (0.9, 0.5, 0.75)])
def test_two_networks_agree_halfway_in_odds(one, other, both):
    assert together(one, other) == pytest.approx(both)
    assert together(other, one) == pytest.approx(both)


def test_no_network_alone_decides():
    assert 0.9 < together(1.0, 0.1) < 1
    assert 0 < together(0.0, 0.9) < 0.1
    assert together(1.0, 0.0) == pytest.approx(0.5)


@pytest.mark.parametrize("shape", [(100, 200), (100, 200, 3)])
def test_a_box_keeps_no_flat_edge(shape):
    image = np.full(shape, 50, np.uint8)
    image[40:50, 30:90] = 200
    image[45, 20] = 54  # grain
    assert _trimmed(image, Found(10, 30, 120, 60, 0.9)) == (28, 38, 92, 52, 0.9)
    assert _trimmed(image, Found(35, 42, 80, 48, 0.9)) == (35, 42, 80, 48, 0.9)
    assert _trimmed(image, Found(100, 60, 150, 90, 0.9)) == (100, 60, 150, 90, 0.9)


def test_what_is_half_as_thick_as_the_image_must_be_letters_for_sure():
    detector = LineDetector(0.3, 0.3, 0.5)
    letters = cv2.putText(np.zeros((64, 96), np.uint8), "DOE", (4, 47), cv2.FONT_HERSHEY_SIMPLEX, 30 / 21, 255, 3, cv2.LINE_AA)
    (line,) = detector.find(letters)
    assert line.bottom - line.top > THICKEST * 64
    sure = line._replace(chance=THICKEST_SURE)
    assert detector._bar(sure, (), 0.5, 64, 96) == THICKEST_SURE
    assert detector._bar(sure, (), 0.5, 640, 960) == 0.5


LARGE = Found(20, 20, 320, 80, 0.99)


@pytest.mark.parametrize(
    ("box", "finer", "large"),
    [
        (LARGE, [], True),
        (LARGE, [Found(20, 20, 50, 45, 0.95), Found(60, 50, 90, 80, 0.95), Found(200, 20, 260, 80, 0.95)], True),  # pieces of its letters
        (LARGE, [Found(20, 20, 300, 45, 0.95)], False),  # lines that stand on each other
        (LARGE, [Found(400, 20, 700, 45, 0.95)], True),  # a line elsewhere
        (LARGE._replace(chance=0.95), [], False),
        (LARGE._replace(bottom=200), [], False),
    ],
)
def test_only_large_letters_are_taken_from_an_image_made_smaller(box, finer, large):
    assert _is_large(box, finer, 480) is large


def large_letters(size: float) -> tuple[np.ndarray, np.ndarray]:
    """A date on soft noise, and its ink."""
    random = np.random.default_rng(1)
    soft = cv2.resize(random.normal(90, 30, (8, 12)), (720, 480), interpolation=cv2.INTER_CUBIC) + random.normal(0, 6, (480, 720))
    image, ink = np.clip(soft, 0, 255).astype(np.uint8), np.zeros((480, 720), np.uint8)
    for picture in (image, ink):
        cv2.putText(picture, "25.05.1953", (20, 200), cv2.FONT_HERSHEY_SIMPLEX, size, 255, round(2 * size), cv2.LINE_AA)
    return image, ink > 127


@pytest.mark.parametrize("size", [1.7, 2.2])
def test_a_line_that_the_image_shows_is_not_taken_again_by_the_coarse_box_of_a_smaller_one(size):
    image, ink = large_letters(size)
    (line,) = LineDetector(0.25, 0.35, 0.7).find(image)
    assert ink[line.top : line.bottom, line.left : line.right].sum() == ink.sum()


def test_letters_that_only_a_smaller_image_shows_are_found_and_their_box_is_no_thicker_than_it_must_be():
    image, ink = large_letters(3.4)
    (line,) = LineDetector(0.25, 0.35, 0.7).find(image)
    assert ink[line.top : line.bottom, line.left : line.right].sum() == ink.sum()
    assert line.bottom - line.top < 1.7 * np.ptp(np.nonzero(ink)[0])


@pytest.mark.parametrize(
    ("cells", "scale", "inner"),
    [
        ((2, 1, 12, 4), 1 / 3, (30, 18, 138, 42)),
        ((2, 1, 12, 2), 1 / 3, (30, 18, 138, 19)),  # a cell thick
        ((0, 12, 20, 13), 1 / 9, (18, 449, 702, 450)),  # at the lower edge, which its cell reaches beyond
    ],
)
def test_the_inner_part_of_a_coarse_box_lies_in_the_image_and_is_never_empty(cells, scale, inner):
    assert _within(Found(*cells, 0.9), scale, 450, 720)[:4] == inner


def test_faint_letters_of_seven_pixels_in_a_large_frame_are_found_by_looking_closer():
    image, ink = np.random.default_rng(0).normal(20, 8, (768, 1024)), np.zeros((768, 1024), np.uint8)
    for row, contrast in enumerate((25, 30, 35, 40, 45)):
        for column, size in enumerate((0.3, 0.35, 0.4)):
            mask = np.zeros_like(ink)
            cv2.putText(
                mask, "SANTOS Maria 4711", (60 + 320 * column, 100 + 130 * row), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA
            )
            image += mask / 255 * contrast
            ink |= mask
    frame = np.clip(image, 0, 255).astype(np.uint8)
    hidden = {}
    for doubt in (None, 0.03):
        boxes = np.zeros(frame.shape, bool)
        for line in LineDetector(0.25, 0.35, 0.7, doubt=doubt).find(frame):
            boxes[line.top : line.bottom, line.left : line.right] = True
        hidden[doubt] = boxes[ink > 100].mean()
        assert boxes[cv2.dilate(ink, np.ones((41, 81))) == 0].mean() < 0.002  # a line as faint as its grain may reach on into it
    assert hidden[0.03] > hidden[None] + 0.05, hidden


def test_letters_on_static_are_found_and_static_alone_is_nothing():
    hidden, ground = [], np.random.default_rng(5).integers(0, 256, (6, 256, 384), np.uint8)
    for number, empty in enumerate(ground):
        frame, ink = empty.copy(), np.zeros(empty.shape, np.uint8)
        cv2.putText(ink, "KOWALSKI 4711", (20, 60 + 25 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
        frame[ink > 127] = 255 * (number % 2)
        boxes = np.zeros(frame.shape, bool)
        for line in LineDetector(0.25, 0.35, 0.85, doubt=0.01).find(frame):
            boxes[line.top : line.bottom, line.left : line.right] = True
        hidden.append(boxes[ink > 127].mean())
        assert not LineDetector(0.25, 0.35, 0.85, doubt=0.01).find(empty)
    assert min(hidden) > 0.98, hidden


def test_with_negatives_dark_letters_and_light_ones_are_the_same():
    image = np.random.default_rng(1).normal(90, 20, (160, 320)).clip(0, 255).astype(np.uint8)
    cv2.putText(image, "KOWALSKI 4711", (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 230, 2, cv2.LINE_AA)
    detector = LineDetector(0.25, 0.35, 0.85, doubt=0.01, negatives=True)
    found, in_negative = detector.find(image), detector.find(255 - image)
    assert found
    assert [box[:4] for box in found] == [box[:4] for box in in_negative]
    alone = LineDetector(0.25, 0.35, 0.85, doubt=0.01)
    assert [box.chance for box in alone.find(image)] != [box.chance for box in alone.find(255 - image)]
