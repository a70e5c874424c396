"""What lines say: strips stacked to pages, read by Tesseract a page at a time (page segmentation mode 6, one block).

A page costs one process whatever its number of lines. Where the package `tesserocr` is installed the model stays loaded
instead, which is cheaper still; it reads the same pages. What has been read once is remembered by its ink, so a banner that
stands in every frame is read in the first.

Pages are handed over as uncompressed files, since encoding PNG can cost more than the reading, in a folder of their own
that only this user can read and that goes with the answer.
"""

from __future__ import annotations

import collections
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytesseract
from pytesseract.pytesseract import run_tesseract

from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.pixels.strips import MOST_ROWS, Page, Strip, pages

TIMEOUT = 60.0
"""Seconds for one page; a full one needs about two."""
_REMEMBERED = 4096


class Reading(NamedTuple):
    """What a strip says; empty if it was not read. `confidence` is 0 to 1, Tesseract's own."""

    text: str = ""
    confidence: float | None = None


class PageReader(Protocol):
    """An engine that reads a page."""

    def tsv(self, page: Strip) -> str:
        """Tesseract's TSV of a page; empty when the time is up. Raises InstanceProblem OCR_FAILED."""
        ...


def installed_languages() -> tuple[str, ...]:
    """The installed language packs, English first. Raises PreflightError if there is no Tesseract, or no pack."""
    try:
        packs = sorted({*pytesseract.get_languages()} - {"osd"}, key=lambda pack: (pack != "eng", pack))
    except (pytesseract.TesseractNotFoundError, pytesseract.TesseractError, OSError):
        raise PreflightError("tesseract", "lines cannot be read without it", "install it (Debian: apt-get install tesseract-ocr)") from None
    if not packs:
        raise PreflightError("tesseract", "no language pack is installed", "install one (Debian: apt-get install tesseract-ocr-eng)")
    return tuple(packs)


def languages_of(wanted: Iterable[str]) -> tuple[str, ...]:
    """The packs of `--ocr_languages`, all that are installed where it names none. Raises ConfigError and PreflightError."""
    installed = installed_languages()
    for pack in wanted:
        if pack not in installed:
            raise ConfigError(
                "--ocr_languages", "this pack is not installed", f"install tesseract-ocr-{pack}, or choose of {', '.join(installed)}", pack
            )
    return tuple(wanted) or installed


class TesseractProcess:
    """One process a page, one thread a process."""

    def __init__(self, languages: Sequence[str], timeout: float = TIMEOUT) -> None:
        self._languages, self._timeout = "+".join(languages), timeout
        os.environ["OMP_THREAD_LIMIT"] = "1"  # unset, one call burns 2.4 times the CPU

    def tsv(self, page: Strip) -> str:
        """As `PageReader.tsv`."""
        with tempfile.TemporaryDirectory(prefix="dicom-deid-") as folder:
            rows, columns = page.shape
            source, answer = Path(folder, "page.pgm"), Path(folder, "answer")
            source.write_bytes(b"P5 %d %d 255\n" % (columns, rows) + page.tobytes())
            try:
                run_tesseract(str(source), str(answer), "tsv", self._languages, "--psm 6 -c tessedit_create_tsv=1", timeout=self._timeout)
                return answer.with_suffix(".tsv").read_text(encoding="utf-8")
            except (RuntimeError, OSError) as problem:  # TesseractError is a RuntimeError, and so is its time-out
                if "timeout" in str(problem):
                    return ""
                raise InstanceProblem("pixels", "OCR_FAILED", "Tesseract gave no answer for a page of lines") from None


class TesseractInProcess:
    """The package `tesserocr`: a model that stays loaded. Not picklable; made once a worker."""

    def __init__(self, languages: Sequence[str], timeout: float = TIMEOUT) -> None:
        os.environ["OMP_THREAD_LIMIT"] = "1"
        import tesserocr  # noqa: PLC0415 - only where it is installed

        self._timeout = round(timeout * 1000)
        self._engine: Any = tesserocr.PyTessBaseAPI(path=_packs_folder(), lang="+".join(languages), psm=tesserocr.PSM.SINGLE_BLOCK)

    def tsv(self, page: Strip) -> str:
        """As `PageReader.tsv`."""
        rows, columns = page.shape
        self._engine.SetImageBytes(page.tobytes(), columns, rows, 1, columns)
        if not self._engine.Recognize(self._timeout):
            return ""
        return "\n" + str(self._engine.GetTSVText(0))


def _packs_folder() -> str:
    """Where the distribution keeps its packs: Tesseract's first line of `--list-langs` says so."""
    listed = pytesseract.pytesseract.subprocess.run(
        [pytesseract.pytesseract.tesseract_cmd, "--list-langs"], capture_output=True, text=True, check=True
    )
    return listed.stdout.partition('"')[2].partition('"')[0]


def page_reader(languages: Sequence[str]) -> PageReader:
    """The cheapest engine that is installed."""
    return TesseractInProcess(languages) if importlib.util.find_spec("tesserocr") else TesseractProcess(languages)


class Reader:
    """Reads strips, each ink once, until it is to forget."""

    def __init__(self, engine: PageReader) -> None:
        self._engine = engine
        self._known: collections.OrderedDict[bytes, Reading] = collections.OrderedDict()

    def read(self, strips: Sequence[Strip]) -> list[Reading]:
        """What each strip says. Raises InstanceProblem OCR_FAILED; a page that takes too long leaves its strips unread."""
        digests = [hashlib.blake2b(strip.tobytes() + repr(strip.shape).encode(), digest_size=16).digest() for strip in strips]
        answers = {digest: self._known[digest] for digest in digests if digest in self._known}
        new = {digest: strip for digest, strip in zip(digests, strips, strict=True) if digest not in answers}
        for start, page in zip(range(0, len(new), MOST_ROWS), pages([*new.values()]), strict=True):
            tsv = self._engine.tsv(page.image)
            for digest, reading in zip([*new][start : start + MOST_ROWS], _readings(tsv, page), strict=True):
                answers[digest] = reading
                if tsv:
                    self._known[digest] = reading
        for digest in digests:
            if digest in self._known:
                self._known.move_to_end(digest)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return [answers[digest] for digest in digests]

    def forget(self) -> None:
        """Read everything anew from now on: what Tesseract makes of a line hangs a little on the lines beside it on its page."""
        self._known.clear()


def _readings(tsv: str, page: Page) -> list[Reading]:
    """The words of a TSV (level 5) put back to their strips, from left to right."""
    words: list[list[tuple[int, float, str]]] = [[] for _ in page.tops]
    for row in tsv.splitlines()[1:]:
        fields = row.split("\t")
        if fields[0] == "5" and len(fields) == 12 and fields[-1].strip():
            left, top, _, height, confidence = (float(field) for field in fields[6:11])
            words[page.row(top, top + height)].append((int(left), confidence, fields[-1].strip()))
    return [_reading(sorted(some)) for some in words]


def _reading(words: list[tuple[int, float, str]]) -> Reading:
    if not words:
        return Reading()
    weights = np.array([len(text) for _, _, text in words], float)
    confidence = float(np.average([max(0.0, confidence) / 100 for _, confidence, _ in words], weights=weights))
    return Reading(" ".join(text for _, _, text in words), round(confidence, 4))
