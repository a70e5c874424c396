"""The text of one element: decoded, inspected, transformed, encoded again, with the bytes of each change."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Callable, Iterator

from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from transforms.inspection import wanted
from transforms.inspection.allowed import without_allowed
from transforms.inspection.engine import Engine, engine_of
from transforms.inspection.finding import UID, InfoType, TextFinding, settled
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector, asked, is_vocabulary
from transforms.inspection.terms import Terms, phrases
from transforms.inspection.values import parts
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ActionPlan, Option, Profile, TextKind, TextPlan, Transformation
from transforms.tags import elements
from transforms.tags.blobs import overwritten
from transforms.tags.charsets import as_read, decode, encode
from transforms.tags.cleaning import Cleaned, Cleaner
from transforms.tags.context import context_of
from transforms.tags.dates import Shift, patient_shift, shifted
from transforms.tags.defined import has_defined_words
from transforms.tags.elements import Element
from transforms.tags.own_uids import OwnUids, own_uids

_TIME = re.compile(r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?|[+-]\d{4}|")
"""TM (PS3.5 6.2), as of before 1993 too, and the form of Timezone Offset From UTC."""

_BIRTH_DATE = 0x00100030
_NUMBERS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_NOT_TEXT = _NUMBERS | {"OB", "OD", "OF", "OL", "OV", "OW"}
_LONGEST = 4096
"""Bytes; a longer value is a table or samples."""


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
        self._plan, self._cleaner, self._shift = plan, Cleaner(plan.text, secret, shift), shift
        self._eraser = Cleaner(TextPlan((), Transformation(TextKind.INFO_TYPE)), secret)
        rule = plan.text.of("DATE")
        own = rule.key if rule is not None and rule.kind is TextKind.DATE_SHIFT else None
        self._dates = own.purpose_key(Purpose.DATE) if own else secret.purpose(Purpose.DATE)

    def of(self, source: Dataset, sop_class: str) -> InstanceTexts:
        """The texts of one instance, inspected with the terms of its own header."""
        return InstanceTexts(self._plan, self._cleaner, self._eraser, source, sop_class)

    def moved(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> str | None:
        """The dates of a DA or DT element, moved by the patient's days; None where one of them cannot be read."""
        values = (elements.text(element, dataset) or "").split("\\")
        shift = self._shift(self._dates, patient)
        new = [shifted(value, vr, shift) if value.strip() else "" for value in values]
        return None if None in new else "\\".join(value or "" for value in new)


