"""Where lines of text are: a small network looks at an image in several sizes, and its maps are cut into boxes (DESIGN 7).

The network (`data/line_detector.onnx`, made by `benchmarks/burned_in`) gives for each cell of 4x4 pixels the chance that it
belongs to a line, and that it belongs to the core of one. It knows lines 5 to 48 pixels thick; larger ones are found in the
image made smaller, tiny ones in small frames made larger. Where it is in doubt, another network of the same form is asked that
learned longer from mistakes (`data/other_line_detector.onnx`): it misses more, and other lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from transforms.pixels.doubt import places
from transforms.pixels.ends import completed
from transforms.pixels.networks import Network, either_way, shipped
from transforms.pixels.regions import Region, is_outside
from transforms.pixels.verifier import LineVerifier

CELL = 4
STRIDE = 16
"""Pixels: sides that the network takes are whole multiples."""
SMALLEST_SIZE = 96
"""Pixels of the longer side of an image made smaller, for letters as large as frames allow."""
SHRINK = 3
"""Factor from one size to the next smaller one; the thicknesses known at each overlap."""
SMALLEST_SIDE = 24
"""Pixels: an image smaller than this both ways has no room for a line of six letters."""
LARGEST_SMALL = 512
"""Pixels: images no larger than this are searched at twice their size, too, for letters of six pixels."""
CLOSER = 2.0
"""Times the size of an image at which places in doubt are looked at."""
CLOSER_SURE = 0.9
"""Chance that both networks must agree on there, at least: speckle and rules made larger look more like letters."""
MOST_COVERED_CLOSER = 0.97
"""Share of a box from there that others may cover before it says nothing new: it may add the last letter of a line."""
TILE = 1024
OVERLAP = 128
"""Pixels by which tiles overlap; more than the network sees around a cell and two lines are thick."""
FLAT = 6
"""Grey levels: a tile, a row or a column of a smaller range shows nobody anything."""
SOFT = 2
"""Pixels that a box keeps around what is not flat."""
CORE = 0.5
"""Chance from which cells are the core of a line: close lines part there."""
GROWN_ACROSS, GROWN_ALONG = 0.1, 0.5
"""Thicknesses by which a box grows across and along its line. The last letter is seen worst: with 0.1 along the line, too, the
tuning seeds lose one string in eighty more."""
COARSE_GROWN_ALONG = 0.3
"""The same along a line of an image made smaller, whose cells reach beyond its letters all around as it is."""
SMALL = 128
"""Pixels of the longer side of a frame in which the smallest letters are as large as what organs are made of."""
SMALL_SURE = 0.9
"""Chance that both networks must agree on in such a frame, at least."""
LEAST_DOUBT = 1e-4
"""No network is surer than this that a box holds text, or that it does not."""
MOST_COVERED, MOST_COVERED_WITHIN = 0.6, 0.9
"""Share of a box of a smaller image that finer boxes may cover before it says nothing new; where the image was made smaller, of the inner
part of it (`_within`): most of the rest is not the line's."""
LARGE_CHANCE = 0.98
"""Chance that a line must have that only an image made smaller shows: anatomy made small looks like letters most."""
LARGE_SURE = 0.95
"""Chance that the verifier alone must give it,"""
PIECES = 0.5
"""unless pieces of it that were found before take this share of it."""
LARGEST = 0.25
"""Share of the shorter side of an image that the thickest line of an image made smaller may take."""
THICKEST, THICKEST_SURE = 0.3, 0.98
"""Share of the shorter side of an image from which a line is thicker than lines are, and the chance that both networks must agree on."""
LONG, MOST_LINES = 3, 0.2
"""How many times longer than thick a line surely is, and the share of a box of an image made smaller that such thin lines may take."""

Maps = NDArray[np.float32]


class Found(NamedTuple):
    """One line. Pixels of the image, half open; `chance` is the highest of its cells."""

    left: int
    top: int
    right: int
    bottom: int
    chance: float


