"""What a plan can leave behind, a line each (DESIGN 16): who runs it consents to these lines, or changes the plan."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.datadict import keyword_for_tag

from transforms.model.dictionary import vr_of
from transforms.model.needed import KEPT_BY_API
from transforms.model.plan import MORE_TEXT_VRS, ActionPlan, ImagePlan, Option, Profile, Rule, TextMode, Verb
from transforms.model.query import Query
from transforms.tags import supplement, tables

_LEAVES = {
    Verb.KEEP: "keeps",
    Verb.RECURSE: "keeps sequences that the Basic profile takes away:",
    Verb.CLEAN_TEXT: "keeps what inspection does not find in",
}
_RETAINED = {
    Option.UIDS: "retainUids keeps all UIDs as they are",
    Option.DEVICE: "retainDeviceIdentity keeps serial numbers, station names and calibration dates",
    Option.INSTITUTION: "retainInstitutionIdentity keeps names and addresses of institutions",
    Option.FULL_DATES: "retainLongitudinalFullDates keeps all dates and times but those of birth",
}
_PROFILES = {
    Profile.KEEP_ALL: "KEEP_ALL_PROFILE keeps every element but the primary UIDs",
    Profile.CONTENTS: "DEIDENTIFY_TAG_CONTENTS keeps every element, and of its text what inspection does not find",
    Profile.REMOVE_LIST: "removeList keeps every element that is not on it",
}
_SHOWN = 8


def leaves_identity(plan: ActionPlan) -> list[str]:
    """One line for each part of the plan that can leave identity behind; empty if none does."""
    lines = [_PROFILES[plan.profile]] if plan.profile in _PROFILES else []
    if plan.api_vrs_only and plan.cleans_text:
        lines.append(f"--api_vrs_only leaves texts of {', '.join(sorted(MORE_TEXT_VRS))} uninspected")
    lines += _listed(plan)
    lines += _in_pixels(plan.image)
    if plan.keep_primary_uids and Option.UIDS not in plan.options:
        lines.append("the study, series and SOP instance UIDs stay as they are")
    lines += [line for option, line in _RETAINED.items() if option in plan.options]
    lines += weakened(plan)
    if plan.cleans_text:
        lines += _untransformed(plan)
    return lines


def _in_pixels(image: ImagePlan) -> Iterator[str]:
    if image.mode is TextMode.NONE:
        yield "REDACT_NO_TEXT leaves text burned into pixels"
    elif image.mode is TextMode.SENSITIVE:
        yield "text burned into pixels stays where inspection finds nothing sensitive in it"
        if image.only is not None:
            yield f"of it only {', '.join(sorted(image.only)) or 'what customRegexes match'} is looked for"
        if image.exclude:
            yield f"excludeInfoTypes leaves {', '.join(sorted(image.exclude))} in pixels"


def weakened(plan: ActionPlan) -> list[str]:
    """What actions keep although PS3.15 Table E.1-1 names it."""
    return [f"{rule.verb} {_LEAVES[rule.verb]} {rule.query.text}" for rule in plan.rules if rule.verb in _LEAVES and _in_table(rule)]


def _listed(plan: ActionPlan) -> Iterator[str]:
    named = sorted(tag for tag in plan.listed - KEPT_BY_API if tables.row(tag) or supplement.row(tag))
    if plan.profile is Profile.KEEP_LIST and named:
        words = [keyword_for_tag(tag) or f"{tag:08X}" for tag in named]
        more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
        yield f"keepList keeps {', '.join(words[:_SHOWN])}{more}"


def _untransformed(plan: ActionPlan) -> Iterator[str]:
    if plan.text.default is None:
        yield "text.profileType EMPTY leaves what inspection finds as it is"
    if plan.text.exclude:
        yield f"text.excludeInfoTypes leaves {', '.join(sorted(plan.text.exclude))} as they are"


def _in_table(rule: Rule) -> bool:
    """Whether the query may meet an element that the table or its supplement names, or a private one."""
    tag = rule.query.parts[-1].tag
    if tag is not None:
        return tables.row(tag) is not None or supplement.row(tag) is not None or not vr_of(tag)
    return any(_meets(rule.query, row) for row in (*tables.ROWS, *supplement.BY_TAG.values()))


def _meets(query: Query, row: tables.Row) -> bool:
    if row.tag == "private":
        return query.parts[-1].vr != "" or query.parts[-1].mask >> 16 != 0xFFFF or bool(query.parts[-1].value >> 16 & 1)
    tag = int(row.tag.replace("x", "0"), 16)
    vr = vr_of(tag) or query.parts[-1].vr
    return query.parts[-1].matches(tag, vr, query.parts[-1].creator)
