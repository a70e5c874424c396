"""What the new header says about the de-identification, and never more than was done (DESIGN 15; PS3.3 C.7.1.1, C.7.6.1, C.12.1).

Image Type stays as it is. PS3.3 C.7.6.1.1.2 calls an image DERIVED whose samples were computed from those of others; blanked
text is not computed from anything, every other sample is the source's, and many classes tie further attributes to the word.
"""

from __future__ import annotations

import math

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.config import ActionPlan, Profile
from transforms.model.records import Action, LossyStep, PixelResult, TagFinding
from transforms.tags import tables
from transforms.tags.attributes import attribute_type
from transforms.tags.elements import Element, at, data_set, raw_text, text, text_at, value_vr, written

PATIENT_IDENTITY_REMOVED, METHOD, METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
BURNED_IN, LONGITUDINAL = 0x00280301, 0x00280303
LOSSY, LOSSY_RATIO, LOSSY_METHOD = 0x00282110, 0x00282112, 0x00282114

_METHODS = {
    Profile.BASIC: f"dicom-deid 0.1, PS3.15 {tables.EDITION} Basic Profile",
    Profile.MINIMAL: f"dicom-deid 0.1, minimal keep list, PS3.15 {tables.EDITION} Basic Profile",
}
"""Values of (0012,0063), at most 64 characters."""

_BASIC_CODE = ("113100", "DCM", "Basic Application Confidentiality Profile")
"""PS3.16 CID 7050."""


class Headers:
    """Writes into the elements of a new data set; each change of an element of the source becomes a finding."""

    def __init__(self, elements: dict[int, Element], source: Dataset, sop_class: str) -> None:
        self._elements, self._source, self._sop_class = elements, source, sop_class
        self.findings: list[TagFinding] = []

    def state(self, plan: ActionPlan, pixels: PixelResult, *, with_pixels: bool, doubtful: bool) -> None:
        """Write it all. The identity is removed only by Basic or stricter, without samples, kept UIDs or a doubt about the object."""
        removed = plan.profile is not Profile.KEEP_ALL and not (plan.keep_primary_uids or with_pixels or doubtful)
        self._set(PATIENT_IDENTITY_REMOVED, "CS", "YES" if removed else "NO")
        if plan.profile in _METHODS:
            self._append(METHOD, "LO", _METHODS[plan.profile])
        if removed:
            self._append_code()
        self._dates(plan)
        if with_pixels:
            self._burned_in()
        if pixels.lossy is not None:
            self._lossy(pixels.lossy)

    def _dates(self, plan: ActionPlan) -> None:
        """LongitudinalTemporalInformationModified: REMOVED, for no profile shifts dates; KEEP_ALL leaves an earlier statement as it is."""
        if plan.profile is not Profile.KEEP_ALL:
            self._set(LONGITUDINAL, "CS", "REMOVED")
        elif not text_at(self._source, LONGITUDINAL):
            self._set(LONGITUDINAL, "CS", "UNMODIFIED")

    def _burned_in(self) -> None:
        """BurnedInAnnotation is never NO, since no search here earned it: YES where the class must have an answer, else none.

        Enhanced CT and MR (Type 1C) and whole slide images (Type 1) know only NO: there this is one fault the source did not
        have. An object that claims too much would be worse.
        """
        stated = raw_text(at(self._source, BURNED_IN)) if BURNED_IN in self._source else ""
        if "NO" not in {value.strip(" \0").upper() for value in stated.split("\\")}:
            return
        if attribute_type(self._sop_class, (BURNED_IN,)) == "1":
            self._set(BURNED_IN, "CS", "YES")
        else:
            self._elements.pop(BURNED_IN, None)
            self._found(BURNED_IN, Action.DELETED, None)

    def _lossy(self, step: LossyStep) -> None:
        """A lossy re-encoding joins those that the source names (PS3.3 C.7.6.1.1.5); ratios that are no numbers are replaced."""
        self._set(LOSSY, "CS", "01")
        if not _are_numbers(text_at(self._source, LOSSY_RATIO)):
            self._elements.pop(LOSSY_RATIO, None)
        self._append(LOSSY_RATIO, "DS", f"{step.ratio:.4g}")
        self._append(LOSSY_METHOD, "CS", step.method)

    def _set(self, tag: int, vr: str, value: str) -> None:
        if text_at(self._source, tag) == value and tag in self._elements:
            return
        self._elements[tag] = written(tag, vr, value.split("\\") if "\\" in value else value)
        self._found(tag, Action.RESET, value)

    def _append(self, tag: int, vr: str, value: str) -> None:
        element = self._elements.get(tag)
        earlier = text(element, self._source) if element is not None else None
        self._set(tag, vr, f"{earlier}\\{value}" if earlier else value)

    def _append_code(self) -> None:
        element = self._elements.get(METHOD_CODES)
        earlier = list(element.value or ()) if element is not None and value_vr(element) == "SQ" else []
        code, scheme, meaning = _BASIC_CODE
        item: dict[int, Element] = {
            0x00080100: written(0x00080100, "SH", code),
            0x00080102: written(0x00080102, "SH", scheme),
            0x00080104: written(0x00080104, "LO", meaning),
        }
        self._elements[METHOD_CODES] = written(METHOD_CODES, "SQ", Sequence([*earlier, data_set(item, self._like())]))
        self._found(METHOD_CODES, Action.RESET, None)

    def _like(self) -> Dataset:
        """An item of definite length in the encoding of the source."""
        like = Dataset()
        implicit, little = self._source.original_encoding
        like.set_original_encoding(implicit, little, self._source.original_character_set)
        return like

    def _found(self, tag: int, action: Action, replaced: str | None) -> None:
        if tag not in self._source:
            return
        reason = f"Matched ID: {tag:08X} (states what this run did, PS3.15 {tables.EDITION} E.1.1)"
        original = text(at(self._source, tag), self._source)
        self.findings.append(TagFinding(f"{tag:08X}", action, reason, original=original, replaced=replaced))


def _are_numbers(values: str) -> bool:
    """Whether a value of VR DS can be written again."""
    try:
        return all(math.isfinite(float(value)) for value in values.split("\\") if value.strip())
    except ValueError:
        return False
