"""Tesseract, asked for a page of lines at a time (page segmentation mode 6, one block).

Where the package `tesserocr` is installed a process keeps the model loaded (`page_server`); without it pytesseract starts one for each
page, and loading the model costs more than reading. Either can be ended when it takes too long. They hold Tesseract in different versions,
which read most lines alike, and not all.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import pytesseract
from pytesseract.pytesseract import run_tesseract

from transforms.model.errors import ConfigError, InstanceProblem, PreflightError
from transforms.pixels.strips import HEIGHT, Strip

TIMEOUT = 60.0
"""Seconds for one page; a full one needs about two."""

_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
"""Where distributions keep packs: Debian and Ubuntu with Tesseract 5 and 4, Fedora and Arch, what is built by hand, Homebrew."""


class PageReader(Protocol):
    """An engine that reads a page."""

    def tsv(self, page: Strip) -> str:
        """Tesseract's TSV of a page, without its line of titles; empty when the time is up. Raises InstanceProblem OCR_FAILED."""
        ...


def page_reader(languages: Sequence[str]) -> PageReader:
    """The cheapest engine that is installed and finds its packs. `languages` as `languages_of`."""
    server = PageServer(languages) if importlib.util.find_spec("tesserocr") else None
    return server if server and server.packs else PageProcess(languages)


def check_reading(languages: Sequence[str]) -> None:
    """Read an empty page, as a run would. Raises PreflightError where there is no answer; `languages` as `languages_of`."""
    try:
        answer = page_reader(languages).tsv(np.full((HEIGHT, HEIGHT), 255, np.uint8))
    except InstanceProblem:
        answer = ""
    if not answer:
        mend = "run `tesseract --list-langs`, and install anew the packs it names, or choose others by --ocr_languages"
        raise PreflightError("tesseract", f"it reads no page with {'+'.join(languages)}", mend)


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
                "--ocr_languages",
                "this pack is not installed",
                f"install tesseract-ocr-{pack.replace('_', '-')}, or choose of {', '.join(installed)}",
                pack,
            )
    return tuple(wanted) or installed


class PageProcess:
    """pytesseract: one process a page.

    Pages are handed over as uncompressed files, since encoding PNG can cost more than the reading, in a folder of their own
    that only this user can read and that goes with the answer.
    """

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
                return answer.with_suffix(".tsv").read_text(encoding="utf-8").partition("\n")[2]
            except (RuntimeError, OSError) as problem:  # TesseractError is a RuntimeError, and so is its time-out
                if "timeout" in str(problem):
                    return ""
                raise _failed() from None


class PageServer:
    """tesserocr: one process for all pages, started anew after one that took too long or broke. Not picklable; made once a worker."""

    def __init__(self, languages: Sequence[str], timeout: float = TIMEOUT) -> None:
        program = Path(__file__).with_name("page_server.py")
        self.packs = _packs_folder(languages)
        """The folder that it reads them from; empty where it finds none, and can read nothing."""
        self._command = [sys.executable, "-P", str(program), self.packs, "+".join(languages)]
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None

    def tsv(self, page: Strip) -> str:
        """As `PageReader.tsv`."""
        process, self._process = self._process or self._started(), None  # whoever leaves it halfway must not have its answer next
        begun, timer = time.monotonic(), threading.Timer(self._timeout, process.kill)
        timer.start()
        try:
            answer = _answer(process, page)
        except (OSError, EOFError):  # the process is gone
            _end(process)
            if time.monotonic() - begun >= self._timeout:
                return ""
            raise _failed() from None
        finally:
            timer.cancel()
        self._process = process
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        weakref.finalize(self, _end, process)
        return process


def _answer(process: subprocess.Popen[bytes], page: Strip) -> str:
    """Raises OSError and EOFError if the process is gone."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(struct.pack("<II", *page.shape) + page.tobytes())
    process.stdin.flush()
    length = int.from_bytes(_whole(process.stdout, 4), "little")
    return _whole(process.stdout, length).decode()


def _whole(stream: IO[bytes], length: int) -> bytes:
    """So many bytes. Raises EOFError if the stream ends before."""
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _failed() -> InstanceProblem:
    return InstanceProblem("pixels", "OCR_FAILED", "Tesseract gave no answer for a page of lines")


def _packs_folder(languages: Sequence[str]) -> str:
    """The folder that holds all of the packs; empty where none is found. Tesseract 5 tells it when it lists them, Tesseract 4 does not."""
    command = [pytesseract.pytesseract.tesseract_cmd, "--list-langs"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the one that pytesseract runs
    told = listed.stdout.partition('"')[2].partition('"')[0]
    folders = [folder for folder in (told, os.environ.get("TESSDATA_PREFIX", ""), *_FOLDERS) if folder]
    return next((folder for folder in folders if all(Path(folder, f"{pack}.traineddata").exists() for pack in languages)), "")
