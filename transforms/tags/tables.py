"""PS3.15 Table E.1-1, the Application Level Confidentiality Profile attributes, as generated into `data/ps315.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    tag: str
    """Eight upper-case hex digits; `x` stands for any digit in the three rows of repeating groups; `private` for odd groups."""
    name: str
    basic: str
    """The Basic Profile's action code (Table E.1-1a), also in conditional forms as X/Z/D."""
    options: Mapping[str, str]
    """Option column to K (keep) or C (clean), for the columns that say something; see OPTIONS."""
    retired: bool


_TABLE = json.loads(resources.files("transforms.tags").joinpath("data/ps315.json").read_text(encoding="utf-8"))

EDITION: str = _TABLE["edition"]
"""The edition of the standard, as `2026d`."""

OPTIONS: tuple[str, ...] = tuple(_TABLE["options"])
"""The ten option columns, in the table's order."""

ROWS: tuple[Row, ...] = tuple(
    Row(row["tag"], row["name"], row["basic"], MappingProxyType(row["options"]), row["retired"]) for row in _TABLE["rows"]
)
"""All rows, in the table's order."""

_BY_NAME = {row.tag: row for row in ROWS}
_PRIVATE = _BY_NAME["private"]
_CURVES = _BY_NAME["50xxxxxx"]
_OVERLAYS = {0x3000: _BY_NAME["60xx3000"], 0x4000: _BY_NAME["60xx4000"]}
_EXACT = {int(row.tag, 16): row for row in ROWS if row not in (_PRIVATE, _CURVES, *_OVERLAYS.values())}

NAMED = frozenset(_EXACT)
"""The tags of all rows of one element; every code of theirs takes the value away or puts another in its place (D, Z, X, U)."""


def row(tag: int) -> Row | None:
    """The row of a tag: its own, else that of its repeating group (PS3.5, 7.6), else for odd groups the private row."""
    if tag in _EXACT:
        return _EXACT[tag]
    group = tag >> 16
    if group % 2:
        return _PRIVATE
    if group >> 8 == 0x50:
        return _CURVES
    if group >> 8 == 0x60:
        return _OVERLAYS.get(tag & 0xFFFF)
    return None
