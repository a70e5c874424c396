"""The walk through a data set: every element gets its step, every change of an element its finding (PS3.15 E.1)."""

from __future__ import annotations

import dataclasses

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.config import ActionPlan, Profile
from transforms.model.keys import PurposeKey
from transforms.model.records import Action, InstanceUids, TagFinding
from transforms.tags import actions, elements
from transforms.tags.actions import Decision, Step
from transforms.tags.dummies import dummy
from transforms.tags.elements import Element
from transforms.tags.pseudonym import patient_identity, pseudonym
from transforms.tags.uids import UidMapper, are_uids, strip

_FRAME_INCREMENT_POINTER = 0x00280009


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """An element of the source and where it stands."""

    element: Element
    dataset: Dataset
    """The data set or item that holds it."""
    path: tuple[int, ...]
    """Tags from the top down, its own last."""
    where: str
    """Sequences and items above it, as findings write them."""
    items: Sequence | None
    """Its items, if it is a sequence that can be read."""


class Walk:
    """One instance on its way through; `findings` grows in the order of the elements, a sequence before its items."""

    def __init__(
        self,
        plan: ActionPlan,
        sop_class: str,
        uids: UidMapper,
        patients: PurposeKey,
        source: Dataset,
        source_uids: InstanceUids,
        target_uids: InstanceUids,
    ) -> None:
        self._plan, self._sop_class, self._uids, self._patients = plan, sop_class, uids, patients
        self._source, self._study = source, source_uids.study
        self._basic = dataclasses.replace(plan, profile=Profile.BASIC)
        self._pointed_at = elements.tags_in(source, _FRAME_INCREMENT_POINTER) if plan.profile is Profile.MINIMAL else frozenset()
        self._primary = {actions.STUDY: target_uids.study, actions.SERIES: target_uids.series, actions.INSTANCE: target_uids.instance}
        self._steps = {
            Step.KEEP: self._kept,
            Step.EMPTY: self._emptied,
            Step.DUMMY: self._dummy,
            Step.UID: self._mapped,
            Step.PSEUDONYM: self._patient,
        }
        self.findings: list[TagFinding] = []

    def top(self) -> dict[int, Element]:
        """The elements of the new data set, with the instance's own UIDs even where the source has none."""
        new = self._elements(self._source, (), "")
        return new | {tag: elements.written(tag, "UI", uid) for tag, uid in self._primary.items() if tag not in new}

    def _elements(self, dataset: Dataset, above: tuple[int, ...], where: str) -> dict[int, Element]:
        new: dict[int, Element] = {}
        for tag in elements.tags(dataset):
            element = elements.at(dataset, tag)
            place = _Place(element, dataset, (*above, tag), where, elements.sequence(element, dataset))
            decision = self._decision(place)
            if decision.step is Step.DELETE:
                self._found(place, Action.DELETED, decision)
            elif not above and tag in self._primary:
                new[tag] = self._primary_uid(place, decision)
            else:
                new[tag] = self._steps[decision.step](place, decision)
        return new

    def _decision(self, place: _Place) -> Decision:
        tag, vr = place.path[-1], elements.value_vr(place.element)
        if vr == "SQ" and place.items is None:
            vr = "UN"
        if self._plan.redact_all_text and any(actions.PIXELS & item.keys() for item in place.items or ()):
            return Decision(Step.DELETE, actions.matched(tag, actions.THUMBNAIL))
        plan = self._basic if tag in self._pointed_at and len(place.path) == 1 else self._plan
        decision = actions.decide(plan, self._sop_class, place.path, vr)
        if actions.is_kept_kind(plan, decision, place.path, vr) and not are_uids(elements.raw_text(place.element)):
            return Decision(Step.UID, actions.matched(tag, "no UID, so it names no kind of thing"))
        return decision

    def _kept(self, place: _Place, _: Decision) -> Element:
        """The element as it is; a sequence is rebuilt of its items, so that nothing passes that was not read."""
        if place.items is None:
            return elements.kept(place.element, place.dataset)
        before, tag, new_items = len(self.findings), place.path[-1], []
        for number, item in enumerate(place.items):
            below = f"{place.where}.{tag:08X}[{number}]".lstrip(".")
            new_items.append(elements.data_set(self._elements(item, place.path, below), item))
        if len(self.findings) > before:
            reason = actions.matched(tag, "an item has changed")
            self.findings.insert(before, TagFinding(f"{tag:08X}", Action.RECURSED, reason, place.where))
        return elements.rebuilt(place.element, new_items, place.items)

    def _emptied(self, place: _Place, decision: Decision) -> Element:
        if elements.is_empty(place.element):
            return place.element
        self._found(place, Action.REMOVED, decision)
        return elements.emptied(place.element)

    def _dummy(self, place: _Place, decision: Decision) -> Element:
        if elements.is_empty(place.element):
            return place.element
        tag = place.path[-1]
        vr = actions.standard_vr(tag) or elements.value_vr(place.element)
        return self._replaced(place, decision, vr, dummy(tag, vr, self._sop_class, place.path[:-1]))

    def _mapped(self, place: _Place, decision: Decision) -> Element:
        values = elements.raw_text(place.element).split("\\")
        new = [self._uids.new(value) for value in values]
        if new == [strip(value) for value in values]:
            return place.element
        self._found(place, Action.REGENERATED_UID, decision, "\\".join(new))
        return elements.written(place.path[-1], "UI", new if len(new) > 1 else new[0])

    def _primary_uid(self, place: _Place, decision: Decision) -> Element:
        """Study, series or instance UID of the instance itself, as the target has it."""
        tag = place.path[-1]
        uid = self._primary[tag]
        if strip(elements.raw_text(place.element)) == uid:
            return place.element
        reason = decision.reason or actions.matched(tag, "told apart from another instance of the same UID")
        self._found(place, Action.REGENERATED_UID, Decision(Step.UID, reason), uid)
        return elements.written(tag, "UI", uid)

    def _patient(self, place: _Place, decision: Decision) -> Element:
        """The pseudonym of the patient named in the same item, else of the instance's patient."""
        here, top = place.dataset, self._source
        patient_id = elements.text_at(here, actions.PATIENT_ID) or elements.text_at(top, actions.PATIENT_ID)
        issuer = elements.text_at(here, actions.ISSUER_OF_PATIENT_ID) or elements.text_at(top, actions.ISSUER_OF_PATIENT_ID)
        name = pseudonym(self._patients, patient_identity(issuer, patient_id, self._study))
        return self._replaced(place, decision, "PN" if place.path[-1] == actions.PATIENT_NAME else "LO", name)

    def _replaced(self, place: _Place, decision: Decision, vr: str, value: object) -> Element:
        new = elements.written(place.path[-1], vr, value)
        self._found(place, Action.RESET, decision, elements.text(new, place.dataset))
        return new

    def _found(self, place: _Place, action: Action, decision: Decision, replaced: str | None = None) -> None:
        original = elements.text(place.element, place.dataset)
        self.findings.append(TagFinding(f"{place.path[-1]:08X}", action, decision.reason, place.where, original, replaced))
