"""More things that look like text and are none, for training alone: a detector is judged on decoys of which it met only some."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Random = np.random.Generator


def _hatch(random: Random, picture: Picture) -> Picture:
    """Parallel strokes in a patch, as of a grid that scatters less, a wall, a sleeve."""
    rows, columns = picture.shape[:2]
    height, width = (max(6, int(random.uniform(0.05, 0.5) * side)) for side in (rows, columns))
    top, left = int(random.integers(rows - height + 1)), int(random.integers(columns - width + 1))
    angle, period = random.uniform(0, np.pi), random.uniform(3, 24)
    y, x = np.mgrid[:height, :width]
    strokes = (x * np.cos(angle) + y * np.sin(angle)) % period < period * random.uniform(0.2, 0.7)
    part = picture[top : top + height, left : left + width]
    part[strokes] = part[strokes] // 2 + _colour(random) // 2
    return picture


def _curves(random: Random, picture: Picture) -> Picture:
    """Vessels, wires, hair: crooked strokes, some of them short."""
    rows, columns = picture.shape[:2]
    colour = _colour(random).tolist()
    for _ in range(int(random.integers(1, 20))):
        at = random.uniform((0, 0), (columns, rows))
        steps = random.normal(0, random.uniform(2, 14), (int(random.integers(3, 14)), 2)).cumsum(axis=0)
        cv2.polylines(picture, [np.int32(at + steps)], False, colour, int(random.integers(1, 5)), cv2.LINE_AA)
    return picture


def _beads(random: Random, picture: Picture) -> Picture:
    """Spots in a row, on a curve or strewn: seeds, pores, clips, nodes of a lattice."""
    rows, columns = picture.shape[:2]
    count, size = int(random.integers(3, 40)), float(random.uniform(1, 9))
    at, step = random.uniform((0, 0), (columns, rows)), random.normal(0, 1, 2)
    step *= random.uniform(1.5, 5) * size / float(np.hypot(*step))
    spread = size * random.uniform(0, 1.5)
    for number in range(count):
        x, y = at + step * number + random.normal(0, spread, 2)
        shape = (round(max(1.0, size * random.uniform(0.5, 1.2))), round(max(1.0, size * random.uniform(0.5, 1.2))))
        cv2.ellipse(picture, (int(x), int(y)), shape, random.uniform(0, 180), 0, 360, _colour(random).tolist(), -1, cv2.LINE_AA)
    return picture


def _bars(random: Random, picture: Picture) -> Picture:
    """A histogram, a bar of colours, a train of pulses."""
    rows, columns = picture.shape[:2]
    width, height = int(random.uniform(1, 12)), int(random.uniform(6, 70))
    left, base = int(random.uniform(0, columns)), int(random.uniform(height, rows + height))
    colour = _colour(random)
    for number in range(int(random.integers(4, 50))):
        x = left + number * (width + int(random.integers(3)))
        top = base - int(height * random.uniform(0.2, 1))
        cv2.rectangle(picture, (x, top), (x + width - 1, base), (colour if random.integers(8) else _colour(random)).tolist(), -1)
    return picture


def _symbols(random: Random, picture: Picture) -> Picture:
    """Icons and marks of a screen: triangles, rings, stars, arrows, alone or few."""
    rows, columns = picture.shape[:2]
    size = random.uniform(4, 40)
    for _ in range(int(random.integers(1, 5))):
        centre = random.uniform((0, 0), (columns, rows))
        corners = int(random.integers(3, 9))
        angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + random.uniform(0, 6)
        reach = size * (1 if random.integers(2) else random.uniform(0.3, 1, corners))
        points = np.int32(centre + (np.stack([np.cos(angles), np.sin(angles)]) * reach).T)
        if random.integers(2):
            cv2.fillPoly(picture, [points], _colour(random).tolist(), cv2.LINE_AA)
        else:
            cv2.polylines(picture, [points], True, _colour(random).tolist(), int(random.integers(1, 4)), cv2.LINE_AA)
    return picture


def _steps(random: Random, picture: Picture) -> Picture:
    """Hard edges: collimators, folds, the border of a prosthesis, blocks of a picture coded too often."""
    rows, columns = picture.shape[:2]
    kind = int(random.integers(3))
    if kind == 0:
        picture[:, int(random.integers(columns)) :] //= 2
    elif kind == 1:
        centre = [int(value) for value in random.uniform((0, 0), (columns, rows))]
        reach = [int(max(8, value)) for value in random.uniform(0.02, 0.4, 2) * min(rows, columns)]
        cv2.ellipse(picture, centre, reach, random.uniform(0, 180), 0, 360, _colour(random).tolist(), int(random.choice((-1, 2, 6))))
    else:
        block = int(random.integers(4, 17))
        small = cv2.resize(picture, (max(2, columns // block), max(2, rows // block)), interpolation=cv2.INTER_AREA)
        part = slice(int(random.integers(rows)), None), slice(int(random.integers(columns)), None)
        picture[part] = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_NEAREST)[part]
    return picture


def _colour(random: Random) -> NDArray[np.int64]:
    return random.integers(0, 256, 3) if random.integers(3) == 0 else np.repeat(random.integers(0, 256), 3)


DECOYS: tuple[Callable[[Random, Picture], Picture], ...] = (_hatch, _curves, _curves, _beads, _bars, _symbols, _steps)
