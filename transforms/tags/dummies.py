"""Values for action D and for what a valid object needs and the source lacks (PS3.15 E.1.1): constant, valid, nobody's.

By VR, unless `data/enumerated.json` has a value that PS3.3 allows for the attribute.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.tags import documents, icc
from transforms.tags.attributes import required

TEXT = "ANONYMIZED"
DATE = "19000101"
UID = "2.25.0"
"""The nil UUID (PS3.5 B.2), for UIDs inside dummy items only: all others are mapped."""

_ICC_PROFILE = 0x00282000

_BY_VR: Mapping[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), TEXT),
    **{"DA": DATE, "TM": "000000", "DT": f"{DATE}000000", "AS": "000Y", "UI": UID, "UR": "urn:uuid:00000000-0000-0000-0000-000000000000"},
    **dict.fromkeys(("DS", "IS"), "0"),
    **dict.fromkeys(("AT", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    **dict.fromkeys(("FD", "FL"), 0.0),
    **{"OB": bytes(2), "OW": bytes(2), "UN": bytes(2), "OF": bytes(4), "OL": bytes(4), "OD": bytes(8), "OV": bytes(8)},
}

_CODE: Mapping[str, str] = {"CodeValue": "261665006", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Unknown"}
"""What a dummy code says (PS3.3 8.8): SNOMED CT's concept Unknown."""


def dummy(tag: int, vr: str, sop_class: str, above: tuple[int, ...] = ()) -> Any:
    """A valid value for the element, as pydicom takes it, with as many values as its multiplicity asks for. The same every time.

    `above` has the tags of the sequences around it. A sequence gets one item, with the Type 1 and Type 2 attributes of its items.
    """
    if vr == "SQ":
        return Sequence([_item(tag, sop_class, above)])
    values = _values(sop_class)
    if tag in values:
        return copy.copy(values[tag])
    value, count = _BY_VR[vr], _multiplicity(tag)
    return value if count == 1 or isinstance(value, bytes) else [value] * count


def _item(tag: int, sop_class: str, above: tuple[int, ...]) -> Dataset:
    item, path = Dataset(), (*above, tag)
    wanted = {**required(sop_class, path), **dict.fromkeys(_items().get(tag, {}), "1")}
    for inner, kind in sorted(wanted.items()):
        vr = _vr(inner)
        empty: Any = [] if vr == "SQ" else None
        given = copy.copy(_items().get(tag, {}).get(inner))
        item.add_new(inner, vr, given or (dummy(inner, vr, sop_class, path) if kind == "1" else empty))
    if "CodeMeaning" in item or (not wanted and keyword_for_tag(tag).endswith("CodeSequence")):
        for keyword, text in _CODE.items():
            setattr(item, keyword, text)
    return item


def _vr(tag: int) -> str:
    """Of several VRs the one that holds any number of bits (OW), else the first (US)."""
    choices = dictionary_VR(tag).split(" or ")
    return "OW" if "OW" in choices else choices[0]


def _multiplicity(tag: int) -> int:
    """The least number of values: 2 of 2-n, 1 of 1-n; 1 where the tag is not in the dictionary."""
    try:
        return int(dictionary_VM(tag).partition("-")[0])
    except KeyError:
        return 1


@functools.cache
def _file() -> dict[str, Any]:
    return json.loads(resources.files("transforms.tags").joinpath("data/enumerated.json").read_text(encoding="utf-8"))


@functools.cache
def _values(sop_class: str) -> Mapping[int, Any]:
    """Values by tag: what the class asks for before what all classes allow."""
    by_tag = {tag: value for tag, (_, _, value) in _file()["values"].items()} | _file()["classes"].get(sop_class, {})
    document = documents.placeholders().get(sop_class)
    return {_ICC_PROFILE: icc.srgb()} | {int(tag, 16): value for tag, value in by_tag.items()} | dict(document.values if document else {})


@functools.cache
def _items() -> Mapping[int, Mapping[int, Any]]:
    """What a dummy item needs beyond Types 1 and 2, by the tag of its sequence; None for the usual dummy."""
    return {int(tag, 16): {int(inner, 16): value for inner, value in entry.items()} for tag, entry in _file()["items"].items()}
