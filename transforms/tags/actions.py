"""Which step an element gets under a plan: structure first, then the profile, then PS3.15 Table E.1-1, then what the table misses."""

from __future__ import annotations

import dataclasses
import enum
import functools

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from transforms.model.config import ActionPlan, Profile
from transforms.tags import tables
from transforms.tags.attributes import attribute_type, resolve_code
from transforms.tags.minimal import MINIMAL_KEEP

STUDY, SERIES, INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
PATIENT_NAME, PATIENT_ID, ISSUER_OF_PATIENT_ID = 0x00100010, 0x00100020, 0x00100021
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""
EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002)

NAMES_AN_INSTANCE = frozenset({STUDY, SERIES, INSTANCE, 0x00080058, 0x00081155, 0x00081167, 0x00200242})
"""UIDs of studies, series and instances, wherever they stand: a reference resolves only if it goes the way of what it names."""

STATED_BY_US = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280303, 0x00282110, 0x00282112, 0x00282114})
"""What `headers` writes, appending to what the source says; no profile takes the source's part away before."""

_DECIDE_LATERALITY = frozenset({0x00180015, 0x00200062})
"""Body Part Examined and Image Laterality say whether Laterality (Type 2C) is needed (PS3.3 C.7.3.1); MINIMAL keeps them for that."""

NO_SEQUENCE = "a sequence that cannot be read as one"
THUMBNAIL = "a thumbnail shows text that was redacted in the image"
_ICON = 0x00880200
_SIGNATURES = frozenset({0x4FFE0001, 0xFFFAFFFA})
_ENCRYPTED = frozenset({0x04000500, 0x04000510, 0x04000520})
"""Encrypted Attributes Sequence and what its items are made of."""
_NOT_A_DATA_SET = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
"""Groups of commands, file meta, directories, padding and delimiters."""
_KINDS = frozenset({0x0008010C, 0x0008010D, 0x00080117, 0x00080118, 0x00089123})
"""UIDs of coding schemes, context groups and mapping resources: they name a vocabulary."""
_SOP_CLASS = 0x00080016
_URN_CODE = 0x00080120
_TELLING_VRS = frozenset({"DA", "DT", "TM", "PN", "UR"})
_OTHER_CALENDARS = frozenset({0x00100033, 0x00100034})
"""Birth and death date in a calendar of choice are LO, so that their VR does not tell them."""
_PATIENT = {tag: row.basic for tag in (PATIENT_NAME, PATIENT_ID) if (row := tables.row(tag))}


class Step(enum.Enum):
    """What the scrubber does with an element."""

    KEEP = enum.auto()
    """As it is; but a sequence is walked."""
    EMPTY = enum.auto()
    DELETE = enum.auto()
    DUMMY = enum.auto()
    UID = enum.auto()
    PSEUDONYM = enum.auto()


_STEPS = {"X": Step.DELETE, "Z": Step.EMPTY, "D": Step.DUMMY, "U": Step.UID}


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """A step and its reason, as `deidentify-reason` states it; no reason where nothing changes."""

    step: Step
    reason: str = ""


_KEPT = Decision(Step.KEEP)


def matched(tag: int, why: str) -> str:
    """`Matched ID: 00100010 (…)`."""
    return f"Matched ID: {tag:08X} ({why})"


def standard_vr(tag: int) -> str | None:
    """The VR of PS3.6 if the tag has one and only one (`US or SS` is none)."""
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    return vr if len(vr) == 2 else None