class LineDetector:
    """Finds lines in images. Same image, same lines."""

    def __init__(
        self,
        edge: float,
        least: float,
        sure: float | None = None,
        suspected: float = 1.0,
        doubt: float | None = None,
        negatives: bool = False,
    ) -> None:
        """`edge`: the chance up to which a line reaches; `least`: the chance that one of its cells must have; `sure`: the chance that
        both networks must agree on (`together`), without which the verifier is not asked, and `suspected`, where it is lower, outside
        the regions of an ultrasound; `doubt`: the chance from which a place is looked at closer, without which none is;
        `negatives`: whether its networks are shown the negative of each image, too (`either_way`).
        """
        self._network = _shipped("line_detector", negatives)
        self._other = _shipped("other_line_detector", negatives) if doubt is not None else self._network
        self._edge, self._least, self._doubt = edge, least, doubt
        self._verifier = LineVerifier() if sure is not None else None
        self._sure, self._suspected = sure or 0.0, min(sure or 0.0, suspected)

    def find(self, image: NDArray[np.uint8], regions: tuple[Region, ...] = ()) -> list[Found]:
        """The lines of `image`, (rows, columns) grey or (rows, columns, 3) RGB, whose `regions` are an ultrasound's."""
        rows, columns = image.shape[:2]
        if max(rows, columns) < SMALLEST_SIDE:
            return []
        image = np.ascontiguousarray(image)  # OpenCV takes planes seen as (rows, columns, 3) for interleaved samples
        found: list[Found] = []
        covered = np.zeros((rows, columns), bool)
        for scale in _scales(rows, columns):
            maps = _maps(self._network, _resized(image, scale))
            candidates = self._candidates(maps)
            boxes = [_trimmed(image, _in_image(box, scale, rows, columns)) for box in candidates]
            if scale < 1:
                inner = [_share(covered, _within(box, scale, rows, columns)) for box in candidates]
                new = [
                    box
                    for box, share in zip(boxes, inner, strict=True)
                    if share < MOST_COVERED_WITHIN and _is_large(box, found, min(rows, columns))
                ]
                alone = [0.0 if _share(covered, box) >= PIECES else LARGE_SURE for box in new]
                found += _marked(covered, self._agreed(image, new, regions, self._sure, alone))
            else:
                new = [box for box in boxes if _share(covered, box) < MOST_COVERED]
                found += _marked(covered, self._agreed(image, new, regions, self._sure))
            if scale == 1 and self._doubt is not None:
                new = [box for box in self._closer(image, maps, found) if _share(covered, box) < MOST_COVERED_CLOSER]
                found += _marked(covered, self._agreed(image, new, regions, max(self._sure, CLOSER_SURE)))
        return [Found(*completed(image, box[:4]), box.chance) for box in found]

    def _candidates(self, maps: Maps) -> list[Found]:
        return [box for box in boxes_of(maps, self._edge) if box.chance >= self._least]

    def _closer(self, image: NDArray[np.uint8], maps: Maps, found: list[Found]) -> list[Found]:
        """What an image shows to the other network, and at twice its size, where its `maps` are in doubt and nothing was found."""
        looks = [(self._other, 1.0), (self._other, CLOSER)]
        if max(image.shape[:2]) > LARGEST_SMALL:  # a smaller one was searched at twice its size as it is
            looks.append((self._network, CLOSER))
        boxes = []
        known = [(box.left // CELL, box.top // CELL, -(-box.right // CELL), -(-box.bottom // CELL)) for box in found]
        for place in places(maps[0], self._doubt or 0.0, known):
            left, top, right, bottom = (CELL * side for side in place)
            part = image[top:bottom, left:right]
            for network, scale in looks:
                candidates = self._candidates(_maps(network, _resized(part, scale)))
                boxes += [_trimmed(image, _moved(_in_image(box, scale, *part.shape[:2]), left, top)) for box in candidates]
        return boxes

    def _agreed(
        self, image: NDArray[np.uint8], boxes: list[Found], regions: tuple[Region, ...], sure: float, alone: Sequence[float] = ()
    ) -> list[Found]:
        """The boxes of an image that both networks give the chance `sure`, and the verifier alone that of `alone`, if any, to each."""
        if self._verifier is None:
            return boxes
        chances = self._verifier.chances(image, [box[:4] for box in boxes]).tolist()
        agreed = [
            box._replace(chance=together(box.chance, chance))
            for box, chance, least in zip(boxes, chances, alone or [0.0] * len(boxes), strict=True)
            if chance >= least
        ]
        return [box for box in agreed if box.chance >= self._bar(box, regions, sure, *image.shape[:2])]

    def _bar(self, box: Found, regions: tuple[Region, ...], sure: float, rows: int, columns: int) -> float:
        """The chance that a line of an image must have, `sure` within its regions."""
        bars = [self._suspected if is_outside(box, regions) else sure]
        if max(rows, columns) <= SMALL:
            bars.append(SMALL_SURE)
        if _thickness(box) > THICKEST * min(rows, columns):
            bars.append(THICKEST_SURE)
        return max(bars)


def _shipped(name: str, negatives: bool) -> Network:
    return either_way(shipped(name)) if negatives else shipped(name)


def _maps(network: Network, image: NDArray[np.uint8]) -> Maps:
    """What a network says of the cells of an image, tile by tile."""
    rows, columns = image.shape[:2]
    maps = np.zeros((2, -(-rows // CELL), -(-columns // CELL)), np.float32)
    for top, bottom, inner_top in _tiles(rows):
        for left, right, inner_left in _tiles(columns):
            tile = image[top:bottom, left:right]
            if int(tile.max()) - int(tile.min()) < FLAT:
                continue
            chances = _chances(network, tile)[:, (inner_top - top) // CELL :, (inner_left - left) // CELL :]
            at = maps[:, inner_top // CELL :, inner_left // CELL :]
            height, width = min(chances.shape[1], at.shape[1]), min(chances.shape[2], at.shape[2])
            at[:, :height, :width] = chances[:, :height, :width]
    return maps


def _chances(network: Network, tile: NDArray[np.uint8]) -> Maps:
    rows, columns = tile.shape[:2]
    padded = np.pad(tile, ((0, -rows % STRIDE), (0, -columns % STRIDE), *((0, 0),) * (tile.ndim - 2)), mode="edge")
    return network(_entry(padded))[0][:, : -(-rows // CELL), : -(-columns // CELL)]


def _entry(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network takes: one image of three colours, -1 to 1; grey is each of them."""
    colours = cv2.split(image)
    entry = np.empty((1, 3, *image.shape[:2]), np.float32)
    for plane, colour in zip(entry[0], colours, strict=False):
        np.subtract(np.divide(colour, 127.5, out=plane, dtype=np.float32), 1, out=plane)
    entry[0, len(colours) :] = entry[0, 0]
    return entry


def boxes_of(maps: Maps, edge: float) -> Iterator[Found]:
    """The boxes of maps (region, core) of one size, in cells.

    Each cell of the region goes to the nearest core; what has no core within its own patch of the region is a line of its own.
    """
    region = (maps[0] >= edge).astype(np.uint8)
    if not region.any():
        return
    _, patches = cv2.connectedComponents(region, connectivity=8)
    cores = np.where((maps[1] >= CORE) & (region > 0), 0, 255).astype(np.uint8)
    nearest = np.zeros_like(patches)
    if not cores.all():
        _, nearest = cv2.distanceTransformWithLabels(cores, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
    ys, xs = np.nonzero(region)
    keys = patches[ys, xs].astype(np.int64) * (int(nearest.max()) + 1) + nearest[ys, xs]
    order = np.argsort(keys, kind="stable")
    ys, xs = ys[order], xs[order]
    chances = maps[0][ys, xs]
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    lefts, tops = np.minimum.reduceat(xs, starts), np.minimum.reduceat(ys, starts)
    rights, bottoms = np.maximum.reduceat(xs, starts) + 1, np.maximum.reduceat(ys, starts) + 1
    for left, top, right, bottom, chance in zip(lefts, tops, rights, bottoms, np.maximum.reduceat(chances, starts), strict=True):
        yield Found(int(left), int(top), int(right), int(bottom), float(chance))


def together(one: float, other: float) -> float:
    """The chance that two networks agree on: the geometric mean of their odds."""
    one, other = (min(max(chance, LEAST_DOUBT), 1 - LEAST_DOUBT) for chance in (one, other))
    odds = math.sqrt(one * other / ((1 - one) * (1 - other)))
    return odds / (1 + odds)


def _scales(rows: int, columns: int) -> Iterator[float]:
    """From the largest size to the smallest that can still hold a line."""
    if max(rows, columns) <= LARGEST_SMALL:
        yield 2.0
    scale = 1.0
    while scale == 1.0 or scale * max(rows, columns) >= SMALLEST_SIZE:
        yield scale
        scale /= SHRINK


def _resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _tiles(side: int) -> Iterator[tuple[int, int, int]]:
    """Start and end of each tile along one axis, and where its own part begins: half of what it shares goes to each."""
    start = 0
    while True:
        end = min(side, start + TILE)
        yield start, end, start + (OVERLAP // 2 if start else 0)
        if end == side:
            return
        start += TILE - OVERLAP


def _in_image(box: Found, scale: float, rows: int, columns: int) -> Found:
    """A box of cells as pixels of the image, grown by half a cell and a share of its thickness, for soft edges and the last letter."""
    factor = CELL / scale
    width, height = box.right - box.left, box.bottom - box.top
    thickness = min(width, height) * factor
    if scale < 1:
        across, along = 1.0, 1.0 + COARSE_GROWN_ALONG * thickness
    else:
        edge = max(1.0, factor / 2)
        across, along = edge + GROWN_ACROSS * thickness, edge + GROWN_ALONG * thickness
    x, y = (along, across) if width >= height else (across, along)
    left, top = max(0, int(box.left * factor - x)), max(0, int(box.top * factor - y))
    right, bottom = min(columns, int(np.ceil(box.right * factor + x))), min(rows, int(np.ceil(box.bottom * factor + y)))
    return Found(left, top, right, bottom, box.chance)


def _within(box: Found, scale: float, rows: int, columns: int) -> Found:
    """A box of cells as pixels of the image, without half a cell at each edge, and a pixel at least."""
    left, top, right, bottom = (int(side * CELL / scale) for side in (box.left + 0.5, box.top + 0.5, box.right - 0.5, box.bottom - 0.5))
    left, top = min(left, columns - 1), min(top, rows - 1)
    return Found(left, top, max(left + 1, right), max(top + 1, bottom), box.chance)


def _trimmed(image: NDArray[np.uint8], box: Found) -> Found:
    """A box without the rows and columns at its edges in which nothing stands."""
    colours = cv2.split(image[box.top : box.bottom, box.left : box.right])  # numpy is slow along interleaved samples
    xs, ys = (np.flatnonzero(np.max([one.max(axis=axis) - one.min(axis=axis) for one in colours], axis=0) >= FLAT) for axis in (0, 1))
    if not (xs.size and ys.size):
        return box
    return Found(
        max(box.left, box.left + int(xs[0]) - SOFT),
        max(box.top, box.top + int(ys[0]) - SOFT),
        min(box.right, box.left + int(xs[-1]) + 1 + SOFT),
        min(box.bottom, box.top + int(ys[-1]) + 1 + SOFT),
        box.chance,
    )


def _is_large(box: Found, finer: list[Found], side: int) -> bool:
    """Whether what only a smaller size shows is a line of large letters: neither half the picture nor a block of lines found before."""
    thickness = _thickness(box)
    if box.chance < LARGE_CHANCE or thickness > LARGEST * side:
        return False
    lines = 0
    for one in finer:
        thin, long = sorted((one.right - one.left, one.bottom - one.top))
        if 2 * thin < thickness and long >= LONG * thin:
            lines += _shared(one, box)
    return lines <= MOST_LINES * (box.right - box.left) * (box.bottom - box.top)


def _marked(covered: NDArray[np.bool_], boxes: list[Found]) -> list[Found]:
    """The boxes, after they were marked as covered."""
    for box in boxes:
        covered[box.top : box.bottom, box.left : box.right] = True
    return boxes


def _moved(box: Found, x: int, y: int) -> Found:
    return Found(box.left + x, box.top + y, box.right + x, box.bottom + y, box.chance)


def _thickness(box: Found) -> int:
    return min(box.right - box.left, box.bottom - box.top)


def _shared(one: Found, other: Found) -> int:
    """Pixels that two boxes have in common."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0, width) * max(0, height)


def _share(covered: NDArray[np.bool_], box: Found) -> float:
    part = covered[box.top : box.bottom, box.left : box.right]
    return float(part.mean()) if part.size else 1.0
