"""The type faces strings are drawn in: outline and bitmap fonts of Debian packages, and OpenCV's strokes."""

from __future__ import annotations

import functools
import io
import re
import subprocess
import unicodedata
import zlib
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

PACKAGES = (
    "fonts-dejavu-core fonts-dejavu-extra fonts-liberation fonts-freefont-ttf fonts-noto-core fonts-noto-cjk fonts-nanum "
    "fonts-baekmuk fonts-ipafont fonts-vlgothic fonts-wqy-zenhei fonts-wqy-microhei fonts-arphic-uming fonts-paratype fonts-kacst "
    "fonts-hosny-amiri fonts-hosny-thabit fonts-terminus fonts-unifont xfonts-base xfonts-75dpi fonts-roboto-unhinted "
    "fonts-open-sans fonts-hack fonts-inconsolata fonts-lato fonts-cantarell"
).split()
"""What the command installs. `fc-list` then finds the files."""

FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_COMPLEX)
_BITMAP_SIZES = range(6, 40)
_NOBODYS = "\U0010ffff"
"""What is no character (Unicode 23.7): a font draws it as it draws every letter that it lacks."""
_COMPARED = 24
"""Pixels of the size in which letters are compared with it."""


class Font(NamedTuple):
    """One face. `sizes` is empty where any size goes."""

    name: str
    path: str
    index: int
    sizes: tuple[int, ...]

    @property
    def is_unseen(self) -> bool:
        """Whether training leaves it out, so that figures on it tell of fonts never met."""
        return zlib.crc32(self.name.encode()) % 4 == 0


@functools.cache
def fonts() -> dict[str, tuple[Font, ...]]:
    """Script → the installed fonts that have it, in a fixed order. Raises RuntimeError if a script has none."""
    listed = subprocess.run(["fc-list", "--format", "%{file}\t%{index}\t%{family}\t%{lang}\n"], capture_output=True, text=True, check=True)  # noqa: S607
    found: dict[str, set[Font]] = {script: set() for script in _LANGUAGES}
    for row in sorted(set(listed.stdout.splitlines())):
        path, index, family, languages = [*row.split("\t"), "", "", ""][:4]
        if (
            int(index) >= 65536
            or "Type1" in path
            or "type1" in path
            or any(word in family for word in ("Symbol", "Dingbats", "Emoji", "Cursor"))
        ):
            continue
        spoken = set(languages.split("|"))
        font = _font(path, int(index), family.split(",")[0])
        if font is None:
            continue
        for script, languages_of in _LANGUAGES.items():
            if spoken & languages_of:
                found[script].add(font)
    # fc-list hides bitmap fonts on Debian.
    bitmaps = (
        _font(str(path), 0, "X11") for path in sorted(Path("/usr/share/fonts/X11").glob("*/*.pcf.gz")) if _LATIN_BITMAP.search(path.name)
    )
    found["latin"] |= {font for font in bitmaps if font is not None}
    for script, some in found.items():
        if not some:
            raise RuntimeError(f"no font for {script}: apt-get install {' '.join(PACKAGES)}")
    return {script: tuple(sorted(some)) for script, some in found.items()}


_LATIN_BITMAP = re.compile(r"^(\d+x\d+B?|(cour|helv|lu|lut|tim|ncen|term|char).*)(-ISO8859-1)?\.pcf\.gz$")

_LANGUAGES = {
    "latin": {"de", "fr"},
    "cyrillic": {"ru"},
    "greek": {"el"},
    "hangul": {"ko"},
    "japanese": {"ja"},
    "chinese": {"zh-cn", "zh-tw"},
    "arabic": {"ar"},
}


@functools.cache
def _font(path: str, index: int, family: str) -> Font | None:
    name = f"{family} {Path(path).name.split('.')[0]} {index}"
    if not path.endswith((".pcf.gz", ".otb")):
        return Font(name, path, index, ())
    sizes = tuple(size for size in _BITMAP_SIZES if _loads(path, size, index))
    return Font(name, path, index, sizes) if sizes else None


def _loads(path: str, size: int, index: int) -> bool:
    try:
        _loaded(path, size, index)
    except OSError:
        return False
    return True


@functools.lru_cache(96)
def _loaded(path: str, size: int, index: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(_content(path)), size, index)


@functools.lru_cache(64)
def _content(path: str) -> bytes:
    return Path(path).read_bytes()  # from a path, Pillow searches all folders of fonts for a size that a font lacks


def has_letters(font: Font, text: str) -> bool:
    """Whether a font has every letter of `text`, and draws an empty box, or nothing, for none. Spaces and combining marks do not count."""
    return all(_has(font, letter) for letter in set(text) if not (letter.isspace() or unicodedata.combining(letter)))


@functools.cache
def _has(font: Font, letter: str) -> bool:
    mask = _mask(font, letter)
    return any(mask[1]) and mask != _lacking(font)


@functools.cache
def _lacking(font: Font) -> tuple[tuple[int, int], bytes]:
    return _mask(font, _NOBODYS)


def _mask(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    """Size and coverage of one letter."""
    size = min(font.sizes, key=lambda one: abs(one - _COMPARED)) if font.sizes else _COMPARED
    mask = _loaded(font.path, size, font.index).getmask(letter)
    return mask.size, bytes(mask)


def drawn(text: str, font: Font, size: int, *, spacing: int = 0) -> NDArray[np.uint8]:
    """The coverage of `text`, 0 to 255, cropped to its ink; `spacing` adds pixels between letters. Empty if nothing was drawn."""
    if font.sizes:
        size = min(font.sizes, key=lambda one: abs(one - size))
    face = _loaded(font.path, size, font.index)
    width = int(face.getlength(text)) + (len(text) + 1) * spacing + 2 * size
    canvas = Image.new("L", (max(width, 1), 3 * size))
    pen = ImageDraw.Draw(canvas)
    if font.sizes:
        pen.fontmode = "1"
    if spacing and not _joined(text):
        x = float(size // 2)
        for character in text:
            pen.text((x, size // 2), character, 255, face)
            x += face.getlength(character) + spacing
    else:
        direction = {"direction": "rtl"} if _joined(text) and features.check("raqm") else {}
        pen.text((size // 2, size // 2), text, 255, face, **direction)
    return cropped(np.asarray(canvas))


def stroked(text: str, face: int, size: int, thickness: int) -> NDArray[np.uint8]:
    """As `drawn`, in one of OpenCV's stroke faces; Latin without accents only."""
    scale = size / 30 if face != cv2.FONT_HERSHEY_PLAIN else size / 14
    (width, height), below = cv2.getTextSize(text, face, scale, thickness)
    canvas = np.zeros((height + below + 4 * thickness + 4, width + 4 * thickness + 4), np.uint8)
    cv2.putText(canvas, text, (2 * thickness, height + 2 * thickness), face, scale, 255, thickness, cv2.LINE_AA)
    return cropped(canvas)


def cropped(coverage: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without the empty rows and columns around."""
    rows, columns = np.nonzero(coverage.max(axis=1) > 127)[0], np.nonzero(coverage.max(axis=0) > 127)[0]
    return coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else coverage[:0, :0]


def _joined(text: str) -> bool:
    return any("\u0590" <= character <= "\u08ff" for character in text)
