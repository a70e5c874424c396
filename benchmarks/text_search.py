"""How well a search for burned-in text finds it, what it costs, and what it takes that is no text.

    PYTHONPATH=. python benchmarks/text_search.py [--frames N] [--seed S] [--show]

Three sets, all from files that pydicom and pydicom-data ship:

* drawn: seeded strings drawn onto text-free anatomy, black, white and banners, so that every pixel of ink is known;
* ultrasound: six real frames, their text marked by hand (`text_on_ultrasounds.json`);
* text-free: real frames without a letter.

A string is found if at least 90 % of it (its ink; on the ultrasounds its marked area) lies in the boxes. `outside` is the
mean share of a frame that the boxes take outside all text (grown by 12 pixels), CPU is user and system time of this
process and its children for a frame, all renderings searched, as `Redactor` does it. `--show` names what is missed: these
strings are invented or stand in public files.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.data import get_testdata_file

from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import locate
from transforms.pixels.render import renderings
from transforms.pixels.search import TextSearch, merged
from transforms.pixels.tesseract import Tesseract

TEXT_FREE = (
    "CT_small.dcm",
    "MR_small.dcm",
    "emri_small.dcm",
    "RG1_UNCR.dcm",
    "RG3_UNCR.dcm",
    "MR2_UNCR.dcm",
    "693_UNCR.dcm",
    "JPEG-LL.dcm",
    "JPEG2000_UNC.dcm",
    "liver_1frame.dcm",
)
BACKGROUNDS = ("693_UNCR.dcm", "MR2_UNCR.dcm", "RG1_UNCR.dcm", "RG3_UNCR.dcm")
MARKED = Path(__file__).with_name("text_on_ultrasounds.json")
FOUND = 0.9
MARGIN = 12
NAMES = ("KOWALSKI^JAN", "Garcia Marquez, Ana", "O'BRIEN SEAN", "Mueller Hans-Peter", "SATO KENJI", "Nguyen Thi Mai")
PLACES = ("ST MARY HOSPITAL", "Univ. Clinic Graz", "BAPTIST MED CTR", "Dr. Whitfield")
Picture = NDArray[np.uint8]


class Case(NamedTuple):
    """One frame in all its renderings, and the strings on it with their pixels."""

    name: str
    images: tuple[Picture, ...]
    texts: tuple[tuple[str, NDArray[np.bool_]], ...]


class Score(NamedTuple):
    """What a search made of one set."""

    found: int
    texts: int
    outside: float
    """Mean share of the frames' area."""
    touched: int
    """Frames with a box outside all text."""
    cpu: float
    """Seconds a frame."""
    frames: int


def images_of(name: str) -> tuple[Picture, ...]:
    """The renderings of the first frame of a shipped file."""
    path = get_testdata_file(name, download=False)
    if path is None:
        raise SystemExit(f"{name} is not installed: pip install pydicom-data")
    dataset = pydicom.dcmread(str(path))
    description = PixelDescription.from_dataset(dataset)
    return tuple(renderings(decode(locate(dataset, description).frame(0), description), dataset, 0))


def drawn(frames: int, seed: int) -> Iterator[Case]:
    """Frames of 640x480 to 1024x768 with four strings each, in two type faces, 10 to 40 pixels high, in six colours."""
    random = np.random.default_rng(seed)
    anatomy = [images_of(name)[-1] for name in BACKGROUNDS]
    for number in range(frames):
        columns, rows = ((640, 480), (800, 600), (1024, 768))[number % 3]
        frame = _background(number, anatomy, (columns, rows), random)
        texts = []
        for band in range(4):
            text, ink = _written(random, (rows, columns), band)
            under = float(np.median(frame[ink])) if ink.any() else 0.0
            bright = np.array(((255, 255, 255), (255, 255, 0), (0, 255, 255), (190, 190, 190))[random.integers(4)])
            colour = bright if under < 110 else np.array(((0, 0, 0), (20, 20, 90))[random.integers(2)])
            frame[ink] = colour
            texts.append((text, ink))
        yield Case(f"drawn {number}", (frame,), tuple(texts))


