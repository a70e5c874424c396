"""The naive engine: pytesseract over a whole image (Tesseract 5, page segmentation mode 11, sparse text).

The image is read twice, as it is and flattened (`flatten`): Tesseract binarises at one threshold, so letters on a banner or
on a bright film are lost in the first reading, large ones in the second.

Its image is handed over as an uncompressed file, since encoding PNG can cost more than the search, in a folder of
its own that only this user can read and that goes with the answer.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytesseract
from numpy.typing import NDArray
from pytesseract.pytesseract import run_tesseract

from transforms.model.errors import InstanceProblem, PreflightError
from transforms.pixels.flatten import flattened
from transforms.pixels.search import Line, is_same, merged

SMALLEST_FRAME = 24
"""Pixels as stored: a frame smaller than this both ways has no room for a line of six letters of any font."""

SHORTEST_WORD = 4
"""Pixels as stored: a word of small letters in the smallest bitmap fonts. A flatter box is a rule or an edge."""

SEARCHED_SIDE = 1280
"""Pixels to which the longer side of a small frame is enlarged, in whole steps. Measured on the shipped ultrasounds:
at 320x240 with 6-pixel letters the institution's name is read at 4x only; at 640x480, 2x finds a name that 1x misses."""

LARGEST_SCALE = 4
PADDING = 3
"""Pixels around a line, for the soft edges of its letters."""

LONE_CONFIDENCE = 0.9
"""A line of one letter or digit counts from here. Noise on the shipped CT and MR reaches 0.82; names have two."""

LARGE = 24
SURENESS = 3.0
"""A line thicker than LARGE pixels must be read the surer the more of the frame's shorter side it takes: with at least
SURENESS times that share as confidence, 0.9 at most. Real lines of that size are read at 0.95; anatomy taken for letters
across half a frame at 0 to 0.6, and would cost the whole image."""

WIDEST_LETTER = 1.5
"""Thicknesses of a line thicker than LARGE that its length may have for each letter read; no font is wider, an arc of bone is."""

SEEN_ONCE_CONFIDENCE = 0.4
SEEN_ONCE_SHORT_CONFIDENCE = 0.5
SHORT = 4
"""A line that only one of the two readings has counts from 0.4, one of fewer than SHORT letters from 0.5; what both have always
counts. Letters look like letters in both, while grain and tissue are taken for other, mostly short words at other places.
Chosen by `benchmarks/text_search.py`: at 0.4 for all, one string in 97 more is found on the real ultrasounds, and half as
much again is taken from frames without text."""

TIMEOUT = 300.0
"""Seconds for one image; the largest shipped one needs under 5."""


def check_tesseract() -> tuple[str, ...]:
    """The installed language packs, English first. Raises PreflightError if there is no Tesseract, or no pack."""
    try:
        packs = sorted({*pytesseract.get_languages()} - {"osd"}, key=lambda pack: (pack != "eng", pack))
    except (pytesseract.TesseractNotFoundError, pytesseract.TesseractError, OSError):
        raise PreflightError(
            "tesseract", "text in pixels cannot be looked for without it", "install it (Debian: apt-get install tesseract-ocr)"
        ) from None
    if not packs:
        raise PreflightError("tesseract", "no language pack is installed", "install one (Debian: apt-get install tesseract-ocr-eng)")
    return tuple(packs)


