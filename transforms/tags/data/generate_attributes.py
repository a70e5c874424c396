"""Makes `attributes.json`: which attributes a SOP class has, at every depth, and their Types (PS3.3; PS3.5, 7.4).

    python transforms/tags/data/generate_attributes.py        # in an environment with highdicom 0.28.2 (tests/requirements.txt)

Reduced from the three JSON files that highdicom carries in `_standard`. A module is a tree of sequences, and the same
subtree (a code macro, say) stands in hundreds of places: equal subtrees are stored once, as a numbered node. A node maps a
tag to its Type, and for a sequence also to the node of its items: `"00081140": "3 17"`. Repeating groups stand as 6000/5000.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from pydicom._dicom_dict import RepeatersDictionary
from pydicom.datadict import tag_for_keyword

PACKAGE, VERSION, FOLDER = "highdicom", "0.28.2", "highdicom/_standard"
TARGET = Path(__file__).with_name("attributes.json")

_CONTENT_ITEM = {
    "ReferencedSOPSequence",
    "TemporalRangeType",
    "ConceptCodeSequence",
    "MeasuredValueSequence",
    "TabulatedValuesSequence",
    "GraphicData",
    "GraphicType",
    "ReferencedFrameOfReferenceUID",
}
"""Macros that PS3.3 C.17.3 includes by value type: highdicom lists their attributes with the macros' own Types, without the condition."""

_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
"""Each group stands in one of the two, so neither must have it (PS3.3 C.7.6.16)."""

_REPEATING = {entry[4]: mask.replace("xx", "00").upper() for mask, entry in RepeatersDictionary.items() if entry[4]}


class _Nodes:
    """Equal subtrees once, in the order in which they are first met."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[tuple[str, str], ...], int] = {}

    def add(self, tree: dict[str, Any]) -> int:
        entries = []
        for tag, (kind, items) in sorted(tree.items()):
            entries.append((tag, f"{kind} {self.add(items)}" if items else kind))
        return self.numbers.setdefault(tuple(entries), len(self.numbers))


def _tag(keyword: str) -> str:
    number = tag_for_keyword(keyword)
    if number is not None:
        return f"{number:08X}"
    return _REPEATING[keyword]


def _tree(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for attribute in sorted(attributes, key=lambda each: len(each["path"])):
        level = tree
        for keyword in attribute["path"]:
            level = level[_tag(keyword)][1]
        level[_tag(attribute["keyword"])] = (_kind(attribute), {})
    if "0040A050" in tree:  # Continuity of Content at the top: a container, whose concept name is the document's title
        tree["0040A043"] = ("1", tree["0040A043"][1])
    return tree


def _kind(attribute: dict[str, Any]) -> str:
    above, kind = attribute["path"], attribute["type"]
    root, item = above == [], above == ["ContentSequence"]
    by_value_type = (attribute["keyword"] in _CONTENT_ITEM and (root or item)) or (attribute["keyword"] == "ContinuityOfContent" and item)
    if kind in ("1", "2") and (by_value_type or (len(above) == 1 and above[0] in _FUNCTIONAL_GROUPS)):
        return f"{kind}C"
    return kind


def generate() -> str:
    """The text of `attributes.json`."""
    distribution = importlib.metadata.distribution(PACKAGE)
    if distribution.version != VERSION:
        raise SystemExit(f"{PACKAGE} {VERSION} is needed, {distribution.version} is installed")
    folder = Path(str(distribution.locate_file(FOLDER)))
    files = {name: (folder / f"{name}.json").read_bytes() for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")}
    classes, iods, modules = (json.loads(content) for content in files.values())
    used = {name: iods[name] for name in sorted(set(classes.values()))}
    nodes = _Nodes()
    roots = {
        name: nodes.add(_tree(modules[name]))
        for name in sorted({each["key"] for usages in used.values() for each in usages})
        if name in modules
    }
    head = {
        "table": "PS3.3, attributes of the IODs and their Types",
        "package": f"{PACKAGE} {VERSION}",
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "classes": dict(sorted(classes.items())),
        "iods": {name: {each["key"]: each["usage"] for each in usages if each["key"] in roots} for name, usages in used.items()},
        "modules": roots,
    }
    lines = ",\n".join(json.dumps(dict(entries), separators=(",", ":")) for entries in nodes.numbers)
    text = ",\n".join(f"{json.dumps(name)}: {_lines(value)}" for name, value in head.items())
    return f'{{\n{text},\n"nodes": [\n{lines}\n]\n}}\n'


def _lines(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(each, separators=(',', ':'))}" for name, each in value.items()) + "\n}"


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
