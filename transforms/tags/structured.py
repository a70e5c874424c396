"""Clean Structured Content (PS3.15 E.3.4): what becomes of a content item by its concept name, Table E.3.4-1."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources

from pydicom.dataset import Dataset

from transforms.model.plan import Option
from transforms.tags import elements
from transforms.tags.actions import Step

CONTENT_SEQUENCE = 0x0040A730
TEXT_VALUE, CODE_VALUE, MEASURED_VALUE = 0x0040A160, 0x0040A168, 0x0040A300
"""What a content item says, where Table E.1-1 does not take it away under every option, as it does names (PS3.3 C.18)."""
_DATE_TIME, _DATE, _TIME = 0x0040A120, 0x0040A121, 0x0040A122
_SAYS = {
    TEXT_VALUE: Step.DUMMY,
    CODE_VALUE: Step.DUMMY,
    MEASURED_VALUE: Step.EMPTY,
    _DATE_TIME: Step.DUMMY,
    _DATE: Step.DUMMY,
    _TIME: Step.DUMMY,
}
TEMPLATE, RELATIONSHIP, VALUE_TYPE, REFERENCED = 0x0040A504, 0x0040A010, 0x0040A040, 0x00081199
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"
_CONCEPT_NAME, _CODE, _SCHEME = 0x0040A043, 0x00080100, 0x00080102
_REFERENCE_TYPES = ("COMPOSITE", "IMAGE", "WAVEFORM")
_REFERENCED_ITEM = 0x0040DB73

_TABLE = json.loads(resources.files("transforms.tags").joinpath("data/content_items.json").read_text(encoding="utf-8"))
_SNOMED_RT = ("SRT", "SNM3", "99SDM")
"""Designators under which objects of before 2018 have the concepts of SCT by their older codes (PS3.16 8)."""
_SAME = {
    ("121033", "DCM"): (
        ("30525-0", "LN"),
        ("21612-7", "LN"),
        ("29553-5", "LN"),
        ("397669002", "SCT"),
        ("424144002", "SCT"),
        ("C25150", "NCIt"),
    ),
    ("121031", "DCM"): (("21112-8", "LN"), ("184099003", "SCT"), ("C68615", "NCIt")),
}
"""Concepts that say what one of the table says: Subject Age, and Subject Birth Date. Chosen here."""


def _spellings(item: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A concept of the table in every scheme in which objects name it."""
    concept = item["code"], item["scheme"]
    yield from (concept, *_SAME.get(concept, ()))
    if "older" in item:
        yield from ((item["older"], scheme) for scheme in _SNOMED_RT)


_ROWS: dict[tuple[str, str], dict[str, tuple[str, Mapping[str, str]]]] = {}
"""Code and scheme → value type → basic code, and the options' codes."""
for _item in _TABLE["items"]:
    for _spelling in _spellings(_item):
        _ROWS.setdefault(_spelling, {})[_item["value_type"]] = (_item["basic"], _item["options"])


def verdict(item: Dataset, options: frozenset[Option]) -> str:
    """X: the item goes; D: its value becomes a dummy; C: its text is cleaned, as that of items the table does not name; K: it stays."""
    row = _row(item)
    if row is None:
        return "C"
    basic, by_option = row
    for option in sorted(options):
        if option in by_option:
            return by_option[option]
    return basic.partition("/")[0]


def step(tag: int, verdict: str) -> Step | None:
    """What the verdict on a content item makes of what it says; None if it makes nothing of this element."""
    if verdict in ("X", "D"):
        return _SAYS.get(tag)
    return {"K": Step.KEEP, "C": Step.CLEAN}.get(verdict) if tag == TEXT_VALUE else None


def reference_type(item: Dataset) -> str:
    """The value type of a content item that refers to an instance; empty for any other."""
    kind = elements.text_at(item, VALUE_TYPE).strip()
    return kind if kind in _REFERENCE_TYPES and REFERENCED in item else ""


def selects(dataset: Dataset) -> bool:
    """Whether an item of the content at the top refers to an instance, as a selection of key objects has to."""
    items = elements.sequence(elements.at(dataset, CONTENT_SEQUENCE), dataset) if CONTENT_SEQUENCE in dataset else None
    return any(reference_type(item) for item in items or ())


def counts_its_items(dataset: Dataset) -> bool:
    """Whether a content tree points at its items by position (by-reference relationships), so that none of them may go."""
    if _REFERENCED_ITEM in dataset:
        return True
    items = elements.sequence(elements.at(dataset, CONTENT_SEQUENCE), dataset) if CONTENT_SEQUENCE in dataset else None
    return any(counts_its_items(item) for item in items or ())


def _row(item: Dataset) -> tuple[str, Mapping[str, str]] | None:
    """The row of the item's concept and value type; another value type of the concept counts too, lest a row be missed."""
    names = elements.sequence(elements.at(item, _CONCEPT_NAME), item) if _CONCEPT_NAME in item else None
    if not names:
        return None
    code, scheme = (elements.text_at(names[0], tag).strip() for tag in (_CODE, _SCHEME))
    by_type = _ROWS.get((code, scheme), {})
    return by_type.get(elements.text_at(item, VALUE_TYPE).strip()) or next(iter(by_type.values()), None)
