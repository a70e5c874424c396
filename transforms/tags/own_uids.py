"""The UIDs of a data set by what becomes of them in their elements: the same becomes of them in texts."""

from __future__ import annotations

import dataclasses

from pydicom.dataset import Dataset

from transforms.model.plan import ActionPlan, Option
from transforms.tags import actions, elements
from transforms.tags.actions import Step
from transforms.tags.uids import is_standard, is_valid, strip

_STAY = frozenset({Step.KEEP, Step.CLEAN})


@dataclasses.dataclass(frozen=True, slots=True)
class OwnUids:
    """Of a data set at every depth, without those of the standard."""

    replaced: frozenset[str]
    """Those that the plan maps or takes away."""
    kept: frozenset[str]
    """Those that it leaves everywhere they stand: by an option, an action, or since it changes no UID of their kind."""


def own_uids(plan: ActionPlan, sop_class: str, dataset: Dataset) -> OwnUids:
    """The UIDs of the data set, which stays as it was read."""
    replaced: set[str] = set()
    kept: set[str] = set()
    _sort(plan, sop_class, dataset, (), replaced, kept)
    return OwnUids(frozenset(replaced), frozenset(kept - replaced))


def _sort(plan: ActionPlan, sop_class: str, dataset: Dataset, above: tuple[int, ...], replaced: set[str], kept: set[str]) -> None:
    for tag in elements.tags(dataset):
        element, path = elements.at(dataset, tag), (*above, tag)
        for item in elements.sequence(element, dataset) or ():
            _sort(plan, sop_class, item, path, replaced, kept)
        if elements.value_vr(element) == "UI":
            found = {strip(value) for value in elements.raw_text(element).split("\\")}
            stays = Option.UIDS in plan.options or actions.decide(plan, sop_class, path, "UI").step in _STAY
            for uid in found:
                if uid and not is_standard(uid):
                    (kept if stays and is_valid(uid) else replaced).add(uid)
