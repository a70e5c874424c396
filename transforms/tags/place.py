"""Where the walk is: an element, the data set or item that holds it, and what holds for all that is in it."""

from __future__ import annotations

import dataclasses

from pydicom._private_dict import private_dictionaries
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.model.plan import ActionPlan
from transforms.tags import elements
from transforms.tags.elements import Element


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
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
    scope: Scope
    """How the data set that holds it is treated."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """What holds for all elements of a data set or item."""

    plan: ActionPlan
    cleaned: bool = False
    """Inside a sequence that is cleaned: the text that stays is inspected."""
    verdict: str = ""
    """On the content item that it is, by Table E.3.4-1."""


def is_published(creator: Element, dataset: Dataset) -> bool:
    """Whether a private creator is one that readers know elements by; any other may say whatever its writer liked."""
    return (elements.text(creator, dataset) or "").strip() in private_dictionaries


def creator_tag(tag: int) -> int:
    """The tag of the private creator of an element's block."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8 if tag >> 16 & 1 else 0


def creators_last(tag: int) -> tuple[bool, int]:
    """Order in which elements come before the creators of their blocks."""
    return elements.is_creator(tag), tag


def creator_of(dataset: Dataset, tag: int) -> str:
    """What the private creator of an element's block says; empty for a standard element."""
    block = creator_tag(tag)
    return elements.text_at(dataset, block).strip() if block & 0xFFFF >= 0x10 else ""
