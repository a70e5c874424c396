"""Which VRs hold text, and which text where none should stand (PS3.5 6.2)."""

from __future__ import annotations

import functools

from transforms.model.dictionary import vr_of

FREE_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
NUMBERS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})


@functools.lru_cache(maxsize=1 << 12)
def is_text_for_number(tag: int, vr: str) -> bool:
    """Whether free text stands where PS3.6 has nothing but numbers: no reader can use it, and it was not written by a machine."""
    return vr in FREE_TEXT_VRS and vr_of(tag) != "" and {*vr_of(tag).split(" or ")} <= NUMBERS
