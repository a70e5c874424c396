"""Which step an element gets under a plan: structure, then the config's actions, then the profile with PS3.15 Table E.1-1 and its
options, then what the table misses.
"""

from __future__ import annotations

import dataclasses
import enum
import functools

from transforms.model.dictionary import vr_of
from transforms.model.needed import KEPT_BY_API, NAMES_AN_INSTANCE, NEEDED
from transforms.model.pictures import SAMPLES
from transforms.model.plan import API_TEXT_VRS, MORE_TEXT_VRS, ActionPlan, Option, PatientMode, PatientPlan, Profile, Rule, Verb
from transforms.tags import documents, safe_private, supplement, tables
from transforms.tags.attributes import attribute_type, resolve_code
from transforms.tags.minimal import MINIMAL_KEEP
from transforms.tags.reasons import matched, never_kept
from transforms.tags.safe_private import Safe
from transforms.tags.uids import names_a_kind, unfit
from transforms.tags.vrs import BYTES, FREE_TEXT_VRS, is_text_for_number

STUDY, SERIES, INSTANCE = 0x0020000D, 0x0020000E, 0x00080018
PATIENT_NAME, PATIENT_ID, ISSUER_OF_PATIENT_ID = 0x00100010, 0x00100020, 0x00100021
PIXELS = frozenset(SAMPLES)
EXTENDED_OFFSETS = (0x7FE00001, 0x7FE00002)

STATED_BY_US = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280301, 0x00280303, 0x00282110, 0x00282112, 0x00282114})
"""What `headers` writes, appending to what the source says; no profile takes the source's part away before."""

_DECIDE_LATERALITY = frozenset({0x00180015, 0x00200062})
"""Body Part Examined and Image Laterality say whether Laterality (Type 2C) is needed (PS3.3 C.7.3.1); MINIMAL keeps them for that."""

NO_SEQUENCE = "a sequence that cannot be read as one"
_ICC_PROFILE = 0x00282000
_ENCRYPTED = frozenset({0x04000500, 0x04000510, 0x04000520})
"""Encrypted Attributes Sequence and what its items are made of."""
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
    KEEP_WHOLE = enum.auto()
    """A sequence stays with all that is in it, but for what would be wrong in the new file."""
    CLEAN = enum.auto()
    """Its text is inspected, and what is found in it transformed."""
    CLEAN_ITEMS = enum.auto()
    """A sequence is walked, and the text that stays in its items cleaned."""
    SHIFT = enum.auto()
    """Dates move by the patient's days."""
    TIME = enum.auto()
    """A date or time stays if it is one: what else stands there goes."""
    AGE = enum.auto()
    """An age stays; over 89 it becomes 090Y."""
    EMPTY = enum.auto()
    DELETE = enum.auto()
    DUMMY = enum.auto()
    UID = enum.auto()
    PSEUDONYM = enum.auto()
    COLOURS = enum.auto()
    """An ICC profile without its texts."""


_STEPS = {"X": Step.DELETE, "Z": Step.EMPTY, "D": Step.DUMMY, "U": Step.UID}


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """A step and its reason, as `deidentify-reason` states it; no reason where nothing changes."""

    step: Step
    reason: str = ""
    instead: Step = Step.DELETE
    """What to do with a value that SHIFT, TIME or AGE cannot read."""


_KEPT = Decision(Step.KEEP)


def standard_vr(tag: int) -> str | None:
    """The VR of PS3.6 if the tag has one and only one (`US or SS` is none)."""
    vr = vr_of(int(tag))
    return vr if len(vr) == 2 else None


_CODES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080119, 0x00080120})
"""Code Value, scheme and version, long and URN code: words of a vocabulary, as are the numbers in them."""


@functools.lru_cache(maxsize=1 << 16)
def decide(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str, creator: str = "") -> Decision:
    """The decision on the element at `path` (tags from the top down, without item numbers); `vr` is its value's, `creator` its block's."""
    tag = path[-1]
    rule = plan.rule(path, vr, creator)
    unseen = never_kept(plan, path, vr, rule)
    if unseen:
        return Decision(Step.DELETE, unseen)
    decision = _by_rule(plan, rule, vr) if rule else None
    if decision is None and len(path) == 1 and documents.replaces(plan, sop_class, tag):
        decision = Decision(Step.DUMMY, _table_reason(documents.DOCUMENT, "D", "D"))
    if decision:
        return decision
    return _instance_uid(plan, tag) if tag in NAMES_AN_INSTANCE else _by_profile(plan, sop_class, path, vr, creator)


