"""What text is burned into: real frames without text, invented anatomy and screens, and the things that look like text and are none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset

from benchmarks.burned_in.decoys import DECOYS as TRAINING_DECOYS
from benchmarks.burned_in.grain import grained
from transforms.pixels.codecs import decode
from transforms.pixels.coding import Decoded
from transforms.pixels.description import PixelDescription
from transforms.pixels.display import modality, through, voi
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings

Picture = NDArray[np.uint8]
Random = np.random.Generator

REAL: dict[str, dict[str, tuple[int, int, int, int] | None]] = {
    "train": {
        "CT_small.dcm": None,
        "693_UNCR.dcm": None,
        "MR2_UNCR.dcm": None,
        "RG1_UNCR.dcm": None,
        "US1_UNCI.dcm": (45, 112, 595, 335),
        "liver_1frame.dcm": None,
        "gdcm-US-ALOKA-16.dcm": (180, 120, 520, 400),
        "J2K_pixelrep_mismatch.dcm": None,
        "bad_sequence.dcm": None,
        "explicit_VR-UN.dcm": None,
        "SC_rgb_jpeg_app14_dcmd.dcm": None,
        "color-px.dcm": None,
        "image_dfl.dcm": None,
        "mlut_18.dcm": (0, 0, 512, 125),
        "color3d_jpeg_baseline.dcm": (100, 40, 420, 340),
        "JPGLosslessP14SV1_1s_1f_8b.dcm": (130, 190, 900, 740),
    },
    "test": {
        "MR_small.dcm": None,
        "emri_small.dcm": None,
        "RG3_UNCR.dcm": (0, 0, 1760, 1250),
        "JPEG2000_UNC.dcm": None,
        "JPEG-lossy.dcm": None,
        "eCT_Supplemental.dcm": None,
        "MR-SIEMENS-DICOM-WithOverlays.dcm": None,
        "OBXXXX1A.dcm": (180, 120, 640, 480),
    },
}
"""File → the part without text (left, top, right, bottom), all of it where None. Training and judging share none."""


GRAINED = {"train": 3, "test": 12}
"""Of so many pictures one lies under strong grain."""


def images_of(name: str) -> tuple[Picture, ...]:
    """The renderings of the first frame of a shipped file. Raises FileNotFoundError if pydicom-data is not installed."""
    decoded, dataset = first_frame(name)
    return tuple(renderings(decoded, dataset, 0))


@functools.cache
def _pictures_of(name: str) -> tuple[Picture, ...]:
    """The first frame over its full range and in its first window, whatever a search looks at: a seed's picture stays."""
    decoded, dataset = first_frame(name)
    if not decoded.colour.startswith("MONOCHROME"):
        return (next(renderings(decoded, dataset, 0)),)
    return _in_grey(decoded, decoded.samples.astype(np.float32)), *in_first_window(decoded, dataset, 0)


def in_first_window(decoded: Decoded, dataset: FileDataset, frame: int) -> list[Picture]:
    """A frame in the first VOI window, or LUT, that its header states: one picture at most, none of what is not grey."""
    if not decoded.colour.startswith("MONOCHROME"):
        return []
    samples = decoded.samples.astype(np.float64)
    return [_in_grey(decoded, curve(samples)) for curve in through(modality(dataset, frame), voi(dataset, frame)[:1])]


def _in_grey(decoded: Decoded, shown: NDArray[np.floating[Any]]) -> Picture:
    low, high = shown.min(), shown.max()
    picture = np.rint((shown - low) * (255.0 / ((high - low) or 1))).astype(np.uint8)
    return 255 - picture if decoded.colour == "MONOCHROME1" else picture


def first_frame(name: str) -> tuple[Decoded, FileDataset]:
    """The samples of the first frame of a shipped file, and all of the file. Raises FileNotFoundError as `images_of`."""
    path = get_testdata_file(name, download=False)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed: pip install pydicom-data")
    dataset = pydicom.dcmread(str(path))
    description = PixelDescription.from_dataset(dataset)
    return decode(locate(dataset, description).frame(0), description), dataset


