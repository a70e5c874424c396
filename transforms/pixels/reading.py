"""What lines say: strips stacked to pages, read a page at a time, each ink once, so that a banner in every frame is read in the first."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transforms.pixels.certainty import Word, is_sure
from transforms.pixels.strips import GAP, HEIGHT, MOST_ROWS, Page, Strip, pages
from transforms.pixels.tesseract import PageReader
from transforms.pixels.timing import Stopwatch

MOST_LATE = 2
"""Pages of one instance that may take too long; then no more of it are tried, so that a reader that hangs holds up none for long."""
_REMEMBERED = 4096


class Reading(NamedTuple):
    """What a strip says; empty if it was not read. `confidence` is 0 to 1, Tesseract's own."""

    text: str = ""
    confidence: float | None = None
    sure: bool = False
    """As `certainty.is_sure`."""


class Reader:
    """Reads strips, each ink once, until it is to forget."""

    def __init__(self, engine: PageReader, watch: Stopwatch | None = None) -> None:
        """`watch` is told of what is left unread."""
        self._engine, self._watch = engine, watch or Stopwatch()
        self._late = 0
        self._known: collections.OrderedDict[bytes, Reading] = collections.OrderedDict()

    def read(self, strips: Sequence[Strip]) -> list[Reading]:
        """What each strip says. Raises InstanceProblem OCR_FAILED; a page that takes too long leaves its strips unread, and after
        MOST_LATE of them all others are, until it is to forget.
        """
        digests = [hashlib.blake2b(strip.tobytes() + repr(strip.shape).encode(), digest_size=16).digest() for strip in strips]
        answers = {digest: self._known[digest] for digest in digests if digest in self._known}
        new = {digest: strip for digest, strip in zip(digests, strips, strict=True) if digest not in answers}
        for start, page in zip(range(0, len(new), MOST_ROWS), pages([*new.values()]), strict=True):
            tsv = self._engine.tsv(page.image) if self._late < MOST_LATE else ""
            if not tsv:
                self._late += 1
                self._watch.unread += len(page.tops)
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
        self._late = 0


def _readings(tsv: str, page: Page) -> list[Reading]:
    """The words of a TSV (level 5) put back to their strips, from left to right."""
    words: list[list[Word]] = [[] for _ in page.tops]
    for row in tsv.splitlines():
        fields = row.split("\t")
        if fields[0] == "5" and len(fields) == 12 and fields[-1].strip():
            left, top, width, height = map(int, fields[6:10])
            number = page.row(top, top + height)
            confidence = max(0.0, float(fields[10])) / 100
            words[number].append(Word(left - GAP, top - page.tops[number], width, height, confidence, fields[-1].strip()))
    return [_reading(sorted(some), page.image[top : top + HEIGHT, GAP:]) for some, top in zip(words, page.tops, strict=True)]


def _reading(words: list[Word], strip: Strip) -> Reading:
    if not words:
        return Reading()
    confidence = float(np.average([word.confidence for word in words], weights=[len(word.text) for word in words]))
    return Reading(" ".join(word.text for word in words), round(confidence, 4), is_sure(words, strip))
