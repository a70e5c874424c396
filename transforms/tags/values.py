"""What each VR allows in one value (PS3.5, 6.2)."""

from __future__ import annotations

import re

LONGEST = {
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DA": 8,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "SH": 16,
    "ST": 1024,
    "TM": 14,
    "UI": 64,
}
"""Characters of one value; for VRs of the default repertoire a character is a byte. PN: 64 for each of its groups."""

_GRAMMARS = {
    "AE": r"[\x20-\x5b\x5d-\x7e]*",
    "AS": r"(?:\d{3}[DWMY])?",
    "CS": r"[A-Z0-9 _]*",
    "DA": r"(?:\d{8})?",
    "DS": r" *(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?)? *",
    "DT": r"(?:\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?)?",
    "IS": r" *(?:[+-]?\d+)? *",
    "TM": r"(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?",
    "UI": r"(?:(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*)?",
    "UR": r"[\x21-\x5b\x5d-\x7e]*",
}
_GRAMMAR = {vr: re.compile(grammar) for vr, grammar in _GRAMMARS.items()}


def room(vr: str, others: int) -> int | None:
    """Characters that are left in a value beside `others`; None if the VR sets no limit."""
    longest = 64 if vr == "PN" else LONGEST.get(vr)
    return None if longest is None else longest - others


def fits(value: str, vr: str) -> bool:
    """Whether the text can stand as one value of the VR."""
    if vr == "PN":
        groups = value.split("=")
        return len(groups) <= 3 and all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
    longest = LONGEST.get(vr)
    grammar = _GRAMMAR.get(vr)
    return (longest is None or len(value) <= longest) and (grammar is None or grammar.fullmatch(value) is not None)
