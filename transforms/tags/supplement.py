"""What Table E.1-1 of PS3.15 has no row for although its text can name a person, place, order or date: rows of ours (data/supplement.json).

They are cited as ours in every finding. What tells by its VR alone (PN, DA, DT, TM, UR, UI) needs no row and has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from transforms.tags.tables import EDITION, Row

_CLEANED = "C"
"""The code of what stays and is cleaned; all others are those of Table E.1-1a."""

_GROUPS = json.loads(resources.files("transforms.tags").joinpath("data/supplement.json").read_text(encoding="utf-8"))["groups"]

BY_TAG: Mapping[int, Row] = MappingProxyType(
    {
        int(tag, 16): Row(tag, name, group["basic"], MappingProxyType(group["options"]), retired=False)
        for group in _GROUPS
        for tag, name in group["tags"].items()
    }
)
"""The rows, by tag; `name` is the keyword."""

_HOLDS = {int(tag, 16): group["holds"] for group in _GROUPS for tag in group["tags"]}


def row(tag: int) -> Row | None:
    """The row of a tag; None where the table itself, or the VR, decides."""
    return BY_TAG.get(tag)


def is_cleaned(tag: int) -> bool:
    """Whether what the element says stays, cleaned, under the Basic profile too."""
    return tag in BY_TAG and BY_TAG[tag].basic == _CLEANED


def reason(tag: int) -> str:
    """Why the element goes, as `deidentify-reason` states it. Raises KeyError for a tag without a row."""
    return f"Matched ID: {tag:08X} (supplement to PS3.15 {EDITION} Table E.1-1: {_HOLDS[tag]})"
