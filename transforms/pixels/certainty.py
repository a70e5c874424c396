"""Whether what was read of a line can be believed to be all that it says.

The least sure of its words decides, for a reader is as sure as ever of the English beside a name in a script that it does not know;
and so does ink that is in none of its words, since a word may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from transforms.inspection.allowed import is_allowed
from transforms.pixels.strips import HEIGHT, Strip

SURE = 0.6
"""A word read with less confidence is not believed. On the shipped ultrasounds half of the lines below it are misread beyond
recognition, of those above it one in twenty."""
SURE_UNLISTED = 0.85
"""The same of a word that is not of the allow-list. Letters of another script that pass for Latin (XPIZTOY, MBAHOB) are read as surely as
`SURE` in one line of seven, in one of fifty as surely as this."""

_INK = 235
"""Samples that are darker than this are ink: a twelfth of the strongest, so that a faint word beside a bright one is seen."""
_TALL, _AREA = HEIGHT // 3, 60
"""Pixels in height and in all that a letter of a line has at least; what is smaller is a mark, or grain."""
_AROUND = 4
"""Pixels around a word that are its own."""
_OUTSIDE = 0.75
"""Share of a letter that must be in no word for it to be unread: boxes of words sometimes cut their last letter."""
_LETTERS = re.compile(r"[^\W\d_]+")


class Word(NamedTuple):
    """One word that was read, and where; pixels of its strip."""

    left: int
    top: int
    width: int
    height: int
    confidence: float
    """0 to 1."""
    text: str


def is_sure(words: Sequence[Word], strip: Strip) -> bool:
    """Whether these words are surely all that a strip (dark on white, HEIGHT rows) says."""
    said = [word for word in words if not _is_mark(word)]
    return bool(said) and all(map(_is_believed, said)) and not _has_more(words, strip)


def _is_mark(word: Word) -> bool:
    """Whether it is a lone dot or dash."""
    return len(word.text) == 1 and not word.text.isalnum() and word.height <= _TALL


def _is_believed(word: Word) -> bool:
    known = all(is_allowed(letters) for letters in _LETTERS.findall(word.text))
    return word.confidence >= (SURE if known else SURE_UNLISTED)


def _has_more(words: Sequence[Word], strip: Strip) -> bool:
    """Whether there is ink as large as a letter beyond the words."""
    outside = np.ones(strip.shape, np.uint8)
    for word in words:
        bottom, right = word.top + word.height + _AROUND, word.left + word.width + _AROUND
        outside[max(0, word.top - _AROUND) : max(0, bottom), max(0, word.left - _AROUND) : max(0, right)] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats((strip < _INK).astype(np.uint8))
    area = stats[:, cv2.CC_STAT_AREA]
    unread = np.bincount(labels.ravel(), weights=outside.ravel(), minlength=count) >= _OUTSIDE * area
    letters = (stats[:, cv2.CC_STAT_HEIGHT] >= _TALL) & (area >= _AREA)
    return bool(np.any((unread & letters)[1:]))  # the first is the paper
