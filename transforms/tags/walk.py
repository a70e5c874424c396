"""The walk through a data set: every element gets its step, every change of an element its finding (PS3.15 E.1)."""

from __future__ import annotations

import dataclasses
import functools
import re

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.plan import ActionPlan, Option, Profile
from transforms.model.records import Action, InstanceUids, TagFinding
from transforms.tags import actions, ages, elements, icc, structured, tables
from transforms.tags.actions import Decision, Step
from transforms.tags.attributes import attribute_type
from transforms.tags.defined import of_a_vocabulary
from transforms.tags.dummies import dummy
from transforms.tags.elements import Element
from transforms.tags.patients import Patients
from transforms.tags.place import Place, Scope, creator_of, creator_tag, creators_last, is_published
from transforms.tags.pseudonym import patient_identity
from transforms.tags.reasons import THUMBNAIL, matched
from transforms.tags.text import InstanceTexts, NewText, Texts, is_time
from transforms.tags.uids import UidMapper, strip

_FRAME_INCREMENT_POINTER = 0x00280009
_CODE_MEANING = 0x00080104
_CHARACTER_SET = 0x00080005
_A_SET = r"[ \0]*(?:ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?\d{1,3}|GB18030|GBK)?[ \0]*"
_CHARACTER_SETS = re.compile(rf"(?i:{_A_SET}(?:\\{_A_SET})*)")
"""PS3.3 C.12.1.1.2, in the spellings that readers take for the same. What else stands there may be anybody's name."""