def background(random: Random, shape: tuple[int, int], split: str) -> tuple[str, Picture]:
    """A modality and a picture of it, (rows, columns, 3). `split`: train or test; training sees other real frames, and more decoys."""
    kind = int(random.integers(12))
    decoys = (*_DECOYS, *TRAINING_DECOYS) if split == "train" else _DECOYS
    if kind <= 3:
        modality, picture = "real", _real(random, shape, split)
        count = int(random.integers(4)) if split == "train" else 0
    else:
        modality, make = _INVENTED[int(random.integers(len(_INVENTED)))]
        picture = make(random, shape)
        count = int(random.integers(6 if split == "train" else 3))
    for _ in range(count):
        picture = decoys[int(random.integers(len(decoys)))](random, picture)
    (apart,) = random.spawn(1)
    if apart.integers(GRAINED[split]) == 0:
        return "grain", grained(apart, picture)
    return modality, picture


def _real(random: Random, shape: tuple[int, int], split: str) -> Picture:
    names = sorted(REAL[split])
    name = names[int(random.integers(len(names)))]
    images = _pictures_of(name)
    image = images[int(random.integers(len(images)))]
    part = REAL[split][name]
    if part:
        image = image[part[1] : part[3], part[0] : part[2]]
    image = np.rot90(image, int(random.integers(4))) if random.integers(2) else image
    if random.integers(2):  # a part of it, as a zoom would show it
        rows, columns = (max(32, int(side * random.uniform(0.4, 1))) for side in image.shape[:2])
        top, left = int(random.integers(image.shape[0] - rows + 1)), int(random.integers(image.shape[1] - columns + 1))
        image = image[top : top + rows, left : left + columns]
    method = cv2.INTER_AREA if image.shape[0] > shape[0] else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(np.ascontiguousarray(image), shape[::-1], interpolation=method))
    return colours(resized)


def colours(image: Picture) -> Picture:
    """(rows, columns, 3), a copy."""
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()


def _plain(random: Random, shape: tuple[int, int]) -> Picture:
    """A report or an empty screen: one colour, or a soft gradient."""
    base = np.array(random.choice((0, 0, 0, 12, 40, 128, 235, 255))) + random.integers(-8, 9, 3) * int(random.integers(2))
    picture = np.broadcast_to(base, (*shape, 3)).astype(np.float32)
    if random.integers(3) == 0:
        picture = picture + np.linspace(-40, 40, shape[0]).reshape(-1, 1, 1)
    if random.integers(2):
        picture = picture + random.normal(0, random.uniform(0, 10), (*shape, 1))
    return _clipped(picture)


def _slice(random: Random, shape: tuple[int, int]) -> Picture:
    """CT or MR: ellipses within ellipses, texture, noise, air around."""
    rows, columns = shape
    picture = np.full(shape, float(random.uniform(0, 25)), np.float32)
    centre = np.array([columns / 2, rows / 2]) + random.normal(0, 0.03, 2) * min(shape)
    outer = np.array([columns, rows]) * random.uniform(0.3, 0.48, 2)
    _ellipse(picture, centre, outer, random.uniform(0, 180), random.uniform(60, 140))
    for _ in range(int(random.integers(6, 30))):
        at = centre + random.uniform(-0.8, 0.8, 2) * outer
        _ellipse(picture, at, outer * random.uniform(0.03, 0.4, 2), random.uniform(0, 180), random.uniform(0, 255))
    picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 3))
    picture += _clouds(random, shape, random.uniform(8, 60)) * random.uniform(0, 30)
    return _grey(picture + random.normal(0, random.uniform(1, 18), shape))


