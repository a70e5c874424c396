"""The context in which Clean Descriptors reads a text: the values of the attributes that identify (API: Options.cleanDescriptors).

A phrase equal to one of them is replaced by `[CTX]`. The attributes are those to which the Basic Profile gives D, Z, X or U, but for
the descriptors themselves: a description is not cleaned away because it is equal to itself or to another.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from transforms.model.plan import Option
from transforms.tags import elements, tables

_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs of which a value can be a phrase; dates, ages and UIDs are found anyway."""
_LONGEST = 256
"""Characters; nobody quotes more."""


def context_of(dataset: Dataset) -> Iterator[str]:
    """The values, from every depth, each by itself. The data set stays as it was read."""
    for tag in elements.tags(dataset):
        element, row = elements.at(dataset, tag), tables.row(tag)
        for item in elements.sequence(element, dataset) or ():
            yield from context_of(item)
        if row is not None and row.tag != "private" and Option.DESCRIPTORS not in row.options and elements.value_vr(element) in _TEXTS:
            yield from (value for value in (elements.text(element, dataset) or "").split("\\") if len(value) <= _LONGEST)
