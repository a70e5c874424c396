"""What is left of a planted patient in an output, by the rule that docs/config.md states for short words and numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

NUMBERS = frozenset({"DS", "IS", "TM", "UI"})
TEXTS = frozenset({"AE", "LO", "LT", "OB", "OW", "PN", "SH", "ST", "UC", "UN", "UR", "UT"})
STANDARD_WORDS = {("BodyPartExamined", "head"), ("BodyPartExamined", "chest"), ("BodyPartExamined", "pancreas")}
"""What the standard calls by the names of our patients."""
_TIME = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")
"""Four digits that are a time of day."""
_ANYWHERE, _WORD_DIGITS, _WORD_LETTERS = 8, 4, 3


class Left(NamedTuple):
    """A word of the patient that is still there."""

    kind: str
    where: str
    vr: str
    value: str


def left(content: bytes, words: dict[str, str]) -> list[Left]:
    """Every one in a Part 10 file, its file meta information included."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    found = []
    for where, keyword, vr, text in (*_values(dataset.file_meta), *_values(dataset)):
        for kind, word in words.items():
            if (keyword, text.lower().strip()) not in STANDARD_WORDS and _stands(kind, word, vr, text):
                found.append(Left(kind, where, vr, text))
    return found


def _values(dataset: Dataset, above: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Path, keyword, VR and text of every value; bytes as UTF-8."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001 - pydicom raises whatever the bytes make it raise
            element = dataset.get_item(tag)
        where = f"{above}{int(tag):08X}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _values(item, f"{where}[{number}].")
            continue
        values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
        for value in values:
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            yield where, getattr(element, "keyword", ""), str(element.VR), text


def _stands(kind: str, word: str, vr: str, text: str) -> bool:
    if kind in ("study", "series", "instance"):
        return re.search(rf"(?<![\d.]){re.escape(word)}(?!\.?\d)", text) is not None
    if kind == "birth":
        return re.search(rf"{word[:4]}[-/]?{word[4:6]}[-/]?{word[6:]}", text) is not None
    folded, small = text.lower(), word.lower()
    alone = folded.strip(" \0.,()-_") == small
    short = len(small) < _WORD_LETTERS or (small.isdigit() and len(small) < _WORD_DIGITS)
    if short or (vr == "TM" and _TIME.fullmatch(folded.strip())):
        return alone and vr in TEXTS and not small.isdigit()
    if len(small) >= _ANYWHERE and small in folded:
        return True
    if vr in NUMBERS and small.isdigit():
        return alone if len(small) == _WORD_DIGITS else re.search(rf"(?<![\d]){small}(?![\d])", folded) is not None
    return re.search(rf"(?<![^\W_]){re.escape(small)}(?![^\W_])", folded) is not None
