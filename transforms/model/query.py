"""Queries of an Action: which elements one names (API: tag id, keyword, VR; ours: group or mask, private creator, sequence path).

    00100010 · PatientName · PN · 0010xxxx · 60xx3000 · 0029[SIEMENS CSA HEADER]10 · 00081140.00081155 · RequestAttributesSequence.LO

A tag, keyword or mask matches at every depth. A path is counted from the top, and matches there only.
"""

from __future__ import annotations

import dataclasses
import re

from pydicom.datadict import tag_for_keyword
from pydicom.valuerep import VR

from transforms.model.dictionary import vr_of

_PART = re.compile(r"([0-9A-Fa-fxX]{8}|[0-9A-Fa-f]{4}\[[^\]]+\](?:[0-9A-Fa-f]{2}|xx|XX)|[A-Za-z][A-Za-z0-9]*)(?:\.(?=.)|$)")
_VRS = frozenset(str(vr) for vr in VR if len(str(vr)) == 2)


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One element of a query: by tag under a mask, or by VR."""

    value: int = 0
    mask: int = 0
    """The digits of the tag that must be those of `value`."""
    vr: str = ""
    creator: str = ""

    def matches(self, tag: int, vr: str, creator: str) -> bool:
        """Whether an element is meant."""
        return tag & self.mask == self.value and self.vr in ("", vr) and self.creator in ("", creator)

    @property
    def tag(self) -> int | None:
        """The one tag it names; None if it may be several."""
        return self.value if self.mask == 0xFFFFFFFF else None


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """One query, read."""

    text: str
    parts: tuple[Part, ...]

    def matches(self, path: tuple[int, ...], vr: str, creator: str) -> bool:
        """Whether the element at `path` (tags from the top), with this VR and private creator, is meant."""
        if len(self.parts) > 1 and len(path) != len(self.parts):
            return False
        above = zip(self.parts[:-1], path, strict=False)
        return self.parts[-1].matches(path[-1], vr, creator) and all(part.matches(tag, "SQ", "") for part, tag in above)

    @property
    def reason(self) -> str:
        """`Matched ID: …`, `Matched VR: …` or `Matched Expression: …`."""
        (*above, last) = self.parts
        if above or last.creator or (last.tag is None and not last.vr):
            return f"Matched Expression: {self.text}"
        return f"Matched VR: {last.vr}" if last.vr else f"Matched ID: {last.value:08X}"

    @property
    def vr(self) -> str | None:
        """The VR that it asks for, or that PS3.6 gives its one tag; None if that is open."""
        last = self.parts[-1]
        if last.vr or last.tag is None:
            return last.vr or None
        return vr_of(last.tag) or None


def parse_query(text: str) -> Query | None:
    """The query; None if it is none that is understood."""
    parts, at = [], 0
    while at < len(text):
        match = _PART.match(text, at)
        part = _part(match[1]) if match else None
        if match is None or part is None:
            return None
        parts.append(part)
        at = match.end()
    if not parts or any(part.creator or part.vr for part in parts[:-1]):
        return None
    return Query(text, tuple(parts))


def parse_tag(text: str) -> int | None:
    """A keyword or eight hex digits as a tag; None if it is neither."""
    part = None if len(text) == 2 or "[" in text else _part(text)
    return part.tag if part else None


def _part(text: str) -> Part | None:
    if text in _VRS:
        return Part(vr=text)
    private = re.fullmatch(r"([0-9A-Fa-f]{4})\[([^\]]+)\](..)", text)
    if private:
        group, creator, element = private.groups()
        if int(group, 16) % 2 == 0:
            return None
        return dataclasses.replace(_masked(f"{group}xx{element}"), creator=creator.strip())
    if re.fullmatch(r"[0-9A-Fa-fxX]{8}", text):
        return _masked(text)
    tag = tag_for_keyword(text)
    return Part(tag, 0xFFFFFFFF) if tag is not None else None


def _masked(digits: str) -> Part:
    open_digits = digits.lower()
    mask = int("".join("0" if digit == "x" else "f" for digit in open_digits), 16)
    return Part(int(open_digits.replace("x", "0"), 16), mask)
