"""The text of one element: decoded, inspected, transformed, encoded again, with the bytes of each change."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from transforms.inspection.allowed import without_allowed
from transforms.inspection.engine import local_engine
from transforms.inspection.inspector import Inspector
from transforms.inspection.terms import phrases, terms_of
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ActionPlan, Option, TextKind
from transforms.tags import elements
from transforms.tags.blobs import overwritten
from transforms.tags.charsets import decode, encode
from transforms.tags.cleaning import Cleaned, Cleaner
from transforms.tags.context import context_of
from transforms.tags.dates import Shift, patient_shift, shifted
from transforms.tags.elements import Element

_TIME = re.compile(r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?|[+-]\d{4}|")
"""TM (PS3.5 6.2), as of before 1993 too, and the form of Timezone Offset From UTC."""


_BYTES = ("UN", "OB")
"""VRs of which a text is only a guess."""


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What was found and what stands there now; bytes of the source's value, half open."""

    byte_start: int
    byte_end: int
    info_type: str
    original: str
    replaced: str


@dataclasses.dataclass(frozen=True, slots=True)
class NewText:
    """The new value of an element, with its padding; None where nothing of it can be kept."""

    value: bytes | None
    changes: tuple[Change, ...]
    """None if the value cannot be decoded: it goes as a whole."""


class Texts:
    """Made once a worker; what it cleans it cleans for one instance at a time."""

    def __init__(self, plan: ActionPlan, secret: Secret, shift: Shift = patient_shift) -> None:
        """`shift` gives a patient's days. Raises PreflightError where a key of the plan cannot be read."""
        self._cleaner, self._exclude, self._shift = Cleaner(plan.text, secret, shift), plan.text.exclude, shift
        self._in_context = Option.DESCRIPTORS in plan.options
        rule = plan.text.of("DATE")
        own = rule.key if rule is not None and rule.kind is TextKind.DATE_SHIFT else None
        self._dates = own.purpose_key(Purpose.DATE) if own else secret.purpose(Purpose.DATE)

    def of(self, source: Dataset) -> InstanceTexts:
        """The texts of one instance, inspected with the terms of its own header."""
        return InstanceTexts(self._cleaner, self._exclude, source, in_context=self._in_context)

    def moved(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> str | None:
        """The dates of a DA or DT element, moved by the patient's days; None where one of them cannot be read."""
        values = (elements.text(element, dataset) or "").split("\\")
        shift = self._shift(self._dates, patient)
        new = [shifted(value, vr, shift) if value.strip() else "" for value in values]
        return None if None in new else "\\".join(value or "" for value in new)


class InstanceTexts:
    """The texts of one instance."""

    def __init__(self, cleaner: Cleaner, exclude: frozenset[str], source: Dataset, *, in_context: bool) -> None:
        self._cleaner, self._exclude, self._source, self._in_context = cleaner, exclude, source, in_context

    @functools.cached_property
    def _inspector(self) -> Inspector:
        context = phrases(context_of(self._source)) if self._in_context else None
        return Inspector(terms_of(self._source), local_engine(), self._exclude, context)

    def clean(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> NewText | None:
        """The element's new text; None where it stays as it is. `patient` from `patient_identity`.

        A code string of anatomy or device words alone stays even where a patient is called like one of them (PANCREAS_0001).
        """
        encodings = elements.encodings(dataset)
        raw = _bytes(element, dataset, vr, encodings)
        text = decode(raw, vr, encodings)
        if text is None:
            return self._overwritten(raw, patient) if vr in _BYTES else NewText(None, ())
        if vr == "CS" and without_allowed(text, 0, len(text)) is None:
            return None
        cleaned = self._cleaner.clean(text, vr, self._inspector.inspect(text, vr), patient)
        if not cleaned.replacements:
            return None
        value = encode(cleaned.text, vr, encodings) if cleaned.text is not None else None
        return NewText(None if value is None else _padded(value, vr), _changes(cleaned, text, vr, encodings))

    def _overwritten(self, raw: bytes, patient: bytes) -> NewText | None:
        """Bytes that are no text as a whole: what is found in the texts inside them is written over."""
        inspect = self._inspector.inspect_runs
        value, made = overwritten(raw, inspect, lambda found, finding: self._cleaner.overwrite(found, finding, patient))
        return (
            NewText(value, tuple(Change(one.start, one.end, one.info_type, one.original, one.replaced) for one in made)) if made else None
        )


def is_time(value: str, vr: str) -> bool:
    """Whether one value is a date (DA), date and time (DT), time of day (TM) or offset from UTC, or empty."""
    text = value.strip(" \0")
    if vr in ("DA", "DT"):
        return not text or shifted(text, vr, dt.timedelta()) is not None
    return _TIME.fullmatch(text) is not None


def _bytes(element: Element, dataset: Dataset, vr: str, encodings: list[str]) -> bytes:
    if isinstance(element, RawDataElement):
        return element.value or b""
    if isinstance(element.value, bytes):
        return element.value
    return encode(elements.text(element, dataset) or "", vr, encodings) or b""


def _padded(value: bytes, vr: str) -> bytes:
    return value + (b"\0" if vr in ("UI", *_BYTES) else b" ") * (len(value) % 2)


def _changes(cleaned: Cleaned, text: str, vr: str, encodings: list[str]) -> tuple[Change, ...]:
    def before(character: int) -> int:
        return len(encode(text[:character], vr, encodings) or text[:character].encode())

    return tuple(Change(before(one.start), before(one.end), one.info_type, one.original, one.replaced) for one in cleaned.replacements)
