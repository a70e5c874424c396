"""Values for action D and for what a valid object needs and the source lacks (PS3.15 E.1.1): constant, valid, nobody's.

By VR, unless `data/enumerated.json` has the values that PS3.3 allows for the attribute.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from transforms.tags.attributes import required

TEXT = "ANONYMIZED"
DATE = "19000101"
UID = "2.25.0"
"""The nil UUID (PS3.5 B.2), for UIDs inside dummy items only: all others are mapped."""

_BY_VR: dict[str, Any] = {
    "AE": TEXT, "AS": "000Y", "AT": 0, "CS": TEXT, "DA": DATE, "DS": "0", "DT": f"{DATE}000000", "FD": 0.0, "FL": 0.0, "IS": "0",
    "LO": TEXT, "LT": TEXT, "OB": bytes(2), "OD": bytes(8), "OF": bytes(4), "OL": bytes(4), "OV": bytes(8), "OW": bytes(2),
    "PN": TEXT, "SH": TEXT, "SL": 0, "SS": 0, "ST": TEXT, "SV": 0, "TM": "000000", "UC": TEXT, "UI": UID, "UL": 0, "UN": bytes(2),
    "UR": "urn:uuid:00000000-0000-0000-0000-000000000000", "US": 0, "UT": TEXT, "UV": 0,
}  # fmt: skip


@functools.cache
def _enumerated() -> dict[int, list[Any]]:
    data = json.loads(resources.files("transforms.tags").joinpath("data/enumerated.json").read_text(encoding="utf-8"))
    return {int(tag, 16): values[1:] for tag, values in data["values"].items()}


def dummy(tag: int, vr: str, sop_class: str, path: tuple[int, ...] = ()) -> Any:
    """A valid value for the element, as pydicom takes it. The same every time.

    `path` has the tags of the sequences above. A sequence gets one item with its Type 1 and Type 2 attributes.
    """
    if vr == "SQ":
        return Sequence([_item(tag, sop_class, path)])
    if tag in _enumerated():
        return _enumerated()[tag][0]
    value = _BY_VR[vr]
    count = _multiplicity(tag)
    return value if count == 1 or isinstance(value, bytes) else [value] * count


def _item(tag: int, sop_class: str, path: tuple[int, ...]) -> Dataset:
    item = Dataset()
    for inner, kind in required(sop_class, (*path, tag)).items():
        vr = dictionary_VR(inner)
        value = dummy(inner, vr, sop_class, (*path, tag)) if kind == "1" else None
        item.add_new(inner, vr, [] if vr == "SQ" and value is None else value)
    return item


def _multiplicity(tag: int) -> int:
    try:
        least = dictionary_VM(tag).partition("-")[0]
    except KeyError:
        return 1
    return int(least) if least.isdigit() else 1
