"""What the line detector is trained on: patches of seeded frames, and maps of where their lines are.

PYTHONPATH=. python -m benchmarks.burned_in.patches OUT.npz [--frames N] [--first SEED]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.burned_in.frames import SEEDS, Frame, frame
from benchmarks.burned_in.scores import HIDDEN, within
from benchmarks.burned_in.variations import varied
from transforms.pixels.detector import CELL, LARGEST_SMALL, Found, LineDetector

SIDE = 192
THINNEST, THICKEST = 5.0, 48.0
"""Lines thinner or thicker than this, after scaling, belong to another scale: they count neither way."""
CORE = 0.25
"""Share of a line's thickness that its core leaves at each edge, so that close lines stay two."""
MARGIN = 1.0
"""Pixels around the ink that belong to a line."""
LEAST_TEXT = 0.05
"""Share of text in a box from which it is no mistake."""
MISTAKEN = 0.25
"""Chance from which a mistake of the shipped detector is worth learning from."""

Random = np.random.Generator
Patch = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(SIDE, SIDE, 3), and (SIDE / CELL, SIDE / CELL, 3): region, core and whether the cell counts."""


def patches(made: Frame, random: Random, count: int) -> Iterator[Patch]:
    """Patches with some line of the frame, or of anywhere, in some size."""
    for _ in range(count):
        if made.texts and random.integers(10) < 8:
            text = made.texts[int(random.integers(len(made.texts)))]
            centre = random.uniform(text.left, text.right), random.uniform(text.top, text.bottom)
        else:
            centre = random.uniform(0, made.taken.shape[1]), random.uniform(0, made.taken.shape[0])
        yield _patch(made, _scale(made, random), centre, random)


def mistakes(made: Frame, found: Sequence[Found], random: Random, count: int) -> Iterator[Patch]:
    """Patches of what a detector takes for text and is none: what the next one learns most from."""
    wrong = [box for box in found if made.taken[box.top : box.bottom, box.left : box.right].mean() < LEAST_TEXT]
    for box in sorted(wrong, key=lambda box: -box.chance)[:count]:
        thickness = min(box.right - box.left, box.bottom - box.top)
        scale = min(2.0, float(random.uniform(2 * THINNEST, 0.8 * THICKEST)) / thickness) if random.integers(2) else _scale(made, random)
        yield _patch(made, scale, ((box.left + box.right) / 2, (box.top + box.bottom) / 2), random)


def missed(made: Frame, found: Sequence[Found], random: Random, count: int) -> Iterator[Patch]:
    """Patches of strings that a detector leaves at least in part, about any point of them, most of them as large as they are."""
    boxes = within(found, made.taken.shape)
    left = [text for text in made.texts if boxes[text.top : text.bottom, text.left : text.right][text.ink].mean() < HIDDEN]
    for place in random.permutation(len(left))[:count]:
        text, scale = left[int(place)], _scale(made, random)
        if not THINNEST <= scale * min(text.right - text.left, text.bottom - text.top) <= THICKEST:
            scale = 1.0
        yield _patch(made, scale, (random.uniform(text.left, text.right), random.uniform(text.top, text.bottom)), random)


def _scale(made: Frame, random: Random) -> float:
    scale = float(random.choice((1, 1, 1, 1, 1 / 3, 1 / 3, 2, random.uniform(0.15, 1.7))))
    return 1.0 if scale == 2 and max(made.taken.shape) > LARGEST_SMALL else scale


def _patch(made: Frame, scale: float, centre: tuple[float, float], random: Random) -> Patch:
    """With the point of the frame somewhere in it."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = made.picture if scale == 1 else cv2.resize(made.picture, None, fx=scale, fy=scale, interpolation=method)
    maps = _maps(made, scale, picture.shape[:2])
    rows, columns = picture.shape[:2]
    x, y = (int(place * scale - random.uniform(0.1, 0.9) * SIDE) for place in centre)
    x, y = max(0, min(x, columns - SIDE)), max(0, min(y, rows - SIDE))
    patch, target = _cut(picture, x, y), _cut(maps, x, y)
    return patch, cv2.resize(target, (SIDE // CELL,) * 2, interpolation=cv2.INTER_AREA)


def _maps(made: Frame, scale: float, shape: tuple[int, int]) -> NDArray[np.uint8]:
    maps = np.zeros((*shape, 3), np.uint8)
    maps[..., 2] = 255
    for text in made.texts:
        thickness = min(text.right - text.left, text.bottom - text.top) * scale
        box = np.array([text.left - MARGIN, text.top - MARGIN, text.right + MARGIN, text.bottom + MARGIN]) * scale
        left, top, right, bottom = (round(float(value)) for value in box.clip(0))
        if not THINNEST <= thickness <= THICKEST:
            maps[top:bottom, left:right, 2] = 0
            continue
        maps[top:bottom, left:right, 0] = 255
        inset = round(CORE * thickness)
        maps[top + inset : bottom - inset, left + inset : right - inset, 1] = 255
    return maps


def _cut(picture: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    cut = picture[y : y + SIDE, x : x + SIDE]
    return np.pad(cut, ((0, SIDE - cut.shape[0]), (0, SIDE - cut.shape[1]), (0, 0)))


def main() -> None:
    """Make the patches of a range of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    random, shipped = np.random.default_rng(options.first), LineDetector(MISTAKEN, MISTAKEN)
    pictures, targets = [], []
    for number in range(options.first, options.first + options.frames):
        made = frame(SEEDS["train"] + number, "train", with_text=number % 2 != 0)
        made.picture = varied(made.picture, random)
        found = shipped.find(made.picture)
        drawn = [*patches(made, random, min(3, 1 + len(made.texts))), *mistakes(made, found, random, 4), *missed(made, found, random, 8)]
        pictures += [patch for patch, _ in drawn]
        targets += [target for _, target in drawn]
    np.savez(options.out, pictures=np.stack(pictures), targets=np.stack(targets))
    print(f"{len(pictures)} patches")


if __name__ == "__main__":
    main()
