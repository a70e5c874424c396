"""Frames with text whose every pixel of ink is known. The same seed, the same frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.burned_in.backgrounds import Picture, Random, background
from benchmarks.burned_in.fonts import FACES, Font, cropped, drawn, fonts, has_letters, stroked
from benchmarks.burned_in.strings import identifying, label

SCRIPTS = ("latin",) * 8 + ("cyrillic", "greek", "hangul", "japanese", "chinese", "arabic")
TRAINING_SCRIPTS = (*SCRIPTS, "arabic", "arabic", "arabic")
"""Training sees more of what is missed most."""
SHAPES = ((64, 64), (128, 128), (240, 320), (256, 256), (512, 512), (480, 640), (512, 640), (600, 800), (768, 1024), (1024, 768))
SEEDS = {"train": 10_000_000, "tune": 20_000_000, "test": 30_000_000}
"""Where the seeds of each set begin; training sees fonts and real backgrounds of its own."""

SMALL = 13
"""Pixels of the size up to which letters are small: training sees more of them."""
ONE_OF, MOST_FRAMES = 6, 4
"""Of so many instances one has more frames than one, and up to so many."""
LEGIBLE_UNREST = 42
"""Grey levels of standard deviation of a background, above which even black or white letters drown."""
STROKE = 6
"""How many times larger letters are than what their strokes span."""

_COLOURS = (
    (255, 255, 255),
    (255, 255, 255),
    (255, 255, 0),
    (0, 255, 255),
    (0, 255, 0),
    (255, 160, 40),
    (190, 190, 190),
    (90, 150, 255),
    (255, 60, 60),
)
_DARK = ((0, 0, 0), (0, 0, 0), (20, 20, 110), (120, 0, 0), (0, 80, 0), (70, 70, 70))


class Text(NamedTuple):
    """One drawn string. The box is that of its ink inside the frame, half open."""

    string: str
    script: str
    identifies: bool
    left: int
    top: int
    right: int
    bottom: int
    ink: NDArray[np.bool_]
    """Of the box: where a pixel is more letter than paper."""
    turned: bool
    """By 90 degrees, either way."""
    unseen: bool
    """In a font that training never used."""


@dataclasses.dataclass
class Frame:
    """A picture as a person sees it, and its strings."""

    modality: str
    picture: Picture
    """(rows, columns, 3); three equal channels where nothing is coloured."""
    texts: list[Text]
    taken: NDArray[np.bool_]
    """Where text is, with some room around."""

    @property
    def is_grey(self) -> bool:
        """Whether all channels are equal."""
        return bool((self.picture == self.picture[..., :1]).all())


def frame(seed: int | Sequence[int], split: str, shape: tuple[int, ...] | None = None, with_text: bool = True) -> Frame:
    """The frame of a seed; its shape is (rows, columns). `split` is train, tune or test; a sixth of the frames has colour left out."""
    random = np.random.default_rng(seed)
    shape = shape or SHAPES[int(random.integers(len(SHAPES)))]
    modality, picture = background(random, shape, "train" if split == "train" else "test")
    made = Frame(modality, picture, [], np.zeros(shape, bool))
    if with_text:
        _LAYOUTS[int(random.integers(len(_LAYOUTS)))](random, made, split)
    if random.integers(6) == 0:
        made.picture = _in_grey(made.picture)
    return made


def _corners(random: Random, made: Frame, split: str) -> None:
    """A block of lines in some of the corners, as viewers and scanners write them."""
    style = _Style.any(random, made, split)
    rows, columns = made.taken.shape
    for corner in random.permutation(4)[: int(random.integers(1, 5))]:
        margin = int(random.choice((0, 2, 6, 12)))
        y = margin if corner < 2 else rows - margin - int(style.size * 1.6) * 4
        for _ in range(int(random.integers(1, 5))):
            text = style.drawing(random)
            x = margin if corner % 2 == 0 else columns - margin - text.coverage.shape[1]
            y += _place(random, made, text, (max(0, x), max(0, y)), style) + max(2, int(style.size * random.uniform(0.2, 0.8)))


def _banner(random: Random, made: Frame, split: str) -> None:
    """Strings on a bar of one colour at an edge."""
    style = _Style.any(random, made, split)
    rows, columns = made.taken.shape
    height = min(rows // 3, int(style.size * random.uniform(1.6, 5)))
    top = 0 if random.integers(2) else rows - height
    made.picture[top : top + height] = random.choice(((0, 0, 0), (36, 62, 98), (90, 90, 96), (0, 0, 60), (230, 230, 225), (160, 170, 180)))
    y = top + 2
    while y + style.size < top + height:
        x = int(random.uniform(0, 20))
        tallest = style.size
        while x < columns * 0.8:
            text = style.drawing(random)
            tallest = max(tallest, _place(random, made, text, (x, y), style))
            x += text.coverage.shape[1] + int(style.size * random.uniform(1.5, 8))
        y += int(tallest * random.uniform(1.15, 1.8))
    _scatter(random, made, split, most=3)


def _scattered(random: Random, made: Frame, split: str) -> None:
    _scatter(random, made, split, most=8)


def _scatter(random: Random, made: Frame, split: str, most: int) -> None:
    """Strings anywhere, each in a style of its own, some turned, some over the edge."""
    rows, columns = made.taken.shape
    for _ in range(int(random.integers(1, most + 1))):
        style = _Style.any(random, made, split)
        text = style.drawing(random)
        height, width = text.coverage.shape
        x, y = int(random.uniform(0, max(1, columns - width))), int(random.uniform(0, max(1, rows - height)))
        if random.integers(8) == 0:
            x, y = ((-height // 4, y), (x, -height // 4), (columns - width + height // 4, y), (x, rows - 3 * height // 4))[
                int(random.integers(4))
            ]
        _place(random, made, text, (x, y), style)


def _report(random: Random, made: Frame, split: str) -> None:
    """A screen of lines: a dose report, a work sheet."""
    style = _Style.any(random, made, split)
    style.size = min(style.size, max(9, made.taken.shape[0] // 16))
    y = int(random.uniform(2, 20))
    while y < made.taken.shape[0] - style.size and len(made.texts) < 40:
        x, tallest = int(random.uniform(2, 20)), style.size
        for _ in range(int(random.integers(1, 4))):
            text = style.drawing(random)
            tallest = max(tallest, _place(random, made, text, (x, y), style))
            x += text.coverage.shape[1] + int(style.size * random.uniform(1.5, 6))
        y += int(tallest * random.uniform(1.2, 2.2))


_LAYOUTS = (_corners, _corners, _banner, _scattered, _scattered, _report)


class _Drawing(NamedTuple):
    string: str
    script: str
    identifies: bool
    coverage: NDArray[np.uint8]
    turned: bool
    unseen: bool


@dataclasses.dataclass
class _Style:
    """What the strings of one block share."""

    script: str
    font: Font | int
    size: int
    turned: bool
    spacing: int
    outlined: bool
    paper: bool
    colour: NDArray[np.float64] | None
    contrast: float

    @classmethod
    def any(cls, random: Random, made: Frame, split: str) -> _Style:
        least = 8 if min(made.taken.shape) > 100 else 7
        most = min(90.0, min(made.taken.shape) / 5)
        size = int(
            np.exp(random.uniform(np.log(least), np.log(max(least + 1, most))))
            if random.integers(3) == 0
            else random.uniform(9, min(28, max(10, most)))
        )
        if split == "train" and random.integers(4) == 0:
            size = int(random.integers(least, SMALL + 1))
        scripts = TRAINING_SCRIPTS if split == "train" else SCRIPTS
        script = scripts[int(random.integers(len(scripts)))]
        if script in {"hangul", "japanese", "chinese", "arabic"}:
            size = max(size, 11)  # below that not even a person reads them
        return cls(
            script=script,
            font=_any_font(random, script, split),
            size=size,
            turned=random.integers(12) == 0,
            spacing=int(random.integers(1, 4)) if random.integers(8) == 0 else 0,
            outlined=random.integers(8) == 0,
            paper=random.integers(8) == 0,
            colour=None if random.integers(3) else np.array(_COLOURS[int(random.integers(len(_COLOURS)))], float),
            contrast=float(random.uniform(0.9, 1) if random.integers(3) else random.uniform(0.12, 0.9)),
        )

    def drawing(self, random: Random) -> _Drawing:
        for _ in range(20):
            is_label = random.integers(4) == 0
            string = label(random) if is_label else identifying(random, self.script)
            if isinstance(self.font, int):
                if not string.isascii():
                    continue
                coverage = stroked(string, self.font, self.size, 1 + int(self.size > 18) * int(random.integers(1, 3)))
            else:
                if not has_letters(self.font, string):
                    continue
                coverage = drawn(string, self.font, self.size, spacing=self.spacing)
            if coverage.size and coverage.shape[1] >= 0.2 * self.size * len(string):  # else the font hardly draws it
                turned = np.ascontiguousarray(np.rot90(coverage, int(random.choice((1, 3))))) if self.turned else coverage
                unseen = isinstance(self.font, Font) and self.font.is_unseen
                return _Drawing(string, "latin" if is_label or string.isascii() else self.script, not is_label, turned, self.turned, unseen)
        return _Drawing("DOE JOHN", "latin", True, stroked("DOE JOHN", FACES[0], self.size, 1), False, False)


def _any_font(random: Random, script: str, split: str) -> Font | int:
    if script == "latin" and random.integers(7) == 0:
        return FACES[int(random.integers(len(FACES)))]
    choices = fonts()[script]
    if split == "train":
        choices = tuple(font for font in choices if not font.is_unseen)
    bitmap = tuple(font for font in choices if font.sizes)
    if bitmap:
        choices = bitmap if random.integers(3) == 0 else tuple(font for font in choices if not font.sizes)
    return choices[int(random.integers(len(choices)))]


def _place(random: Random, made: Frame, text: _Drawing, at: tuple[int, int], style: _Style) -> int:
    """Draw the string where it is free, with contrast enough for a person to read it; its height in the frame."""
    x, y = at
    rows, columns = made.taken.shape
    height, width = text.coverage.shape
    left, top, right, bottom = max(0, x), max(0, y), min(columns, x + width), min(rows, y + height)
    if right - left < min(width, height) / 2 or bottom - top < min(width, height) / 2:
        return height
    coverage = text.coverage[top - y : bottom - y, left - x : right - x].astype(np.float32)[..., None] / 255
    room = slice(max(0, top - 3), bottom + 3), slice(max(0, left - 3), right + 3)
    if made.taken[room].any() or coverage.max() < 0.9:
        return height
    under = made.picture[room].astype(np.float32)
    if style.paper:
        made.picture[room] = int(random.choice((0, 255, 60)))
        under = made.picture[room].astype(np.float32)
    paper = under.reshape(-1, 3).mean(axis=0)
    unrest = float(under.std(axis=(0, 1)).max())
    if unrest > LEGIBLE_UNREST:  # fine grain, which a stroke of a letter spans
        unrest = float(cv2.blur(under, (max(1, round(style.size / STROKE)),) * 2).std(axis=(0, 1)).max())
    if unrest > LEGIBLE_UNREST:  # nobody could read letters of any colour there
        made.picture[room] = under.mean(axis=(0, 1)).astype(np.uint8) // 2
        paper, unrest = made.picture[room].reshape(-1, 3).astype(np.float32).mean(axis=0), 0.0
    ink = _ink(random, style, paper, unrest)
    if style.outlined:
        around = cv2.dilate(coverage[..., 0], np.ones((3, 3)))[..., None]
        edge = 0.0 if ink.mean() > 127 else 255.0
        made.picture[top:bottom, left:right] = _mixed(made.picture[top:bottom, left:right], edge, around)
    made.picture[top:bottom, left:right] = _mixed(made.picture[top:bottom, left:right], ink, coverage)
    inked = coverage[..., 0] > 0.5
    tight = cropped((inked * 255).astype(np.uint8))
    ys, xs = np.nonzero(inked)
    box = left + int(xs.min()), top + int(ys.min()), left + int(xs.min()) + tight.shape[1], top + int(ys.min()) + tight.shape[0]
    made.texts.append(Text(text.string, text.script, text.identifies, *box, tight > 0, text.turned, text.unseen))
    made.taken[room] = True
    return bottom - top


def _ink(random: Random, style: _Style, paper: NDArray[np.float32], unrest: float) -> NDArray[np.float64]:
    """A colour that stands out from the paper by at least 30 levels and 3 times its unrest, on the mean of the channels."""
    bright = paper.mean() < 128 if random.integers(8) else paper.mean() < 60
    choices = _COLOURS if bright else _DARK
    colour = style.colour if style.colour is not None and bright else np.array(choices[int(random.integers(len(choices)))], float)
    faint = paper + (colour - paper) * style.contrast
    if abs(float((faint - paper).mean())) >= max(30.0, 3 * unrest):
        return faint
    return np.array((255.0,) * 3) if paper.mean() < 128 else np.zeros(3)


def _mixed(under: Picture, ink: NDArray[np.float64] | float, coverage: NDArray[np.float32]) -> Picture:
    return np.rint(under * (1 - coverage) + ink * coverage).clip(0, 255).astype(np.uint8)


def frames(split: str, count: int, first: int = 0, with_text: bool = True) -> Iterator[Frame]:
    """`count` frames of a set from its seed number `first` on."""
    for number in range(first, first + count):
        yield frame(SEEDS[split] + number, split, with_text=with_text)


def cine(seed: int, split: str, with_text: bool = True) -> tuple[Frame, ...]:
    """The frames of the instance of a seed. The last is the frame of the seed; in one of six instances others come before it.

    These are pictures of their own, in half of the instances with text of their own, and else without any.
    """
    last = frame(seed, split, with_text=with_text)
    random = np.random.default_rng([seed, 2])
    before = 0 if random.integers(ONE_OF) else int(random.integers(1, MOST_FRAMES))
    written = with_text and bool(random.integers(2))
    others = [frame([seed, 3, number], split, last.taken.shape, written) for number in range(before)]
    for one in others if last.is_grey else ():
        one.picture = _in_grey(one.picture)
    return (*others, last)


def _in_grey(picture: Picture) -> Picture:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
