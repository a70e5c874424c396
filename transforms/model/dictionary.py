"""What PS3.6 says of a tag, remembered: pydicom looks through its repeating groups each time it is asked."""

from __future__ import annotations

import functools

from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR

_REMEMBERED = 1 << 14


@functools.lru_cache(_REMEMBERED)
def vr_of(tag: int) -> str:
    """The VR as PS3.6 writes it, `US or SS` where it leaves a choice; empty for a tag that it does not have."""
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


@functools.lru_cache(_REMEMBERED)
def keyword_of(tag: int) -> str:
    """The keyword; empty for a tag that PS3.6 does not have."""
    return dictionary_keyword(tag) if dictionary_has_tag(tag) else ""
