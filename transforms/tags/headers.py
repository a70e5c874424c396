"""What the new header says about the de-identification, and never more than was done (DESIGN 15; PS3.3 C.7.1.1, C.7.6.1, C.12.1).

Image Type stays as it is. PS3.3 C.7.6.1.1.2 calls an image DERIVED whose samples were computed from those of others; blanked
text is not computed from anything, every other sample is the source's, and many classes tie further attributes to the word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.plan import ActionPlan, Option, Profile, TextKind
from transforms.model.records import Action, LossyStep, PixelResult, Release, TagFinding
from transforms.tags import tables
from transforms.tags.attributes import attribute_type
from transforms.tags.consent import weakened
from transforms.tags.dummies import DATE
from transforms.tags.elements import Element, at, data_set, raw_text, sequence, tags, text, text_at, value_vr, written

PATIENT_IDENTITY_REMOVED, METHOD, METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
BURNED_IN, LONGITUDINAL = 0x00280301, 0x00280303
PHOTOMETRIC = 0x00280004
LOSSY, LOSSY_RATIO, LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114
TRIAL_SUBJECT_ID = 0x00120040

_STATED = f"states what this run did, PS3.15 {tables.EDITION} E.1.1"
_CODED_ANEW = "is that of the samples as they were coded anew"
_TRIAL = "clinicalTrial of the config"

_METHODS = {
    Profile.BASIC: f"dicom-deid 0.1, PS3.15 {tables.EDITION} Basic Profile",
    Profile.MINIMAL: f"dicom-deid 0.1, minimal keep list, PS3.15 {tables.EDITION} Basic Profile",
}
"""Values of (0012,0063), at most 64 characters."""

_BASIC_CODE = ("113100", "Basic Application Confidentiality Profile")
_OPTION_CODES = {
    Option.GRAPHICS: ("113103", "Clean Graphics Option"),
    Option.STRUCTURED: ("113104", "Clean Structured Content Option"),
    Option.DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.FULL_DATES: ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
    Option.DEVICE: ("113109", "Retain Device Identity Option"),
    Option.UIDS: ("113110", "Retain UIDs Option"),
    Option.SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Option.INSTITUTION: ("113112", "Retain Institution Identity Option"),
}
"""Codes of DCM and their meanings (PS3.16 CID 7050). 113102 is about faces, of which nothing is claimed here."""
_CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")


Code = tuple[str, str]
"""A code of DCM and its meaning."""

_UNMODIFIED, _MODIFIED, _REMOVED = "UNMODIFIED", "MODIFIED", "REMOVED"
_TIMES = {"DA": DATE, "DT": f"{DATE}000000", "TM": "000000"}
"""VRs of what is longitudinal, and the dummies of theirs."""


def claims(plan: ActionPlan, with_pixels: bool) -> tuple[Code, ...]:
    """The methods that may be claimed of an instance in which nothing is in doubt; none where the plan itself leaves identity."""
    kept_uids = plan.keep_primary_uids and Option.UIDS not in plan.options
    if plan.profile not in _METHODS or weakened(plan) or kept_uids:
        return ()
    options = [*(_OPTION_CODES[option] for option in plan.options), *([_CLEAN_PIXELS] if with_pixels else [])]
    return (_BASIC_CODE, *sorted(options))


def release(elements: dict[int, Element], source: Dataset, sop_class: str, methods: tuple[Code, ...]) -> Release:
    """What more is said of an instance that a person releases; `elements` are those before anything is stated."""
    if not methods:
        return Release()
    headers = Headers(dict(elements), source, sop_class)
    headers.claim(methods)
    return Release(methods, tuple(headers.findings))


class Headers:
    """Writes into the elements of a new data set; each change of an element of the source becomes a finding."""

    def __init__(self, elements: dict[int, Element], source: Dataset, sop_class: str) -> None:
        self._elements, self._source, self._sop_class = elements, source, sop_class
        self.findings: list[TagFinding] = []

    def state(
        self, plan: ActionPlan, pixels: PixelResult, methods: tuple[Code, ...], *, with_pixels: bool, doubtful: bool, our_document: bool
    ) -> None:
        """Write it all. The identity is removed only by Basic or stricter, without kept UIDs or a doubt about the object, and
        with samples only if no text is left in them (`PixelResult.is_without_text`).

        What the standard's own options retain takes nothing from that; what a config's actions keep beyond them does. `methods`:
        what may be claimed at most (`claims`). `our_document`: an encapsulated document stands there that is none of the source's.
        """
        if plan.profile in _METHODS:
            self._append(METHOD, "LO", _METHODS[plan.profile])
        if methods and not doubtful and (pixels.is_without_text or not with_pixels):
            self.claim(methods)
        else:
            self._set(PATIENT_IDENTITY_REMOVED, "CS", "NO")
        self._dates(plan)
        if with_pixels:
            self._burned_in(pixels)
        elif our_document:
            self._set(BURNED_IN, "CS", "NO")
        if pixels.lossy is not None:
            self._lossy(pixels.lossy)
        if pixels.photometric is not None:
            self._set(PHOTOMETRIC, "CS", pixels.photometric, _CODED_ANEW)

    def claim(self, methods: Iterable[Code]) -> None:
        """State that the identity is removed, by these methods."""
        self._set(PATIENT_IDENTITY_REMOVED, "CS", "YES")
        self._append_codes(methods)

    def trial(self, attributes: Iterable[tuple[int, str]], subject: str | None) -> None:
        """The clinical trial as the config states it (PS3.3 C.7.1.3); its subject is what stands for the patient, where anything does."""
        stated = list(attributes)
        if stated and subject is not None:
            stated.append((TRIAL_SUBJECT_ID, subject))
        for tag, value in stated:
            self._set(tag, "LO", value, _TRIAL)

    def _dates(self, plan: ActionPlan) -> None:
        """LongitudinalTemporalInformationModified: what was done to dates, unless an earlier run did more."""
        stated = text_at(self._source, LONGITUDINAL)
        earlier = stated if stated in (_UNMODIFIED, _MODIFIED, _REMOVED) else ""
        done = self._done_to_dates(plan)
        if done == "":
            self._drop(LONGITUDINAL)
        elif earlier and (done == _UNMODIFIED or (done, earlier) == (_MODIFIED, _REMOVED)):
            self._set(LONGITUDINAL, "CS", earlier)
        else:
            self._set(LONGITUDINAL, "CS", done)

    def _done_to_dates(self, plan: ActionPlan) -> str:
        """One of the attribute's three values; empty where none is true, since a config's action or keepList keeps some of the dates."""
        if Option.MODIFIED_DATES in plan.options:
            return _MODIFIED
        if plan.profile is Profile.CONTENTS:
            rule = plan.text.of("DATE")
            return _UNMODIFIED if rule is None else _MODIFIED if rule.kind is TextKind.DATE_SHIFT else _REMOVED
        if plan.profile is Profile.KEEP_LIST or (plan.profile in _METHODS and Option.FULL_DATES not in plan.options):
            may_stay = plan.profile is Profile.KEEP_LIST or bool(weakened(plan))
            return "" if may_stay and _tell_time(self._elements.values(), self._source) else _REMOVED
        if plan.profile in (Profile.KEEP_ALL, Profile.REMOVE_LIST) and _times(self._elements, self._source) != _times_of(self._source):
            return _MODIFIED
        return _UNMODIFIED

    def _burned_in(self, pixels: PixelResult) -> None:
        """BurnedInAnnotation is NO only where the search earned it; else YES where the class must have an answer, else none.

        Enhanced CT and MR (Type 1C) and whole slide images (Type 1) know only NO: there the last is one fault the source did
        not have. An object that claims too much would be worse.
        """
        if pixels.is_without_text:
            self._set(BURNED_IN, "CS", "NO")
            return
        if BURNED_IN not in self._source or raw_text(at(self._source, BURNED_IN)).strip(" \0") in ("", "YES"):
            return
        if attribute_type(self._sop_class, (BURNED_IN,)) == "1":
            self._set(BURNED_IN, "CS", "YES")
        else:
            self._drop(BURNED_IN)

    def _lossy(self, step: LossyStep) -> None:
        """A lossy re-encoding joins those that the source names (PS3.3 C.7.6.1.1.5); ratios that are no numbers are replaced."""
        self._set(LOSSY, "CS", "01")
        if not _are_numbers(text_at(self._source, LOSSY_RATIO)):
            self._elements.pop(LOSSY_RATIO, None)
        self._append(LOSSY_RATIO, "DS", f"{step.ratio:.4g}")
        self._append(LOSSY_METHOD, "CS", step.method)

    def _set(self, tag: int, vr: str, value: str, why: str = _STATED) -> None:
        if tag in self._elements and text_at(self._source, tag) == text(self._elements[tag], self._source) == value:
            return
        self._elements[tag] = written(tag, vr, value.split("\\") if "\\" in value else value)
        self._found(tag, Action.RESET, value, why)

    def _drop(self, tag: int) -> None:
        if self._elements.pop(tag, None) is not None:
            self._found(tag, Action.DELETED, None)

    def _append(self, tag: int, vr: str, value: str) -> None:
        element = self._elements.get(tag)
        earlier = text(element, self._source) if element is not None else None
        self._set(tag, vr, f"{earlier}\\{value}" if earlier else value)

    def _append_codes(self, codes: Iterable[Code]) -> None:
        element = self._elements.get(METHOD_CODES)
        earlier = list(sequence(element, self._source) or ()) if element is not None else []
        items = [
            data_set(
                {
                    0x00080100: written(0x00080100, "SH", code),
                    0x00080102: written(0x00080102, "SH", "DCM"),
                    0x00080104: written(0x00080104, "LO", meaning),
                },
                self._like(),
            )
            for code, meaning in codes
        ]
        self._elements[METHOD_CODES] = written(METHOD_CODES, "SQ", Sequence([*earlier, *items]))
        self._found(METHOD_CODES, Action.RESET, None)

    def _like(self) -> Dataset:
        """An item of definite length in the encoding of the source."""
        like = Dataset()
        implicit, little = self._source.original_encoding
        like.set_original_encoding(implicit, little, self._source.original_character_set)
        return like

    def _found(self, tag: int, action: Action, replaced: str | None, why: str = _STATED) -> None:
        if tag not in self._source:
            return
        reason = f"Matched ID: {tag:08X} ({why})"
        original = text(at(self._source, tag), self._source)
        self.findings.append(TagFinding(f"{tag:08X}", action, reason, original=original, replaced=replaced))


def _times_of(source: Dataset) -> dict[int, str]:
    return _times({tag: at(source, tag) for tag in tags(source)}, source)


def _times(elements: dict[int, Element], dataset: Dataset) -> dict[int, str]:
    """Dates and times of day by tag, but for empty ones."""
    told = {tag: text(element, dataset) or "" for tag, element in elements.items() if value_vr(element) in _TIMES}
    return {tag: value for tag, value in told.items() if value.strip()}


def _tell_time(elements: Iterable[Element], dataset: Dataset) -> bool:
    """Whether a date or time stands there, at any depth, that is none of the dummies."""
    for element in elements:
        vr = value_vr(element)
        if vr in _TIMES and not _TIMES[vr].startswith((text(element, dataset) or "").strip()):
            return True
        if vr == "SQ" and any(_tell_time((at(item, tag) for tag in tags(item)), item) for item in sequence(element, dataset) or ()):
            return True
    return False


def _are_numbers(values: str) -> bool:
    """Whether a value of VR DS can be written again."""
    try:
        return all(math.isfinite(float(value)) for value in values.split("\\") if value.strip())
    except ValueError:
        return False