def _film(random: Random, shape: tuple[int, int]) -> Picture:
    """A radiograph: soft bands, ribs or trabeculae, collimator edges, hardware."""
    picture = 128 + _clouds(random, shape, min(shape) / 4) * 90
    rows, columns = shape
    for _ in range(int(random.integers(0, 14))):
        y = random.uniform(0, rows)
        points = np.array([(x, y + random.uniform(-0.1, 0.1) * rows) for x in np.linspace(-20, columns + 20, 6)], np.int32)
        band = np.zeros(shape, np.float32)
        cv2.polylines(band, [points], False, 1.0, int(random.uniform(3, max(4, rows / 25))), cv2.LINE_AA)
        picture += cv2.GaussianBlur(band, (0, 0), random.uniform(1, 4)) * random.uniform(-40, 60)
    picture += random.normal(0, random.uniform(1, 10), shape)
    if random.integers(2):
        edge = int(random.uniform(0.03, 0.15) * columns)
        picture[:, :edge] = picture[:, columns - edge :] = float(random.choice((0, 250)))
    if random.integers(3) == 0:
        picture = 255 - picture
    return _grey(picture)


def _ultrasound(random: Random, shape: tuple[int, int]) -> Picture:
    """A sector or a box of speckle on black, with a ruler, a grey bar and perhaps flow in colour, a spectrum or an ECG."""
    rows, columns = shape
    speckle = cv2.GaussianBlur(
        random.rayleigh(1, shape).astype(np.float32), (0, 0), sigmaX=random.uniform(0.6, 2.2), sigmaY=random.uniform(0.5, 1.4)
    )
    tissue = np.clip(0.5 + _clouds(random, shape, min(shape) / random.uniform(4, 14)), 0, None)
    picture = colours(_grey(speckle * tissue * random.uniform(60, 140))[..., 0])
    mask = np.zeros(shape, np.uint8)
    if random.integers(2):
        apex = (int(columns * random.uniform(0.4, 0.6)), int(rows * random.uniform(0.02, 0.15)))
        reach, half = int(rows * random.uniform(0.6, 0.9)), random.uniform(25, 50)
        cv2.ellipse(mask, apex, (reach, reach), 0, 90 - half, 90 + half, 255, -1)
    else:
        mask[int(rows * 0.15) : int(rows * 0.9), int(columns * 0.12) : int(columns * 0.88)] = 255
    picture[mask == 0] = int(random.choice((0, 0, 0, 8, 20)))
    if random.integers(2):
        x, y = int(columns * random.uniform(0.01, 0.95)), int(rows * 0.2)
        picture[y : y + rows // 3, x : x + 12] = np.linspace(255, 0, rows // 3)[:, None, None].astype(np.uint8)
    if random.integers(2):
        flow = _clouds(random, shape, random.uniform(6, 24))
        window = np.zeros(shape, bool)
        top, left = int(rows * random.uniform(0.2, 0.5)), int(columns * random.uniform(0.25, 0.5))
        window[top : top + rows // 4, left : left + columns // 4] = True
        picture[window & (flow > 0.35)] = (220, 60, 20)
        picture[window & (flow < -0.35)] = (20, 70, 230)
    for decoy in (_ruler, _trace, _spectrum):
        if random.integers(3) == 0:
            picture = decoy(random, picture)
    return picture


def _noise(random: Random, shape: tuple[int, int]) -> Picture:
    """Counts, speckle or static at one grain."""
    grain = random.uniform(1, 6)
    small = random.gamma(random.uniform(0.5, 4), 40, [max(2, int(side / grain)) for side in shape])
    return _grey(cv2.resize(small.astype(np.float32), shape[::-1], interpolation=int(random.choice((cv2.INTER_NEAREST, cv2.INTER_LINEAR)))))


def _phantom(random: Random, shape: tuple[int, int]) -> Picture:
    """Line pairs, wedges, rods, checkers and circles of a test object."""
    rows, columns = shape
    picture = np.full(shape, float(random.uniform(20, 230)), np.float32)
    for _ in range(int(random.integers(3, 12))):
        x, y, side = int(random.uniform(0, columns)), int(random.uniform(0, rows)), int(random.uniform(8, min(shape) / 4))
        patch = picture[y : y + side, x : x + side]
        period, value = int(random.integers(2, 14)), random.uniform(0, 255)
        pattern = np.arange(side) // period % 2 == 0
        kind = int(random.integers(5))
        if kind == 0:
            patch[:, pattern[: patch.shape[1]]] = value
        elif kind == 1:
            patch[pattern[: patch.shape[0]]] = value
        elif kind == 2:
            patch[(pattern[:, None] ^ pattern)[: patch.shape[0], : patch.shape[1]]] = value
        elif kind == 3:
            cv2.circle(picture, (x, y), side // 2, float(value), int(random.choice((-1, 1, 3))), cv2.LINE_AA)
        else:
            for row in range(4):
                for column in range(6):
                    cv2.circle(picture, (x + 3 * period * column, y + 3 * period * row), max(1, period // 2), float(value), -1, cv2.LINE_AA)
    return _grey(picture + random.normal(0, random.uniform(0, 8), shape))


def _grid(random: Random, picture: Picture) -> Picture:
    step, colour = int(random.uniform(12, 80)), [int(value) for value in random.integers(60, 256, 3)]
    for x in range(int(random.integers(step)), picture.shape[1], step):
        cv2.line(picture, (x, 0), (x, picture.shape[0]), colour, 1)
    for y in range(int(random.integers(step)), picture.shape[0], step):
        cv2.line(picture, (0, y), (picture.shape[1], y), colour, 1)
    return picture


def _ruler(random: Random, picture: Picture) -> Picture:
    """Ticks along an edge, or a dotted scale."""
    rows, columns = picture.shape[:2]
    step, long, upright = int(random.uniform(4, 30)), int(random.uniform(4, 16)), bool(random.integers(2))
    colour = [int(random.integers(120, 256))] * 3 if random.integers(2) else [int(value) for value in random.integers(0, 256, 3)]
    at = int(random.uniform(0.02, 0.95) * (columns if upright else rows))
    start, stop = sorted(int(value) for value in random.uniform(0, rows if upright else columns, 2))
    for number, place in enumerate(range(start, stop, step)):
        length = long if number % 5 == 0 else max(2, long // 2)
        end = (at + length, place) if upright else (place, at + length)
        cv2.line(picture, (at, place) if upright else (place, at), end, colour, 1 + int(long > 12))
    return picture


def _trace(random: Random, picture: Picture) -> Picture:
    """An ECG or a respiration curve."""
    rows, columns = picture.shape[:2]
    x = np.arange(columns)
    beat = x % int(random.uniform(30, 140))
    y = random.uniform(0.1, 0.95) * rows - random.uniform(6, 50) * np.exp(-((beat - 12) ** 2) / random.uniform(3, 40)) + 2 * np.sin(x / 9)
    cv2.polylines(
        picture,
        [np.stack([x, y], 1).astype(np.int32)],
        False,
        [int(value) for value in random.integers(80, 256, 3)],
        int(random.integers(1, 3)),
        cv2.LINE_AA,
    )
    return picture


def _spectrum(random: Random, picture: Picture) -> Picture:
    """Pulsed Doppler: a noisy envelope over a base line."""
    rows, columns = picture.shape[:2]
    height = int(rows * random.uniform(0.15, 0.35))
    top = int(random.uniform(0, rows - height))
    beat = np.arange(columns) % int(random.uniform(50, 160))
    envelope = height * 0.85 * np.exp(-beat / random.uniform(12, 60))
    inside = (height - np.arange(height))[:, None] < envelope
    picture[top : top + height] = (inside * random.gamma(2, 50, (height, columns))).clip(0, 255).astype(np.uint8)[..., None]
    return picture


def _calipers(random: Random, picture: Picture) -> Picture:
    """Crosses joined by dots."""
    colour = [int(value) for value in random.choice(((255, 255, 255), (255, 255, 0), (0, 255, 0), (0, 255, 255)))]
    for _ in range(int(random.integers(1, 4))):
        start, end = (np.array([random.uniform(0, picture.shape[1]), random.uniform(0, picture.shape[0])]) for _ in range(2))
        for point in (start, end):
            kind = int(random.choice((cv2.MARKER_CROSS, cv2.MARKER_TILTED_CROSS)))
            cv2.drawMarker(picture, [int(value) for value in point], colour, kind, int(random.uniform(5, 16)), 1)
        for share in np.arange(0, 1, 6 / max(12.0, float(np.hypot(*(end - start))))):
            cv2.circle(picture, [int(value) for value in start + share * (end - start)], 0, colour, -1)
    return picture


def _hardware(random: Random, picture: Picture) -> Picture:
    """Screws, wires, clips and leads: bright, sharp, letter-sized."""
    rows, columns = picture.shape[:2]
    for _ in range(int(random.integers(1, 7))):
        x, y, length = random.uniform(0, columns), random.uniform(0, rows), random.uniform(10, min(rows, columns) / 3)
        angle = random.uniform(0, np.pi)
        end = (int(x + length * np.cos(angle)), int(y + length * np.sin(angle)))
        value = [int(random.integers(200, 256))] * 3
        cv2.line(picture, (int(x), int(y)), end, value, int(random.uniform(1, 8)), cv2.LINE_AA)
        if random.integers(2):
            for share in np.arange(0, 1, 5 / length):
                cv2.circle(
                    picture,
                    (int(x + share * (end[0] - x)), int(y + share * (end[1] - y))),
                    int(random.uniform(2, 6)),
                    value,
                    1,
                    cv2.LINE_AA,
                )
    return picture


def _frames(random: Random, picture: Picture) -> Picture:
    """Boxes, arrows and buttons of a screen."""
    rows, columns = picture.shape[:2]
    for _ in range(int(random.integers(1, 6))):
        x, y, width, height = (int(random.uniform(0, side)) for side in (columns, rows, columns / 3, rows / 4))
        colour = [int(value) for value in random.integers(0, 256, 3)]
        if random.integers(3):
            cv2.rectangle(picture, (x, y), (x + width, y + height), colour, int(random.choice((-1, 1, 2))))
        else:
            cv2.arrowedLine(picture, (x, y), (x + width // 3, y + height // 3), colour, int(random.integers(1, 4)), cv2.LINE_AA)
    return picture


def _clouds(random: Random, shape: tuple[int, int], grain: float) -> NDArray[np.float32]:
    """Smooth noise of about unit range, features `grain` pixels wide."""
    small = random.normal(0, 1, [max(2, int(side / grain)) for side in shape]).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _ellipse(picture: NDArray[np.float32], centre: NDArray[np.float64], axes: NDArray[np.float64], angle: float, value: float) -> None:
    whole = [[max(1, round(float(one))) for one in pair] for pair in (centre, axes)]
    cv2.ellipse(picture, whole[0], whole[1], float(angle), 0, 360, float(value), -1, cv2.LINE_AA)


def _grey(picture: NDArray[np.floating]) -> Picture:
    return _clipped(np.repeat(picture[..., None], 3, axis=2))


def _clipped(picture: NDArray[np.floating]) -> Picture:
    return np.ascontiguousarray(np.rint(picture.clip(0, 255)).astype(np.uint8))


_INVENTED: tuple[tuple[str, Callable[[Random, tuple[int, int]], Picture]], ...] = (
    ("screen", _plain),
    ("CT/MR", _slice),
    ("CT/MR", _slice),
    ("CR/DX", _film),
    ("CR/DX", _film),
    ("US", _ultrasound),
    ("US", _ultrasound),
    ("NM/noise", _noise),
    ("phantom", _phantom),
)
_DECOYS: tuple[Callable[[Random, Picture], Picture], ...] = (
    _grid,
    _ruler,
    _ruler,
    _trace,
    _spectrum,
    _calipers,
    _hardware,
    _hardware,
    _frames,
)