class Tesseract:
    """Searches an image for lines of text, one process a reading and one thread a process."""

    def __init__(self, languages: Iterable[str] = ()) -> None:
        """`languages`: names of packs; all that are installed if empty. Raises PreflightError (`check_tesseract`)."""
        self._languages = "+".join(tuple(languages) or check_tesseract())
        os.environ["OMP_THREAD_LIMIT"] = "1"  # unset, one call burns 2.4 times the CPU

    def lines(self, image: NDArray[np.uint8]) -> list[Line]:
        """As `TextSearch.lines`, from top to bottom. Raises InstanceProblem OCR_FAILED."""
        if max(image.shape[:2]) < SMALLEST_FRAME:
            return []
        scale = max(1, min(LARGEST_SCALE, round(SEARCHED_SIDE / max(image.shape[:2]))))
        grey = _grey(image)
        enlarged = grey if scale == 1 else np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
        plain, flat = (
            list(_lines(_words(self._read(page), scale), image.shape[1], image.shape[0])) for page in (enlarged, flattened(enlarged, scale))
        )
        return merged([*_trusted(plain, flat), *_trusted(flat, plain)])

    def _read(self, grey: NDArray[np.uint8]) -> str:
        with tempfile.TemporaryDirectory(prefix="dicom-deid-") as folder:
            rows, columns = grey.shape
            page = Path(folder, "image.pgm")
            page.write_bytes(b"P5 %d %d 255\n" % (columns, rows) + grey.tobytes())
            answer = Path(folder, "answer")
            try:
                run_tesseract(str(page), str(answer), "tsv", self._languages, "--psm 11 -c tessedit_create_tsv=1", timeout=TIMEOUT)
                return answer.with_suffix(".tsv").read_text(encoding="utf-8")
            except (RuntimeError, OSError):  # TesseractError is a RuntimeError, and so is its time-out
                raise InstanceProblem("pixels", "OCR_FAILED", "Tesseract gave no answer for a frame") from None


def _trusted(lines: Iterable[Line], others: Iterable[Line]) -> Iterator[Line]:
    """The lines that were read surely, or that the other reading has, too."""
    for line in lines:
        enough = SEEN_ONCE_SHORT_CONFIDENCE if _letters(line.text) < SHORT else SEEN_ONCE_CONFIDENCE
        if (line.confidence or 0.0) >= enough or any(is_same(line, other) for other in others):
            yield line


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One grey channel in which saturated letters keep their contrast.

    On a dark image the largest channel (yellow, cyan and blue stay bright), on a bright one the smallest.
    """
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    brightest = image.max(axis=2)
    return brightest if np.median(brightest) < 128 else image.min(axis=2)


class _Word(NamedTuple):
    line: tuple[str, ...]
    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    text: str


def _words(tsv: str, scale: int) -> Iterator[_Word]:
    """The words of Tesseract's TSV (level 5), in pixels of the image before it was enlarged."""
    for row in tsv.splitlines()[1:]:
        fields = row.split("\t")
        if fields[0] == "5" and len(fields) == 12 and fields[-1].strip():
            _, *place, left, top, width, height, confidence, text = fields
            box = int(left), int(top), int(left) + int(width), int(top) + int(height)
            yield _Word(
                tuple(place[:-1]),
                box[0] // scale,
                box[1] // scale,
                math.ceil(box[2] / scale),
                math.ceil(box[3] / scale),
                float(confidence),
                text.strip(),
            )


def _lines(words: Iterable[_Word], columns: int, rows: int) -> Iterator[Line]:
    """Words joined to lines and padded. No word is dropped for its confidence but a lone letter and a giant."""
    grouped: dict[tuple[str, ...], list[_Word]] = {}
    for word in words:
        if _letters(word.text) and min(word.right - word.left, word.bottom - word.top) >= SHORTEST_WORD:
            grouped.setdefault(word.line, []).append(word)
    for line in grouped.values():
        left, top = min(word.left for word in line), min(word.top for word in line)
        right, bottom = max(word.right for word in line), max(word.bottom for word in line)
        confidence = max(0.0, sum(word.confidence for word in line) / len(line) / 100)
        text = " ".join(word.text for word in line)
        if _letters(text) < 2 and confidence < LONE_CONFIDENCE:
            continue
        thickness = min(right - left, bottom - top)
        if thickness > LARGE and confidence < min(0.9, SURENESS * thickness / min(columns, rows)):
            continue
        if thickness > LARGE and max(right - left, bottom - top) > WIDEST_LETTER * thickness * _letters(text):
            continue
        box = max(0, left - PADDING), max(0, top - PADDING), min(columns, right + PADDING), min(rows, bottom + PADDING)
        yield Line(*box, text, round(confidence, 4))


def _letters(text: str) -> int:
    """Letters and digits; one of a script from the CJK radicals on counts as two, since one can be a whole name."""
    return sum(character.isalnum() + (character >= "\u2e80") for character in text)