def _by_profile(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str, creator: str) -> Decision:
    tag, at_top = path[-1], len(path) == 1
    if plan.profile in (Profile.KEEP_ALL, Profile.REMOVE_LIST):
        return _nearly_all(plan, path, vr)
    if plan.profile is Profile.CONTENTS:
        return _contents(plan, path, vr)
    if plan.profile is Profile.KEEP_LIST and (at_top or tag in plan.listed) and (tag in plan.listed or not supplement.is_cleaned(tag)):
        if tag not in plan.listed and is_text_for_number(tag, vr):
            return _text_for_number(tag)
        kept = tag in plan.listed | KEPT_BY_API | NEEDED | STATED_BY_US
        return _KEPT if kept else Decision(Step.DELETE, matched(tag, "not on the keepList"))
    if plan.profile is Profile.MINIMAL and at_top and tag not in MINIMAL_KEEP | STATED_BY_US | _DECIDE_LATERALITY | _PATIENT.keys():
        return _minimal(plan, sop_class, path, vr)
    return _basic(plan, sop_class, path, vr, creator)


def cleans_kept(decision: Decision, tag: int, vr: str) -> bool:
    """Whether an element that stays inside a cleaned sequence is text to be cleaned."""
    return decision.step is Step.KEEP and vr in FREE_TEXT_VRS and tag not in _CODES


_BY_VERB = {
    Verb.KEEP: Step.KEEP,
    Verb.REMOVE: Step.EMPTY,
    Verb.DELETE: Step.DELETE,
    Verb.RESET: Step.DUMMY,
    Verb.CLEAN_TEXT: Step.CLEAN,
    Verb.RECURSE: Step.KEEP,
    Verb.REGENERATE_UID: Step.UID,
}


def _by_rule(plan: ActionPlan, rule: Rule, vr: str) -> Decision | None:
    """What an action asks for; None where the value is of a VR that the action is not for, so that the profile decides."""
    fitting = {Verb.RECURSE: vr == "SQ", Verb.REGENERATE_UID: vr == "UI", Verb.CLEAN_TEXT: plan.inspects(vr)}
    if not fitting.get(rule.verb, True):
        return None
    whole = rule.verb is Verb.KEEP and vr == "SQ"
    return Decision(Step.KEEP_WHOLE if whole else _BY_VERB[rule.verb], f"{rule.query.reason} ({rule.verb})")


def _instance_uid(plan: ActionPlan, tag: int) -> Decision:
    if plan.keep_primary_uids:
        return _KEPT
    if plan.profile in _NOT_BY_TABLE:
        return Decision(Step.UID, matched(tag, f"primary UIDs and references to them, {plan.profile}"))
    return Decision(Step.UID, _table_reason(tag, "U", "U") if tables.row(tag) else _missed(tag, "UI"))


_NOT_BY_TABLE = (Profile.KEEP_ALL, Profile.CONTENTS, Profile.KEEP_LIST, Profile.REMOVE_LIST)


def _nearly_all(plan: ActionPlan, path: tuple[int, ...], vr: str) -> Decision:
    """KEEP_ALL_PROFILE, with Clean Descriptors if that is asked for; a removeList with the overlays, since the API adds OverlayData."""
    tag = path[-1]
    if plan.profile is Profile.REMOVE_LIST and tag in plan.listed:
        return Decision(Step.DELETE, matched(tag, "on the removeList"))
    if plan.profile is Profile.REMOVE_LIST and tag >> 24 == 0x60:
        return Decision(Step.DELETE, "Matched Expression: 60xxeeee (OverlayData joins every removeList, and a plane goes as a whole)")
    return _descriptor(plan, tag, vr) or _KEPT


def _descriptor(plan: ActionPlan, tag: int, vr: str) -> Decision | None:
    """options.cleanDescriptors, which is for every profile."""
    row = tables.row(tag)
    return _cleaned(plan, row, Option.DESCRIPTORS, tag, vr) if row is not None and Option.DESCRIPTORS in plan.options else None


def _contents(plan: ActionPlan, path: tuple[int, ...], vr: str) -> Decision:
    """DEIDENTIFY_TAG_CONTENTS: every text is inspected, all else stays but bytes where PS3.6 has a text."""
    tag, stated = path[-1], STATED_BY_US if len(path) == 1 else frozenset()
    passed_over = tag in (NEEDED | stated | _CODES).difference(supplement.BY_TAG) or (vr == "UI" and names_a_kind(tag))
    private_bytes = vr == "OB" and (bool(tag >> 16 & 1) or tag == _ICC_PROFILE) and plan.inspects("UN")
    if private_bytes or is_text_for_number(tag, vr) or (plan.inspects(vr) and not passed_over):
        return Decision(Step.CLEAN, f"Matched VR: {vr}")
    if vr in BYTES and standard_vr(tag) in API_TEXT_VRS | MORE_TEXT_VRS:
        return Decision(Step.EMPTY, matched(tag, f"bytes ({vr}) where PS3.6 has a text ({standard_vr(tag)})"))
    return _descriptor(plan, tag, vr) or _KEPT


