"""Text transformations: what stands in the place of what was found (TextConfig of the Healthcare API, v1 and v1beta1).

Every new value is a value of its VR (PS3.5, 6.2): no `[DATE]` in a DA, no infoType in a CS. What cannot be is emptied.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence

from transforms.inspection.finding import CONTEXT, UID, TextFinding
from transforms.inspection.values import parts
from transforms.model.keys import Purpose, PurposeKey, Secret
from transforms.model.plan import TextKind, TextPlan, Transformation
from transforms.tags.dates import Shift, patient_shift, shifted
from transforms.tags.uids import UidMapper, is_valid
from transforms.tags.values import fits, room

HASH_BITS = 80
"""A shorter hash might be met by chance, or be searched for: with fewer bits what was found is erased."""

_ALWAYS = dict.fromkeys((CONTEXT, UID), Transformation(TextKind.INFO_TYPE))
"""Whatever the config does with infoTypes, a phrase of the header's own becomes `[CTX]` (API: Options.cleanDescriptors), a UID that the
plan replaces the new one."""

_WHOLE = frozenset({"AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
"""Their values mean something only as a whole: what is left of one would be another value, not a cleaned one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Replacement:
    """One stretch of the text and what stands there now. Characters, half open; may be PHI."""

    start: int
    end: int
    info_type: str
    original: str
    replaced: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cleaned:
    """The new text of an element; None where nothing of it can be kept."""

    text: str | None
    replacements: tuple[Replacement, ...]
    """In order, without overlap; none if nothing changed."""


class Cleaner:
    """Applies one TextPlan. Same text, findings, patient and keys: same answer, in any run."""

    def __init__(self, plan: TextPlan, secret: Secret, shift: Shift = patient_shift) -> None:
        """Loads the keys that the plan's transformations refer to; `shift` gives a patient's days. Raises PreflightError."""
        self._plan, self._shift, self._uids = plan, shift, UidMapper(secret.purpose(Purpose.UID))
        rules = [rule for _, rule in plan.by_info_type] + ([plan.default] if plan.default else [])
        purposes = {TextKind.DATE_SHIFT: Purpose.DATE, TextKind.HASH: Purpose.HASH}
        self._keys = {rule: _key(rule, purposes[rule.kind], secret) for rule in rules if rule.kind in purposes}

    def clean(self, text: str, vr: str, findings: Sequence[TextFinding], patient: bytes) -> Cleaned:
        """The decoded text of an element, values joined by a backslash, without what was found in it.

        `findings` as an Inspector gives them; `patient` from `patient_identity`.
        """
        values, replacements = [], []
        for start, value in parts(text, vr):
            here = [finding.moved(-start) for finding in findings if start <= finding.start and finding.end <= start + len(value)]
            new, made = self._value(value, vr, [finding for finding in here if self._rule(finding)], patient)
            values.append(new)
            replacements += [dataclasses.replace(one, start=one.start + start, end=one.end + start) for one in made]
        whole = "\\".join(values)
        return Cleaned(whole if whole.strip("\\ ") or not replacements else None, tuple(replacements))

    def overwrite(self, found: str, finding: TextFinding, patient: bytes) -> str | None:
        """What stands in the place of a text inside bytes, as long as it: a date of another day, else asterisks; None if it stays."""
        rule = self._rule(finding)
        if rule is None:
            return None
        moved = self._of_its_kind(found, "LO", finding, patient) if rule.kind is TextKind.DATE_SHIFT else None
        return moved if moved is not None and len(moved) == len(found) and moved.isascii() else "*" * len(found)

    def _rule(self, finding: TextFinding) -> Transformation | None:
        return _ALWAYS.get(finding.info_type) or self._plan.of(finding.info_type)

    def _value(self, value: str, vr: str, findings: list[TextFinding], patient: bytes) -> tuple[str, list[Replacement]]:
        """One value: as planned; else with what was found erased; else empty."""
        if not findings:
            return value, []
        if vr in _WHOLE:
            return self._as_one(value, vr, findings, patient)
        others = len(value) - sum(finding.end - finding.start for finding in findings)
        free = room(vr, others)
        space = None if free is None else free // len(findings)
        planned = [self._new(value[one.start : one.end], vr, one, patient, space) for one in findings]
        for texts in (planned, [""] * len(findings)):
            if None not in texts:
                new, made = _spliced(value, findings, [text or "" for text in texts])
                if fits(new, vr):
                    return new, made
        return "", [Replacement(0, len(value), findings[0].info_type, value, "")]

    def _as_one(self, value: str, vr: str, findings: list[TextFinding], patient: bytes) -> tuple[str, list[Replacement]]:
        best = max(findings, key=lambda one: one.confidence)
        whole = dataclasses.replace(best, start=0, end=len(value))
        new = self._new(value, vr, whole, patient, room(vr, 0)) or ""
        new = new if fits(new, vr) else ""
        return new, [Replacement(0, len(value), best.info_type, value, new)]

    def _new(self, found: str, vr: str, finding: TextFinding, patient: bytes, space: int | None) -> str | None:
        """What one transformation makes of what was found; None if the VR cannot hold it."""
        rule = self._rule(finding)
        if rule is None or rule.kind is TextKind.REDACT:
            return ""
        of_its_kind = self._of_its_kind(found, vr, finding, patient)
        if of_its_kind is not None or (vr in _WHOLE and vr != "CS"):
            return of_its_kind
        if rule.kind is TextKind.MASK:
            return rule.masking_character * len(found)
        if rule.kind is TextKind.HASH:
            return hashed(self._keys[rule], found, vr, space)
        return f"[{finding.info_type}]"

    def _of_its_kind(self, found: str, vr: str, finding: TextFinding, patient: bytes) -> str | None:
        """A UID for a UID, another day for a day; None where that is not asked for or cannot be."""
        rule = self._rule(finding)
        if finding.info_type == UID and is_valid(found):
            return self._uids.new(found)
        if rule is None or rule.kind is not TextKind.DATE_SHIFT:
            return None
        return shifted(found, vr, self._shift(self._keys[rule], patient))


def _key(rule: Transformation, purpose: Purpose, secret: Secret) -> PurposeKey:
    return rule.key.purpose_key(purpose) if rule.key else secret.purpose(purpose)


def hashed(key: PurposeKey, text: str, vr: str, space: int | None) -> str | None:
    """A keyed hash in the letters of the VR, cut to `space` characters; None if fewer than 80 bits would be left.

    CS: base32 of upper case; other text: base64 without padding, in which `=` would part the groups of a PN.
    """
    digest = key.digest(text.encode("utf-8", "surrogatepass"))
    letters, bits = (base64.b32encode(digest), 5) if vr == "CS" else (base64.b64encode(digest), 6)
    cut = letters.decode().rstrip("=")[: None if space is None else max(space, 0)]
    return cut if len(cut) * bits >= HASH_BITS else None


def _spliced(value: str, findings: list[TextFinding], texts: list[str]) -> tuple[str, list[Replacement]]:
    pieces, made, at = [], [], 0
    for finding, text in zip(findings, texts, strict=True):
        pieces += [value[at : finding.start], text]
        made.append(Replacement(finding.start, finding.end, finding.info_type, value[finding.start : finding.end], text))
        at = finding.end
    return "".join([*pieces, value[at:]]), made