@functools.lru_cache(maxsize=1 << 16)
def decide(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """The decision on the element at `path` (tags from the top down, without item numbers) whose value has this `vr`."""
    tag = path[-1]
    structural = _structure(plan, tag)
    if structural:
        return structural
    if tag in NAMES_AN_INSTANCE:
        return _instance_uid(plan, tag)
    if plan.profile is Profile.KEEP_ALL:
        return _KEPT
    if tag in _PATIENT:
        return Decision(Step.PSEUDONYM, matched(tag, f"PS3.15 {tables.EDITION} Basic Profile {_PATIENT[tag]}, here a keyed pseudonym"))
    if plan.profile is Profile.MINIMAL and len(path) == 1 and tag not in MINIMAL_KEEP | STATED_BY_US | _DECIDE_LATERALITY:
        return _minimal(sop_class, path, vr)
    return _basic(sop_class, path, vr)


def _structure(plan: ActionPlan, tag: int) -> Decision | None:
    """What goes under every profile, because it would be wrong or unseen in the new file."""
    if tag & 0xFFFF == 0:
        return Decision(Step.DELETE, "Matched Expression: gggg0000 (group lengths are retired, PS3.5 7.2)")
    if tag >> 16 in _NOT_A_DATA_SET:
        return Decision(Step.DELETE, f"Matched Expression: {tag >> 16:04X}eeee (this group does not belong in a data set)")
    if tag in _SIGNATURES:
        return Decision(Step.DELETE, matched(tag, "digital signatures do not hold for changed content, PS3.15 C.2"))
    if tag == _ICON and plan.redact_all_text:
        return Decision(Step.DELETE, matched(tag, THUMBNAIL))
    return None


def _instance_uid(plan: ActionPlan, tag: int) -> Decision:
    if plan.keep_primary_uids:
        return _KEPT
    if plan.profile is Profile.KEEP_ALL:
        return Decision(Step.UID, matched(tag, f"primary UIDs and references to them, {Profile.KEEP_ALL}"))
    return Decision(Step.UID, _table_reason(tag, "U", "U") if tables.row(tag) else _missed(tag, "UI"))


def _minimal(sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """An attribute that is not on the keep list: Type 1 goes by the Basic profile, Type 2 is emptied, the rest goes."""
    kind = attribute_type(sop_class, path)
    if kind in ("1", "1C"):
        return _basic(sop_class, path, vr)
    if kind in ("2", "2C"):
        return Decision(Step.EMPTY, matched(path[-1], f"not on the keep list of {Profile.MINIMAL}, but Type {kind}"))
    return Decision(Step.DELETE, matched(path[-1], f"not on the keep list of {Profile.MINIMAL}"))


def _basic(sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    tag = path[-1]
    row = tables.row(tag)
    unlisted = _never_seen(path) if row is None or row.tag == "private" else ""
    if unlisted:
        return Decision(Step.DELETE, unlisted)
    return _missed_by_table(sop_class, path, vr) if row is None else _by_table(row, sop_class, path, vr)


def _never_seen(path: tuple[int, ...]) -> str:
    """Why an element goes unseen, for what no table says what it holds; empty if it need not."""
    tag = path[-1]
    if tag >> 16 & 1:
        return f"Matched Expression: private attribute (PS3.15 {tables.EDITION} Basic Profile X)"
    if tag >> 24 == 0x60:
        return "Matched Expression: 60xxeeee (an overlay goes as a whole, PS3.3 C.9.2)"
    if tag in _ENCRYPTED:
        return matched(tag, "encrypted, so what it holds cannot be looked into; it is made to hold an identity, PS3.15 E.1.1")
    if tag in PIXELS and len(path) > 1:
        return matched(tag, "samples in a sequence are not searched for text")
    return "" if dictionary_has_tag(tag) else matched(tag, "not in the data dictionary, PS3.6")


def _by_table(row: tables.Row, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """U on a sequence is U on the UIDs in it; of the codes X/Z/U* it is the one that lets references resolve."""
    if vr == "SQ" and "U" in row.basic:
        return _KEPT
    code = resolve_code(row.basic, sop_class, path)
    if code == "U" and standard_vr(path[-1]) == "SQ":
        return Decision(Step.DELETE, matched(path[-1], NO_SEQUENCE))
    return Decision(_STEPS[code], _table_reason(path[-1], row.basic, code))


def _missed_by_table(sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """Times, names and addresses identify whatever the attribute, by the VR in the file as by that of PS3.6.

    A UID that is not of a kind of thing names one thing.
    """
    tag = path[-1]
    if vr == "SQ":
        return _KEPT
    if standard_vr(tag) == "SQ":
        return Decision(Step.DELETE, matched(tag, NO_SEQUENCE))
    stated_and_known = {vr, standard_vr(tag) or vr}
    telling = stated_and_known & _TELLING_VRS
    if tag in _OTHER_CALENDARS or (telling and tag != _URN_CODE):
        return Decision(_STEPS[resolve_code("X/Z/D", sop_class, path)], _missed(tag, min(telling, default=vr)))
    if "UI" in stated_and_known and not _names_a_kind(tag):
        return Decision(Step.UID, _missed(tag, "UI"))
    return _KEPT


def is_kept_kind(plan: ActionPlan, decision: Decision, path: tuple[int, ...], vr: str) -> bool:
    """Whether a UID stays since it is of a kind of thing. The object's own SOP class is judged by the policy."""
    is_kind = decision.step is Step.KEEP and vr == "UI" and path[-1] not in NAMES_AN_INSTANCE and path != (_SOP_CLASS,)
    return is_kind and plan.profile is not Profile.KEEP_ALL


def _names_a_kind(tag: int) -> bool:
    keyword = keyword_for_tag(tag)
    return tag in _KINDS or "Class" in keyword or "TransferSyntax" in keyword


def _table_reason(tag: int, code: str, resolved: str) -> str:
    here = "" if code == resolved else f", here {resolved}"
    return matched(tag, f"PS3.15 {tables.EDITION} Basic Profile {code}{here}")


def _missed(tag: int, vr: str) -> str:
    return f"Matched VR: {vr} ({tag:08X} identifies, though PS3.15 {tables.EDITION} Table E.1-1 does not list it)"