def _background(number: int, anatomy: list[Picture], size: tuple[int, int], random: np.random.Generator) -> Picture:
    kind = number % 4
    if kind == 3:
        frame = np.full((size[1], size[0], 3), (0, 235)[number // 4 % 2], np.uint8)
    else:
        grey = cv2.resize(anatomy[int(random.integers(len(anatomy)))], size, interpolation=cv2.INTER_AREA)
        frame = np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2)
    if kind == 1:  # an ultrasound's header: white on blue, grey or dark blue
        frame[: size[1] // 4] = ((36, 62, 98), (90, 90, 96), (0, 0, 60))[int(random.integers(3))]
    return frame


def _written(random: np.random.Generator, shape: tuple[int, int], band: int) -> tuple[str, NDArray[np.bool_]]:
    """A string, and its ink somewhere in the given quarter of the height."""
    rows, columns = shape
    date = f"{random.integers(1930, 2024)}-{random.integers(1, 13):02}-{random.integers(1, 29):02}"
    choices = (NAMES[random.integers(len(NAMES))], PLACES[random.integers(len(PLACES))], date, f"MRN {random.integers(10**6, 10**8)}")
    text = choices[random.integers(4)]
    height = int(random.choice((10, 12, 14, 17, 21, 27, 40)))
    ink = np.zeros(shape, np.uint8)
    if random.integers(2):
        face = cv2.FONT_HERSHEY_SIMPLEX if random.integers(2) else cv2.FONT_HERSHEY_DUPLEX
        scale = height / 22
        width = cv2.getTextSize(text, face, scale, 1 + height // 20)[0][0]
        left = int(random.integers(4, max(5, columns - width - 4)))
        cv2.putText(ink, text, (left, rows // 4 * band + rows // 8 + height // 2), face, scale, 255, 1 + height // 20)
    else:
        canvas = Image.new("L", (columns, rows))
        pen = ImageDraw.Draw(canvas)
        font = ImageFont.load_default(height * 1.35)
        left = int(random.integers(4, max(5, columns - int(pen.textlength(text, font)) - 4)))
        pen.text((left, rows // 4 * band + rows // 8 - height), text, 255, font)
        ink = np.asarray(canvas)
    return text, ink > 127


def ultrasounds() -> Iterator[Case]:
    """The real frames of `text_on_ultrasounds.json`: file → [left, top, right, bottom, text]."""
    for name, marks in json.loads(MARKED.read_text(encoding="utf-8")).items():
        images = images_of(name)
        texts = []
        for left, top, right, bottom, text in marks:
            area = np.zeros(images[0].shape[:2], bool)
            area[top:bottom, left:right] = True
            texts.append((text, area))
        yield Case(name, images, tuple(texts))


def text_free() -> Iterator[Case]:
    """Real frames without text."""
    for name in TEXT_FREE:
        yield Case(name, images_of(name), ())


def score(search: TextSearch, cases: list[Case], show: bool = False) -> Score:
    """The figures of one set."""
    found = texts = touched = 0
    outside = cpu = 0.0
    for case in cases:
        before = os.times()
        lines = merged([line for image in case.images for line in search.lines(image)])
        after = os.times()
        cpu += sum(after[:4]) - sum(before[:4])
        boxed = np.zeros(case.images[0].shape[:2], bool)
        for line in lines:
            boxed[line.top : line.bottom, line.left : line.right] = True
        missed = [text for text, ink in case.texts if boxed[ink].mean() < FOUND]
        everything = np.zeros(boxed.shape, np.uint8)
        for _, ink in case.texts:
            everything |= cv2.boxFilter(ink.astype(np.uint8), -1, (2 * MARGIN + 1,) * 2, normalize=False) > 0
        share = float((boxed & (everything == 0)).mean())
        found, texts = found + len(case.texts) - len(missed), texts + len(case.texts)
        outside, touched = outside + share, touched + (share > 0)
        if show and (missed or share > 0):
            print(f"  {case.name}: {100 * share:.2f} % outside; missed {missed}")
    return Score(found, texts, outside / len(cases), touched, cpu / len(cases), len(cases))


def main() -> None:
    """Measure the engine of a run and print a line a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40, help="frames to draw on (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn set (default 1)")
    parser.add_argument("--show", action="store_true", help="name what is missed and where too much goes")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sets = {"drawn": list(drawn(options.frames, options.seed)), "ultrasound": list(ultrasounds()), "text-free": list(text_free())}
    for name, cases in sets.items():
        got = score(Tesseract(), cases, options.show)
        recall = f"{got.found}/{got.texts} found ({got.found / got.texts:.3f})" if got.texts else "no text"
        print(
            f"{name:10} {got.frames:3} frames  {recall:26} outside {100 * got.outside:5.2f} %  "
            f"touched {got.touched:2}  CPU {1000 * got.cpu:5.0f} ms a frame"
        )


if __name__ == "__main__":
    main()
