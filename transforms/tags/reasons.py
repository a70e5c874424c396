"""How `deidentify-reason` names an element, and what nothing in a config keeps, because it would be wrong or unseen in the new file."""

from __future__ import annotations

from transforms.model.pictures import OVERLAY_DATA, OVERLAY_GROUPS, OVERLAY_VRS, SAMPLES
from transforms.model.plan import ActionPlan, Rule

THUMBNAIL = "a thumbnail shows the text of the image, and is not searched"
_ICON = 0x00880200
_SIGNATURES = frozenset({0x4FFE0001, 0xFFFAFFFA})
_RETIRED_SAMPLES = frozenset({0x0010, 0x0020, 0x0030, 0x0040})
"""Variable Pixel Data, and coefficients of which an image is made (PS3.6, 7Fxxeeee and 7FE0eeee)."""
_LENGTH_TO_END = 0x00080001
_NOT_A_DATA_SET = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
"""Groups of commands, file meta, directories, padding and delimiters."""


def matched(tag: int, why: str) -> str:
    """`Matched ID: 00100010 (…)`."""
    return f"Matched ID: {tag:08X} ({why})"


def never_kept(plan: ActionPlan, path: tuple[int, ...], vr: str, rule: Rule | None) -> str:
    """Why the element at `path` goes under every profile, whatever keeps it; empty if it need not. `rule` is that of the plan for it."""
    tag = path[-1]
    if tag & 0xFFFF == 0:
        return "Matched Expression: gggg0000 (group lengths are retired, PS3.5 7.2)"
    if tag >> 16 in _NOT_A_DATA_SET:
        return f"Matched Expression: {tag >> 16:04X}eeee (this group does not belong in a data set)"
    if tag == _LENGTH_TO_END:
        return matched(tag, "the length of the old file; retired")
    if tag in _SIGNATURES:
        return matched(tag, "digital signatures do not hold for changed content, PS3.15 C.2")
    if plan.image.searches and not (rule and rule.takes_away):
        return _never_searched(path, vr)
    return ""


def _never_searched(path: tuple[int, ...], vr: str) -> str:
    """Why text in a picture would stay unseen, though text is looked for."""
    tag = path[-1]
    if tag == _ICON:
        return matched(tag, THUMBNAIL)
    if tag >> 24 == 0x60 and tag & 0xFFFF == OVERLAY_DATA:
        if len(path) > 1:
            return matched(tag, "an overlay in a sequence is not searched for text")
        if tag >> 16 not in OVERLAY_GROUPS or vr not in OVERLAY_VRS:
            return matched(tag, "no overlay of PS3.3 C.9.2, and so not searched for text")
    if tag >> 24 == 0x7F and not tag >> 16 & 1 and tag & 0xFFFF in _RETIRED_SAMPLES and tag not in SAMPLES:
        return matched(tag, "retired samples, which are not searched for text")
    return ""