def _minimal(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """An attribute that is not on the keep list: Type 1 goes by the Basic profile, Type 2 is emptied, the rest goes."""
    kind = attribute_type(sop_class, path)
    if kind in ("1", "1C"):
        return _basic(plan, sop_class, path, vr, "")
    if kind in ("2", "2C"):
        return Decision(Step.EMPTY, matched(path[-1], f"not on the keep list of {Profile.MINIMAL}, but Type {kind}"))
    return Decision(Step.DELETE, matched(path[-1], f"not on the keep list of {Profile.MINIMAL}"))


def _basic(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str, creator: str) -> Decision:
    tag = path[-1]
    if tag in _PATIENT:
        return Decision(Step.PSEUDONYM, matched(tag, f"PS3.15 {tables.EDITION} Basic Profile {_PATIENT[tag]}{_stands_in(plan.patients)}"))
    row = tables.row(tag)
    if row is not None and row.tag == "private" and Option.SAFE_PRIVATE in plan.options:
        kept = _safe_private(plan, tag, vr, creator)
        if kept:
            return kept
    unlisted = _never_seen(path) if row is None or row.tag == "private" else ""
    if unlisted:
        return Decision(Step.DELETE, unlisted)
    if row is None:
        return _missed_by_table(plan, sop_class, path, vr)
    return _by_option(plan, row, sop_class, path, vr) or _by_table(row, sop_class, path, vr)


def _safe_private(plan: ActionPlan, tag: int, vr: str, creator: str) -> Decision | None:
    """What Table E.3.10-1 keeps of a private element; None where it goes like any other."""
    safe = safe_private.safe(creator, tag, vr)
    if safe is Safe.TEXT:
        return Decision(Step.CLEAN, _option_reason(tag, Option.SAFE_PRIVATE))
    if safe is Safe.UID and Option.UIDS not in plan.options:
        return Decision(Step.UID, _option_reason(tag, Option.SAFE_PRIVATE))
    return _KEPT if safe else None


def _stands_in(patients: PatientPlan) -> str:
    if patients.mode is PatientMode.EMPTY:
        return ""
    return ", here by the patient map" if patients.map_uri else ", here a keyed pseudonym"


_DATES = frozenset({"DA", "DT", "TM"})
_RETAIN = (Option.FULL_DATES, Option.UIDS, Option.DEVICE, Option.INSTITUTION, Option.CHARACTERISTICS)
_CLEAN = (Option.DESCRIPTORS, Option.STRUCTURED, Option.GRAPHICS, Option.DEVICE, Option.CHARACTERISTICS)


def _by_option(plan: ActionPlan, row: tables.Row, sop_class: str, path: tuple[int, ...], vr: str) -> Decision | None:
    """What the chosen options make of a row; None if none of them says anything about it. Modified dates come before what retains."""
    tag = path[-1]
    if Option.MODIFIED_DATES in plan.options and row.options.get(Option.MODIFIED_DATES) == "C":
        return _shifted(_by_table(row, sop_class, path, vr), tag, vr)
    for option in _RETAIN:
        if option in plan.options and row.options.get(option) == "K":
            if vr == "AS":
                return Decision(Step.AGE, _option_reason(tag, option), _by_table(row, sop_class, path, vr).step)
            if vr in _DATES:
                return Decision(Step.TIME, _option_reason(tag, option), _by_table(row, sop_class, path, vr).step)
            return Decision(Step.KEEP) if vr == standard_vr(tag) or standard_vr(tag) is None else None
    for option in _CLEAN:
        if option in plan.options and row.options.get(option) == "C":
            return _cleaned(plan, row, option, tag, vr)
    return None


def _cleaned(plan: ActionPlan, row: tables.Row, option: Option, tag: int, vr: str) -> Decision | None:
    """C of an option; None for what cannot be cleaned here (curves, overlays, bytes), which goes by the Basic Profile."""
    if row.options.get(option) != "C":
        return None
    if vr == "SQ":
        return Decision(Step.CLEAN_ITEMS, _option_reason(tag, option))
    return Decision(Step.CLEAN, _option_reason(tag, option)) if vr in API_TEXT_VRS or (vr == "CS" and plan.inspects(vr)) else None


def _shifted(basic: Decision, tag: int, vr: str) -> Decision | None:
    """Modified dates: days move, times of day and offsets from UTC stay; None for time stamps in bytes."""
    if vr in ("DA", "DT"):
        return Decision(Step.SHIFT, _option_reason(tag, Option.MODIFIED_DATES), basic.step)
    return Decision(Step.TIME, _option_reason(tag, Option.MODIFIED_DATES), basic.step) if vr in ("TM", "SH") else None


def _option_reason(tag: int, option: Option) -> str:
    return matched(tag, f"PS3.15 {tables.EDITION} {option.replace('_', ' ')} option")


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
    return "" if vr_of(tag) else matched(tag, "not in the data dictionary, PS3.6")


def _by_table(row: tables.Row, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """U on a sequence is U on the UIDs in it; of the codes X/Z/U* it is the one that lets references resolve."""
    if vr == "SQ" and "U" in row.basic:
        return _KEPT
    code = resolve_code(row.basic, sop_class, path)
    if code == "U" and standard_vr(path[-1]) == "SQ":
        return Decision(Step.DELETE, matched(path[-1], NO_SEQUENCE))
    return Decision(_STEPS[code], _table_reason(path[-1], row.basic, code))


def _missed_by_table(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """Rows of ours; else times, names and addresses identify whatever the attribute, and a UID that is not of a kind of thing."""
    tag = path[-1]
    if vr == "SQ":
        return Decision(Step.CLEAN_ITEMS, supplement.reason(tag)) if supplement.is_cleaned(tag) else _KEPT
    if standard_vr(tag) == "SQ":
        return Decision(Step.DELETE, matched(tag, NO_SEQUENCE))
    if is_text_for_number(tag, vr):
        return _text_for_number(tag)
    extra = supplement.row(tag)
    if extra is not None:
        return _by_option(plan, extra, sop_class, path, vr) or _by_supplement(extra, sop_class, path)
    return _by_vr(plan, sop_class, path, vr)


def _by_vr(plan: ActionPlan, sop_class: str, path: tuple[int, ...], vr: str) -> Decision:
    """What the VR tells, that in the file or that of PS3.6."""
    tag = path[-1]
    stated_and_known = {vr, standard_vr(tag) or vr}
    telling = stated_and_known & _TELLING_VRS
    if tag in _OTHER_CALENDARS or (telling and tag != _URN_CODE):
        known = min(telling, default=vr)
        missed = Decision(_STEPS[resolve_code("X/Z/D", sop_class, path)], _missed(tag, known))
        if known in _DATES and Option.FULL_DATES in plan.options:
            return Decision(Step.TIME, _option_reason(tag, Option.FULL_DATES), missed.step)
        return (_shifted(missed, tag, known) if known in _DATES and Option.MODIFIED_DATES in plan.options else None) or missed
    if "UI" in stated_and_known and not names_a_kind(tag) and Option.UIDS not in plan.options:
        return Decision(Step.UID, _missed(tag, "UI"))
    return _KEPT


def _by_supplement(row: tables.Row, sop_class: str, path: tuple[int, ...]) -> Decision:
    reason = supplement.reason(path[-1])
    if path[-1] == _ICC_PROFILE:
        return Decision(Step.COLOURS, reason, _STEPS[resolve_code("Z", sop_class, path)])
    if supplement.is_cleaned(path[-1]):
        return Decision(Step.CLEAN, reason)
    return Decision(_STEPS[resolve_code(row.basic, sop_class, path)], reason)


def _text_for_number(tag: int) -> Decision:
    return Decision(Step.DELETE, matched(tag, "text where PS3.6 has a number"))


def unfit_uid(plan: ActionPlan, decision: Decision, path: tuple[int, ...], value: str) -> str:
    """Why a UID that would stay is mapped all the same; empty if it stays. The object's own SOP class is judged by the policy."""
    if decision.step is not Step.KEEP or path == (_SOP_CLASS,):
        return ""
    return "" if plan.profile is Profile.KEEP_ALL and path[-1] not in NAMES_AN_INSTANCE else unfit(path[-1], value)


def is_unlisted(plan: ActionPlan, decision: Decision, path: tuple[int, ...], vr: str) -> bool:
    """Whether an element stays only because nothing says that it identifies, so that it is looked through for the header's own words.

    So are codes and numbers that an option retains, in which the second look seeks no short id, and UIDs, unless they name an instance:
    those stay as they are, so that references resolve.
    """
    tag, contents = path[-1], plan.profile is Profile.CONTENTS and not plan.api_vrs_only
    by_basic = plan.profile in (Profile.BASIC, Profile.MINIMAL) or (plan.profile is Profile.KEEP_LIST and tag not in plan.listed)
    if decision != _KEPT or not (contents or by_basic):
        return False
    retained = vr in ("CS", "DS", "IS") or (vr == "UI" and Option.UIDS in plan.options and tag not in NAMES_AN_INSTANCE)
    listed = tables.row(tag) is not None and not (contents or retained)
    return not listed and tag not in NEEDED | PIXELS


def _table_reason(tag: int, code: str, resolved: str) -> str:
    here = "" if code == resolved else f", here {resolved}"
    return matched(tag, f"PS3.15 {tables.EDITION} Basic Profile {code}{here}")


def _missed(tag: int, vr: str) -> str:
    return f"Matched VR: {vr} ({tag:08X} identifies, though PS3.15 {tables.EDITION} Table E.1-1 does not list it)"
