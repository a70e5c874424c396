"""Where the standard, or a maker's name, decides which words stand: there a word of imaging names nobody, whoever is called so."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transforms.tags import elements

_CODE_SCHEME, _CODE_MEANING = 0x00080102, 0x00080104
_DEFINED = frozenset(
    int(Tag(keyword)) for keyword in ("BodyPartExamined", "FrameType", "ImageType", "Manufacturer", "Modality", "ValueType")
)
"""PS3.16 Annex L; PS3.3 C.8.16.1, C.7.6.1.1.2, C.7.5.1, C.7.3.1.1.1, C.17.3.2.1."""


def has_defined_words(tag: int, dataset: Dataset) -> bool:
    """Whether the element of this data set or item is one of them."""
    return tag in _DEFINED or (tag == _CODE_MEANING and of_a_vocabulary(dataset))


def of_a_vocabulary(item: Dataset) -> bool:
    """Whether a code is of a public scheme; `99` begins the private ones (PS3.3 8.2)."""
    scheme = elements.text_at(item, _CODE_SCHEME).strip()
    return bool(scheme) and not scheme.startswith("99")
