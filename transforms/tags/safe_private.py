"""Private elements that the Retain Safe Private option keeps (PS3.15 E.3.10): Table E.3.10-1, from `data/safe_private.json`.

The table says what an element is; the file says what stands in it. Numbers stay, UIDs are mapped, items are walked like the
rest, and text, though called safe, is inspected. Bytes (OB, OW) go: nobody has looked into them.
"""

from __future__ import annotations

import enum
import json
from importlib import resources

_NUMBERS = frozenset({"AT", "FD", "FL", "SL", "SS", "UL", "US"})
_TEXTS = frozenset({"CS", "DS", "IS", "LO", "LT", "SH", "ST"})
_NONE = "none"
"""The VR of rows for which the table states none."""
_TABLE = json.loads(resources.files("transforms.tags").joinpath("data/safe_private.json").read_text(encoding="utf-8"))

VRS: dict[tuple[str, int, int], str] = {
    (row["creator"], int(row["group"], 16), int(low, 16)): vr
    for row in _TABLE["rows"]
    for vr, elements in row["elements"].items()
    for low in elements.split()
}
"""Creator, group and low byte of the element → VR by the table."""


class Safe(enum.Enum):
    """How a private element may stay."""

    NUMBER = enum.auto()
    TEXT = enum.auto()
    """To be cleaned; so is what an implicit VR leaves open (UN), of which only readable bytes are text."""
    UID = enum.auto()
    SEQUENCE = enum.auto()


def safe(creator: str, tag: int, vr: str) -> Safe | None:
    """How the element of this creator may stay whose value has this `vr` in the file; None where it goes."""
    known = VRS.get((creator, tag >> 16, tag & 0xFF))
    if known is None:
        return None
    if known in ("SQ", "UI"):
        fits = vr == known or (known == "UI" and vr == "UN")
        return (Safe.SEQUENCE if known == "SQ" else Safe.UID) if fits else None
    if known not in _NUMBERS | _TEXTS | {_NONE}:
        return None
    if vr in _NUMBERS:
        return Safe.NUMBER
    return Safe.TEXT if vr in _TEXTS | {"UN"} else None
