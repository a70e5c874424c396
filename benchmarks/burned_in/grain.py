"""Grain that fills a picture: low counts, amplifiers, speckle, static. Letters of sixteen pixels are read on the strongest of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Random = np.random.Generator


def grained(random: Random, picture: Picture) -> Picture:
    """The picture under grain, or nothing but grain. (rows, columns, 3), a copy."""
    apart = 3 if random.integers(5) == 0 else 1
    size = 1.0 if random.integers(3) else random.uniform(1, 2.2)
    kind = int(random.integers(5))
    if kind == 0:
        return _even(random, picture.shape[:2], apart, size)
    under = picture.astype(np.float32) * random.uniform(0.3, 1)
    if kind == 1:
        under = np.full(picture.shape, float(random.uniform(20, 235)), np.float32)
    if kind == 2:
        return _rounded(under * _coarse(random.rayleigh(0.8, _small(picture.shape[:2], size, apart)), picture.shape[:2]))
    if kind == 3:
        flecks = _coarse(random.random(_small(picture.shape[:2], size, apart)), picture.shape[:2])
        share = random.uniform(0.02, 0.3)
        return _rounded(np.where(flecks < share / 2, 0, np.where(flecks > 1 - share / 2, 255, under)))
    return _rounded(under + _coarse(random.normal(0, random.uniform(25, 75), _small(picture.shape[:2], size, apart)), picture.shape[:2]))


def _even(random: Random, shape: tuple[int, int], apart: int, size: float) -> Picture:
    """Every level of a range as often as every other."""
    low, high = sorted(random.uniform(0, 256, 2)) if random.integers(2) else (0.0, 256.0)
    return _rounded(_coarse(random.uniform(low, high, _small(shape, size, apart)), shape))


def _small(shape: tuple[int, int], size: float, apart: int) -> tuple[int, int, int]:
    return max(2, round(shape[0] / size)), max(2, round(shape[1] / size)), apart


def _coarse(noise: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(rows, columns, 1 or 3) of the shape, each grain of the noise as large as it makes it."""
    large = cv2.resize(noise.astype(np.float32), shape[::-1], interpolation=cv2.INTER_NEAREST)
    return large.reshape(*shape, -1)


def _rounded(picture: NDArray[np.floating]) -> Picture:
    return np.ascontiguousarray(np.broadcast_to(np.rint(picture.clip(0, 255)), (*picture.shape[:2], 3)).astype(np.uint8))