class Walk:
    """One instance on its way through; `findings` grows in the order of the elements, a sequence before its items."""

    def __init__(
        self,
        plan: ActionPlan,
        sop_class: str,
        uids: UidMapper,
        patients: Patients,
        source: Dataset,
        source_uids: InstanceUids,
        target_uids: InstanceUids,
        texts: Texts,
        here: InstanceTexts,
    ) -> None:
        """`here`: the texts of `source`, from `texts`."""
        self._plan, self._sop_class, self._uids, self._patients = plan, sop_class, uids, patients
        self._source, self._study = source, source_uids.study
        self._own = frozenset(dataclasses.astuple(source_uids))
        self._texts, self._here = texts, here
        self._basic = dataclasses.replace(plan, profile=Profile.BASIC)
        self._pointed_at = elements.tags_in(source, _FRAME_INCREMENT_POINTER) if plan.profile is Profile.MINIMAL else frozenset()
        self._primary = {actions.STUDY: target_uids.study, actions.SERIES: target_uids.series, actions.INSTANCE: target_uids.instance}
        self._steps = {
            Step.KEEP: self._kept,
            Step.EMPTY: self._emptied,
            Step.DUMMY: self._dummy,
            Step.UID: self._mapped,
            Step.PSEUDONYM: self._patient,
            Step.KEEP_WHOLE: self._kept,
            Step.CLEAN: self._cleaned,
            Step.CLEAN_ITEMS: self._kept,
            Step.SHIFT: self._shifted,
            Step.TIME: self._time,
            Step.AGE: self._age,
            Step.COLOURS: self._colours,
        }
        self.findings: list[TagFinding] = []
        top = self._identity(source)
        self.names_unlisted = patients.is_unlisted(top)
        """Whether a patient is named, here or in an item, whom the patient map does not list."""
        self.subject = patients.name(top)
        """What stands for the instance's patient; None where nothing is to."""

    def top(self) -> dict[int, Element]:
        """The elements of the new data set, with the instance's own UIDs even where the source has none."""
        new = self._elements(self._source, (), "", Scope(self._plan))
        return new | {tag: elements.written(tag, "UI", uid) for tag, uid in self._primary.items() if tag not in new}

    def _elements(self, dataset: Dataset, above: tuple[int, ...], where: str, scope: Scope) -> dict[int, Element]:
        new: dict[int, Element] = {}
        blocks: set[int] = set()
        for tag in sorted(elements.tags(dataset), key=creators_last):
            element = elements.at(dataset, tag)
            place = Place(element, dataset, (*above, tag), where, elements.sequence(element, dataset), scope)
            decision = self._decision(place)
            if elements.is_creator(tag) and tag in blocks and (decision.step is not Step.CLEAN or is_published(element, dataset)):
                new[tag] = elements.kept(element, dataset)
            elif decision.step is Step.DELETE:
                self._found(place, Action.DELETED, decision)
            elif not above and tag in self._primary:
                new[tag] = self._primary_uid(place, decision)
            else:
                new[tag] = self._steps[decision.step](place, decision)
                blocks.add(creator_tag(tag))
        return new

    def _decision(self, place: Place) -> Decision:
        tag, vr, scope = place.path[-1], elements.value_vr(place.element), place.scope
        if place.items is not None:
            vr = "SQ"
        elif vr == "SQ":
            vr = "UN"
        creator = creator_of(place.dataset, tag)
        outlived = self._outlived(place, vr, creator)
        if outlived:
            return Decision(Step.DELETE, matched(tag, outlived))
        plan = self._basic if tag in self._pointed_at and len(place.path) == 1 else scope.plan
        decision = actions.decide(plan, self._sop_class, place.path, vr, creator)
        if scope.verdict and self._plan.rule(place.path, vr, creator) is None:
            by_concept = structured.step(tag, scope.verdict)
            if by_concept is not None:
                return Decision(by_concept, matched(tag, f"its concept, PS3.15 {tables.EDITION} Table E.3.4-1 {scope.verdict}"))
        kept = scope.verdict == "K" or (tag == _CODE_MEANING and of_a_vocabulary(place.dataset))
        if scope.cleaned and not kept and actions.cleans_kept(decision, tag, vr):
            return Decision(Step.CLEAN, matched(tag, "text in a cleaned sequence"))
        is_kept = decision.step is Step.KEEP and plan.profile is not Profile.KEEP_ALL
        if tag == _CHARACTER_SET and is_kept and not _CHARACTER_SETS.fullmatch(elements.raw_text(place.element)):
            return Decision(Step.DELETE, matched(tag, "no character set that the standard defines"))
        if tag in ages.NUMBERS and self._is_old(place, decision, vr, creator):
            return Decision(Step.AGE if tag == ages.NUMERIC_VALUE else Step.DELETE, matched(tag, "an age over 89"))
        unfit = actions.unfit_uid(plan, decision, place.path, elements.raw_text(place.element)) if vr == "UI" else ""
        return Decision(Step.UID, matched(tag, unfit)) if unfit else decision

    def _is_old(self, place: Place, decision: Decision, vr: str, creator: str) -> bool:
        """Whether a number that would stay tells an age over 89."""
        consented = (
            place.scope.plan.profile in (Profile.KEEP_ALL, Profile.REMOVE_LIST) or self._plan.rule(place.path, vr, creator) is not None
        )
        return decision.step in (Step.KEEP, Step.CLEAN) and not consented and bool(ages.told_number(place.dataset))

    def _outlived(self, place: Place, vr: str, creator: str) -> str:
        """Why an element goes with another that it was about; empty if it does not."""
        rule = self._plan.rule(place.path, vr, creator)
        if self._plan.image.searches and not (rule and rule.takes_away) and any(actions.PIXELS & item.keys() for item in place.items or ()):
            return THUMBNAIL
        return "the content that followed this template is gone" if place.path == (structured.TEMPLATE,) and self._loses_tree else ""

    def _kept(self, place: Place, decision: Decision) -> Element:
        """The element as it is; a sequence is rebuilt of its items, so that nothing passes that was not read."""
        if place.items is None:
            unlisted = actions.is_unlisted(place.scope.plan, decision, place.path, elements.value_vr(place.element))
            return self._looked_through(place) if unlisted else elements.kept(place.element, place.dataset)
        before, tag, new_items = len(self.findings), place.path[-1], []
        for number, item in enumerate(place.items):
            below = f"{place.where}.{tag:08X}[{number}]".lstrip(".")
            scope = self._scope(place, decision, item)
            if scope.verdict == "X" and not self._by_position:
                self.findings.append(TagFinding(f"{tag:08X}", Action.DELETED, _ITEM_GONE, below))
                continue
            new_items.append(self._item(elements.data_set(self._elements(item, place.path, below, scope), item)))
        if len(self.findings) > before:
            reason = matched(tag, "an item has changed")
            self.findings.insert(before, TagFinding(f"{tag:08X}", Action.RECURSED, reason, place.where))
        elif elements.value_vr(place.element) == "UN":
            return elements.kept(place.element, place.dataset)
        return elements.rebuilt(place.element, new_items, place.items)

    def _item(self, item: Dataset) -> Dataset:
        """An item in the byte order of the file (one hidden in UN is little endian)."""
        is_big = self._source.original_encoding[1] is False
        return elements.turned(item, self._source) if is_big and item.original_encoding[1] else item

    def _references(self, place: Place) -> list[Dataset]:
        """The content items of a key object selection that refer to instances, with nothing but that (PS3.16 TID 2010)."""
        tag, scope, found = place.path[-1], Scope(place.scope.plan), []
        for number, item in enumerate(place.items or ()):
            kind = structured.reference_type(item)
            if not kind:
                continue
            only = elements.data_set({structured.REFERENCED: elements.at(item, structured.REFERENCED)}, item)
            new = self._elements(only, place.path, f"{tag:08X}[{number}]", scope)
            new |= {structured.RELATIONSHIP: elements.written(structured.RELATIONSHIP, "CS", "CONTAINS")}
            new |= {structured.VALUE_TYPE: elements.written(structured.VALUE_TYPE, "CS", kind)}
            found.append(elements.data_set(new, item))
        return found

    def _scope(self, place: Place, decision: Decision, item: Dataset) -> Scope:
        """How an item of a sequence is treated."""
        if decision.step is Step.KEEP_WHOLE:
            return Scope(dataclasses.replace(place.scope.plan, profile=Profile.KEEP_ALL, options=frozenset()))
        cleaned = place.scope.cleaned or decision.step is Step.CLEAN_ITEMS
        content = place.path[-1] == structured.CONTENT_SEQUENCE and cleaned and Option.STRUCTURED in self._plan.options
        return Scope(place.scope.plan, cleaned, structured.verdict(item, self._plan.options) if content else "")

    @functools.cached_property
    def _loses_tree(self) -> bool:
        """Whether the content at the top goes; the references of a key object selection stay, and are a tree of its kind."""
        step = actions.decide(self._plan, self._sop_class, (structured.CONTENT_SEQUENCE,), "SQ").step
        selects = self._sop_class == structured.KEY_OBJECT and structured.selects(self._source)
        return step is Step.DELETE or (step is Step.DUMMY and not selects)

    @functools.cached_property
    def _by_position(self) -> bool:
        return structured.counts_its_items(self._source)

    def _cleaned(self, place: Place, decision: Decision) -> Element:
        """The text as inspection and the config leave it; one that cannot be decoded goes. Of a Type 1 attribute a dummy is left."""
        vr, element = elements.value_vr(place.element), place.element
        if elements.is_empty(element):
            return element
        new = self._here.clean(element, place.dataset, vr, self._identity(place.dataset))
        if vr == "UI" and (new is not None or self._names_this(element)):
            return self._mapped(place, decision)
        if new is None:
            return elements.kept(element, place.dataset)
        if not new.changes:
            decision = dataclasses.replace(decision, reason=f"{decision.reason}, UNDECODABLE")
        return self._rewritten(place, decision, new)

    def _looked_through(self, place: Place) -> Element:
        """What no table lists, without the instance's own names, ids, dates and places."""
        element, vr = place.element, elements.value_vr(place.element)
        new = (
            None if elements.is_empty(element) else self._here.without_own_words(element, place.dataset, vr, self._identity(place.dataset))
        )
        if new is None:
            return elements.kept(element, place.dataset)
        return self._mapped(place, _OWN_WORDS) if vr == "UI" else self._rewritten(place, _OWN_WORDS, new)

    def _rewritten(self, place: Place, decision: Decision, new: NewText) -> Element:
        """The element with its new text, or emptied; of a Type 1 attribute a dummy is left."""
        element = place.element
        if new.value is None and attribute_type(self._sop_class, place.path) in ("1", "1C"):
            return self._dummy(place, Decision(Step.DUMMY, f"{decision.reason}, nothing of it can stay"))
        if not new.changes:
            return self._emptied(place, decision)
        tag, reason = f"{place.path[-1]:08X}", decision.reason
        for one in new.changes:
            spot = (one.info_type, one.byte_start, one.byte_end)
            self.findings.append(TagFinding(tag, Action.CLEANED, reason, place.where, one.original, one.replaced, *spot))
        return elements.emptied(element) if new.value is None else elements.with_value(element, new.value, place.dataset)

    def _names_this(self, element: Element) -> bool:
        return any(strip(value) in self._own for value in elements.raw_text(element).split("\\"))

    def _shifted(self, place: Place, decision: Decision) -> Element:
        """Dates moved by the patient's days; a value that is no date goes as the Basic Profile has it."""
        if elements.is_empty(place.element):
            return place.element
        vr = elements.value_vr(place.element)
        moved = self._texts.moved(place.element, place.dataset, vr, self._identity(place.dataset))
        if moved is None:
            return self._instead(place, decision)
        original, tag = elements.text(place.element, place.dataset), f"{place.path[-1]:08X}"
        self.findings.append(TagFinding(tag, Action.CLEANED, decision.reason, place.where, original, moved, "DATE"))
        return elements.written(place.path[-1], vr, moved.split("\\") if "\\" in moved else moved)

    def _time(self, place: Place, decision: Decision) -> Element:
        """A date, time of day or offset from UTC as it is, if it is one, and no birth date where no table lets it stay."""
        text = elements.text(place.element, place.dataset) or ""
        stays = all(is_time(value, elements.value_vr(place.element)) for value in text.split("\\"))
        stays = stays and (tables.row(place.path[-1]) is not None or not self._here.holds_birth_date(text))
        return elements.kept(place.element, place.dataset) if stays else self._instead(place, decision)

    def _age(self, place: Place, decision: Decision) -> Element:
        """An age as it is, over 89 as 90 years (PS3.15 E.3.5)."""
        if elements.is_empty(place.element):
            return place.element
        if place.path[-1] == ages.NUMERIC_VALUE:
            return self._replaced(place, decision, "DS", ages.told_number(place.dataset))
        values = (elements.text(place.element, place.dataset) or "").split("\\")
        told = ages.told(values)
        if told is None:
            return self._instead(place, decision)
        if told == values:
            return elements.kept(place.element, place.dataset)
        return self._replaced(place, decision, "AS", told if len(told) > 1 else told[0])

    def _colours(self, place: Place, decision: Decision) -> Element:
        """An ICC profile without its texts."""
        value = elements.raw_bytes(place.element)
        blank = icc.without_texts(value)
        if blank is None:
            return self._instead(place, decision)
        if blank == value:
            return elements.kept(place.element, place.dataset)
        self._found(place, Action.CLEANED, decision)
        return elements.with_value(place.element, blank, place.dataset)

    def _instead(self, place: Place, decision: Decision) -> Element:
        reason = f"{decision.reason}, a value that cannot be read"
        step = Step.EMPTY if decision.instead is Step.DELETE else decision.instead
        return self._steps[step](place, Decision(step, reason))

    def _emptied(self, place: Place, decision: Decision) -> Element:
        if elements.is_empty(place.element):
            return place.element
        self._found(place, Action.REMOVED, decision)
        return elements.emptied(place.element)

    def _dummy(self, place: Place, decision: Decision) -> Element:
        if elements.is_empty(place.element):
            return place.element
        tag = place.path[-1]
        vr = actions.standard_vr(tag) or elements.value_vr(place.element)
        selects = self._sop_class == structured.KEY_OBJECT and place.path == (structured.CONTENT_SEQUENCE,)
        selected = self._references(place) if selects else []
        value = Sequence(selected) if selected else dummy(tag, vr, self._sop_class, place.path[:-1])
        return self._replaced(place, decision, vr, value)

    def _mapped(self, place: Place, decision: Decision) -> Element:
        values = elements.raw_text(place.element).split("\\")
        new = [self._uids.new(value) for value in values]
        if new == [strip(value) for value in values]:
            return place.element
        self._found(place, Action.REGENERATED_UID, decision, "\\".join(new))
        return elements.written(place.path[-1], "UI", new if len(new) > 1 else new[0])

    def _primary_uid(self, place: Place, decision: Decision) -> Element:
        """Study, series or instance UID of the instance itself, as the target has it."""
        tag = place.path[-1]
        uid = self._primary[tag]
        if strip(elements.raw_text(place.element)) == uid:
            return place.element
        reason = decision.reason or matched(tag, "told apart from another instance of the same UID")
        self._found(place, Action.REGENERATED_UID, Decision(Step.UID, reason), uid)
        return elements.written(tag, "UI", uid)

    def _patient(self, place: Place, decision: Decision) -> Element:
        """What stands for the patient named in the same item, else for the instance's patient; a dummy where it may not be empty."""
        identity = self._identity(place.dataset)
        name = self._patients.name(identity)
        self.names_unlisted |= self._patients.is_unlisted(identity)
        if name is None:
            needed = attribute_type(self._sop_class, place.path) == "1"
            return self._dummy(place, decision) if needed else self._emptied(place, decision)
        return self._replaced(place, decision, "PN" if place.path[-1] == actions.PATIENT_NAME else "LO", name)

    def _identity(self, here: Dataset) -> bytes:
        top = self._source
        patient_id = elements.text_at(here, actions.PATIENT_ID) or elements.text_at(top, actions.PATIENT_ID)
        issuer = elements.text_at(here, actions.ISSUER_OF_PATIENT_ID) or elements.text_at(top, actions.ISSUER_OF_PATIENT_ID)
        return patient_identity(issuer, patient_id, self._study)

    def _replaced(self, place: Place, decision: Decision, vr: str, value: object) -> Element:
        """The element with another value; as it is, without a finding, where its text is that already."""
        new = elements.written(place.path[-1], vr, value)
        text = elements.text(new, place.dataset)
        if text is not None and text == elements.text(place.element, place.dataset):
            return elements.kept(place.element, place.dataset)
        self._found(place, Action.RESET, decision, text)
        return new

    def _found(self, place: Place, action: Action, decision: Decision, replaced: str | None = None) -> None:
        original = elements.text(place.element, place.dataset)
        self.findings.append(TagFinding(f"{place.path[-1]:08X}", action, decision.reason, place.where, original, replaced))


_OWN_WORDS = Decision(Step.CLEAN, "Matched Expression: the instance's own names, ids, dates and places")
_ITEM_GONE = f"Matched Expression: the concept of a content item (PS3.15 {tables.EDITION} Table E.3.4-1 X)"
