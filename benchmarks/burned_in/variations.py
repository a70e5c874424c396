"""One picture, many renderings: what training makes of each, so that no range, colour or coder is all it knows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
FEW = 8
"""Levels below which they always span the whole range: of so few that do not, nobody sees anything."""


def varied(picture: Picture, random: np.random.Generator) -> Picture:
    """As faint, dark, coarse and coloured as may be. (rows, columns, 3), a copy or the picture itself."""
    if random.integers(4) == 0:
        picture = cv2.convertScaleAbs(picture, alpha=float(random.uniform(0.15, 1)), beta=float(random.uniform(0, 80)))
    if random.integers(4) == 0:
        picture = 255 - picture
    if random.integers(5) == 0:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 96))])
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    if random.integers(4) == 0:  # few levels: a palette, or a range that a few samples stretch
        levels = int(random.integers(4, 24 if random.integers(2) else 8))
        step = 255 // levels if levels < FEW else int(random.choice((1, 1, 255 // levels)))
        picture = np.rint(picture * (levels / 255)).astype(np.uint8) * np.uint8(step)
    return np.ascontiguousarray(picture[..., random.permutation(3)] if random.integers(3) == 0 else picture)