class InstanceTexts:
    """The texts of one instance."""

    def __init__(self, plan: ActionPlan, cleaner: Cleaner, eraser: Cleaner, source: Dataset, sop_class: str) -> None:
        self._plan, self._cleaner, self._eraser, self._source, self._sop_class = plan, cleaner, eraser, source, sop_class

    def expect(self, walk: Callable[[InstanceTexts], object]) -> None:
        """Tell the engine which texts it will be asked about, so that one far away is asked once for the instance.

        `walk` goes through the instance with the texts it is given, as it will with these. Raises InstanceProblem.
        """
        if self._plan.cleans_text:
            self._engine.expect(self._heard(walk))

    def _heard(self, walk: Callable[[InstanceTexts], object]) -> Iterator[str]:
        rehearsal = _Rehearsal(self._plan, self._cleaner, self._eraser, self._source, self._sop_class)
        walk(rehearsal)
        yield from rehearsal.heard

    @property
    def _engine(self) -> Engine:
        return engine_of(self._plan.dlp_parent, wanted.of_text(self._plan.text))

    @functools.cached_property
    def _uids(self) -> OwnUids:
        return own_uids(self._plan, self._sop_class, self._source)

    @functools.cached_property
    def _terms(self) -> Terms:
        return terms_of(self._source, lambda: self._uids.replaced)

    @functools.cached_property
    def _inspector(self) -> Inspector:
        """Without the language engine, which takes seconds to load, where the plan itself cleans no text (but an earlier run's method)."""
        context = phrases(context_of(self._source)) if Option.DESCRIPTORS in self._plan.options else None
        engine = self._engine if self._plan.cleans_text else None
        return Inspector(self._terms, engine, self._plan.text.exclude, context, lambda: self._uids.kept)

    def clean(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> NewText | None:
        """The element's new text; None where it stays as it is. `patient` from `patient_identity`.

        In a code string of anatomy or device words alone only what the header itself says is found (CT_20010131, a patient called Head).
        """
        encodings = elements.encodings(dataset)
        raw = _bytes(element, dataset, vr, encodings)
        encodings = as_read(raw, encodings)
        text = decode(raw, vr, encodings)
        if text is None:
            return self._overwritten(raw, patient) if vr in _BYTES else NewText(None, ())
        found = self._inspector.inspect(text, vr, defined=has_defined_words(element.tag, dataset))
        if vr == "CS" and without_allowed(text, 0, len(text)) is None:
            found = [one for one in found if one.by == "term"]
        cleaned = self._cleaner.clean(text, vr, found, patient)
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

    def without_own_words(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> NewText | None:
        """What is left of an element without the names, ids, dates and places of the instance's own header; None where it has none of them.

        For what no table lists, so that it stays: no language is asked. A number that is an id, and bytes that are a text with
        something of the header in it, go as a whole.
        """
        if vr in _NOT_TEXT:
            values = [(0, text) for text in _shown(element, dataset, vr)]
            found = [one for value in values for one in self._own([value], "FL" if vr in _NUMBERS else "UT")]
            return NewText(None, ()) if found else None
        encodings = elements.encodings(dataset)
        raw = _bytes(element, dataset, vr, encodings)
        encodings = as_read(raw, encodings)
        text = decode(raw, vr, encodings)
        found = settled(self._own(list(parts(text or "", vr)), vr, defined=has_defined_words(element.tag, dataset)))
        if text is None or not found:
            return None
        cleaned = self._eraser.clean(text, vr, found, patient)
        value = encode(cleaned.text, vr, encodings) if cleaned.text is not None else None
        return NewText(None if value is None else _padded(value, vr), _changes(cleaned, text, vr, encodings))

    def holds_birth_date(self, value: str) -> bool:
        """Whether one of the values of a DA or DT begins with the day on which the instance's patient was born."""
        born = elements.text_at(self._source, _BIRTH_DATE).strip()
        return bool(born) and any(one.strip().startswith(born) for one in value.split("\\"))

    def _own(self, values: list[tuple[int, str]], vr: str, *, defined: bool = False) -> Iterator[TextFinding]:
        """Terms of the header in the values of an element, but for words of imaging that a place or machine is called like."""
        for start, value in values:
            for one in self._terms.find(value, vr, only=len(values) == 1):
                excused = (defined and is_vocabulary(value, one)) or _is_machine(value, one)
                if self._is_wanted(one.info_type) and not excused:
                    yield one.moved(start)

    def _is_wanted(self, info_type: str) -> bool:
        return info_type == UID or self._plan.profile is not Profile.CONTENTS or self._plan.text.of(info_type) is not None


class _Rehearsal(InstanceTexts):
    """Hears which texts a walk through the instance asks an engine about, and changes none of them."""

    def __init__(self, plan: ActionPlan, cleaner: Cleaner, eraser: Cleaner, source: Dataset, sop_class: str) -> None:
        super().__init__(plan, cleaner, eraser, source, sop_class)
        self.heard: list[str] = []

    def clean(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> None:  # noqa: ARG002 - the same for every patient
        """Hear it."""
        encodings = elements.encodings(dataset)
        text = decode(_bytes(element, dataset, vr, encodings), vr, encodings)
        self.heard += asked(text or "", vr)

    def without_own_words(self, element: Element, dataset: Dataset, vr: str, patient: bytes) -> None:
        """No language is asked."""


def _is_machine(text: str, finding: TextFinding) -> bool:
    """Whether what a place, room or machine is called is made of words of imaging (a station SIEMENS)."""
    found = text[finding.start : finding.end]
    named = finding.info_type != InfoType.PERSON_NAME and not any(map(str.isdigit, found))
    return named and without_allowed(text, finding.start, finding.end) is None


def _shown(element: Element, dataset: Dataset, vr: str) -> list[str]:
    """Numbers as they are written, or bytes as the text that they are; none where they are many, or no text."""
    length = len(element.value or b"") if isinstance(element, RawDataElement) else 0
    try:
        value = convert_raw_data_element(element, ds=dataset).value if isinstance(element, RawDataElement) and length <= _LONGEST else None
    except Exception:  # noqa: BLE001 - pydicom raises whatever the bytes make it raise; the second look has them raw
        return []
    value = element.value if isinstance(element, DataElement) else value
    if vr in _NUMBERS:
        numbers = value if isinstance(value, MultiValue | list | tuple) else [value]
        return [str(number) for number in numbers[:_LONGEST] if number is not None]
    text = decode(value, "UN", ["utf-8"]) if isinstance(value, bytes) and len(value) <= _LONGEST else None
    return [text] if text else []


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
