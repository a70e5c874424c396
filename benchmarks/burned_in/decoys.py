"""More things that look like text and are none, for training alone, beside those of `backgrounds`, which are drawn for judging too."""

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


def _lattice(random: Random, picture: Picture) -> Picture:
    """Spots, crosses or squares in rows and columns: holes of a plate, pixels of a test object, a board."""
    rows, columns = picture.shape[:2]
    step, size = random.uniform(3, 40, 2), random.uniform(0.8, 12)
    at, colour = random.uniform((0, 0), (columns, rows)), _colour(random).tolist()
    kind, turn = int(random.integers(3)), random.uniform(-0.2, 0.2) * int(random.integers(2))
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    for row in range(int(random.integers(1, 8))):
        for column in range(int(random.integers(2, 16))):
            x, y = (int(place) for place in at + row * step[0] * across + column * step[1] * along)
            if kind == 0:
                cv2.circle(picture, (x, y), max(1, int(size / 2)), colour, int(random.choice((-1, -1, 1))))
            elif kind == 1:
                cv2.drawMarker(picture, (x, y), colour, int(random.choice((cv2.MARKER_CROSS, cv2.MARKER_TILTED_CROSS))), int(size) + 2, 1)
            else:
                cv2.rectangle(picture, (x, y), (x + int(size), y + int(size)), colour, -1)
    return picture


def _ticks(random: Random, picture: Picture) -> Picture:
    """Scales of every kind: even, in groups, logarithmic, with a base line, in a box."""
    turned = bool(random.integers(2))
    canvas = np.ascontiguousarray(np.rot90(picture)) if turned else picture
    height, width = canvas.shape[:2]
    left, base, length = random.uniform(0, width), random.uniform(0, height), random.uniform(3, 30)
    step, growth, group = random.uniform(3, 24), random.choice((1.0, 1.0, 1.0, 1.04, 0.95)), int(random.integers(2, 11))
    colour, thickness, centred = _colour(random).tolist(), int(random.integers(1, 4)), bool(random.integers(2))
    count, x = int(random.integers(4, 50)), left
    for number in range(count):
        long = length if number % group == 0 else length * random.choice((0.5, 0.5, 1.0, 0.7))
        start = base - long / 2 if centred else base - long
        cv2.line(canvas, (int(x), int(start)), (int(x), int(start + long)), colour, thickness)
        x, step = x + step, max(2.0, step * growth)
    if random.integers(2):
        cv2.line(canvas, (int(left), int(base)), (int(x), int(base)), colour, thickness)
    return np.ascontiguousarray(np.rot90(canvas, -1)) if turned else canvas


def _static(random: Random, picture: Picture) -> Picture:
    """A patch or a strip of noise of one grain, in many or few levels."""
    rows, columns = picture.shape[:2]
    height, width = (max(6, int(random.uniform(0.04, 0.9) * side)) for side in (rows, columns))
    top, left = int(random.integers(rows - height + 1)), int(random.integers(columns - width + 1))
    grain = random.uniform(1, 5, 2)
    small = random.gamma(random.uniform(0.4, 4), 40, [max(2, int(side / one)) for side, one in zip((height, width), grain, strict=True)])
    method = int(random.choice((cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
    noise = cv2.resize(small.astype(np.float32), (width, height), interpolation=method).clip(0, 255)
    if random.integers(3) == 0:
        levels = random.uniform(60, 200)
        noise = (noise // levels) * levels
    picture[top : top + height, left : left + width] = noise[..., None].clip(0, 255).astype(np.uint8)
    return picture


def _waves(random: Random, picture: Picture) -> Picture:
    """Curves over time, a lead above the other: pulses, breath, pressure, in any thickness, over a part of the width or all of it."""
    rows, columns = picture.shape[:2]
    left, right = np.sort(random.uniform(-0.3, 1.3, 2)).clip(0, 1) * columns if random.integers(2) else (0.0, float(columns))
    if right - left < 8:
        return picture
    x = np.arange(int(left), int(right))
    period, width, height = random.uniform(12, 160), random.uniform(1, 9), random.uniform(3, 60)
    phase = (x * random.uniform(0.98, 1.02) + random.uniform(0, period)) % period
    pulse = np.exp(-((phase - period / 3) ** 2) / (2 * width**2)) * random.choice((1, 1, -1))
    pulse -= random.uniform(0, 0.6) * np.exp(-((phase - period / 3 - 2.5 * width) ** 2) / (2 * width**2))
    pulse += random.uniform(0, 0.4) * np.sin(2 * np.pi * phase / period) + random.normal(0, random.uniform(0, 0.04), x.shape)
    colour, thickness, lead = _colour(random).tolist(), int(random.integers(1, 5)), random.uniform(0, rows)
    for _ in range(int(random.choice((1, 1, 1, 2, 3)))):
        cv2.polylines(picture, [np.stack([x, lead - height * pulse], 1).astype(np.int32)], False, colour, thickness, cv2.LINE_AA)
        lead += height * random.uniform(1, 2.5)
    return picture


def _spectra(random: Random, picture: Picture) -> Picture:
    """Doppler over a band: beats that fall, rise or swell, above the base line, below it or both, in many or few levels."""
    rows, columns = picture.shape[:2]
    height, width = max(6, int(random.uniform(0.08, 0.45) * rows)), max(12, int(random.uniform(0.2, 1) * columns))
    top, left = int(random.integers(rows - height + 1)), int(random.integers(columns - width + 1))
    beat = (np.arange(width) + random.uniform(0, 200)) % random.uniform(16, 200)
    fall, swell = np.exp(-beat / random.uniform(6, 80)), np.abs(np.sin(beat / random.uniform(4, 40)))
    envelope = (fall, 1 - fall, swell, fall * swell)[int(random.integers(4))] * random.uniform(0.4, 1)
    base = random.choice((0.0, 0.0, 0.3, 0.5))
    away = (1 - base) - np.arange(height)[:, None] / height
    inside = np.where(away >= 0, away < envelope * (1 - base), -away < envelope[::-1] * base)
    noise = random.gamma(random.uniform(0.8, 4), random.uniform(20, 90), (height, width))
    if random.integers(3) == 0:
        levels = random.uniform(50, 200)
        noise = (noise // levels) * levels
    band = (inside * noise).clip(0, 255).astype(np.uint8)[..., None]
    part = picture[top : top + height, left : left + width]
    picture[top : top + height, left : left + width] = np.maximum(part, band) if random.integers(4) == 0 else band
    return picture


def _colour(random: Random) -> NDArray[np.int64]:
    return random.integers(0, 256, 3) if random.integers(3) == 0 else np.repeat(random.integers(0, 256), 3)


DECOYS: tuple[Callable[[Random, Picture], Picture], ...] = (
    _hatch,
    _curves,
    _curves,
    _beads,
    _bars,
    _symbols,
    _steps,
    _lattice,
    _lattice,
    _ticks,
    _ticks,
    _static,
    _waves,
    _waves,
    _spectra,
    _spectra,
)
