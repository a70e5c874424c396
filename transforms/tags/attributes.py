"""The attributes of each SOP class and their Types (PS3.3), and what they make of an action code (PS3.15, Table E.1-1a)."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from transforms.model.dictionary import vr_of

_STRICTEST = ("1", "1C", "2", "2C", "3")
_ANY_USAGE = "MCU"

_Node = Mapping[int, tuple[str, int | None]]
"""The attributes of one level of a module: tag -> Type, and for a sequence the number of the node of its items."""


@functools.cache
def _data() -> dict[str, Any]:
    data = json.loads(resources.files("transforms.tags").joinpath("data/attributes.json").read_text(encoding="utf-8"))
    data["nodes"] = [{int(tag, 16): _entry(text) for tag, text in node.items()} for node in data["nodes"]]
    return data


def _entry(text: str) -> tuple[str, int | None]:
    kind, _, items = text.partition(" ")
    return kind, int(items) if items else None


def attribute_type(sop_class: str, path: tuple[int, ...]) -> str | None:
    """1, 1C, 2, 2C or 3; the strictest if several modules of the class name the attribute. None if none does.

    `path` has the tags from the top of the data set down, without item numbers: `(0x00081140, 0x00081155)`.
    """
    return _attribute_type(sop_class, tuple(_plain(tag) for tag in path))


@functools.lru_cache(maxsize=1 << 16)
def _attribute_type(sop_class: str, path: tuple[int, ...]) -> str | None:
    *above, tag = path
    found = [node[tag][0] for node in _level(sop_class, tuple(above), _ANY_USAGE) if tag in node]
    if not found and tag in above:
        return _attribute_type(sop_class, path[: path.index(tag) + 1])
    return _strictest(found) if found else None


@functools.lru_cache(maxsize=1 << 12)
def required(sop_class: str, path: tuple[int, ...] = ()) -> Mapping[int, str]:
    """Type 1 and Type 2 attributes of the mandatory modules, tag -> "1" | "2", by tag; empty for an unknown class.

    With the path of a sequence: those of each of its items, by all modules that have the sequence.
    """
    kinds: dict[int, list[str]] = {}
    for node in _level(sop_class, tuple(_plain(tag) for tag in path), _ANY_USAGE if path else "M"):
        for tag, (kind, _) in node.items():
            kinds.setdefault(tag, []).append(kind)
    strictest = {tag: _strictest(kinds[tag]) for tag in sorted(kinds)}
    return MappingProxyType({tag: kind for tag, kind in strictest.items() if kind in ("1", "2")})


def resolve_code(code: str, sop_class: str, path: tuple[int, ...]) -> str:
    """X, Z, D or U: what to do with a present element, given the row's code and the attribute's Type in this class.

    Of a conditional code the first alternative that keeps the object valid (PS3.15, Table E.1-1a): a Type 3 attribute may go,
    a Type 2 must stay and may be empty, a Type 1 must have a value. A present 1C or 2C counts as 1 or 2, since its condition
    cannot be judged here and a value is valid either way. Where the Type is not known the last alternative is taken: D before
    Z before X.

    A plain X or Z gives way in the same manner, where the object would become invalid: 25 rows of the table name attributes
    that are Type 1 or 2 in some class or sequence (as Presentation Creation Date). A dummy leaves no more of a patient than
    an absence does. X stays X for overlays, whose whole plane goes with their data. D on a UID is U.
    """
    tag = path[-1]
    kind = attribute_type(sop_class, path)
    choices = code.rstrip("*").split("/")
    if kind is None:
        chosen = choices[-1]
    elif kind == "3" or tag >> 24 == 0x60:
        chosen = choices[0]
    elif kind in ("1", "1C"):
        chosen = "U" if "U" in choices else "D"
    else:
        chosen = "Z" if choices[0] == "X" else choices[0]
    return "U" if chosen == "D" and vr_of(tag) == "UI" else chosen


def _level(sop_class: str, path: tuple[int, ...], usages: str) -> list[_Node]:
    """The nodes of all modules at the items of `path`, for modules of these usages (M, C, U).

    A sequence that nests in itself is listed once (Content Sequence, PS3.3 C.17.3.1): below itself, it is the same again.
    """
    data = _data()
    iod = data["iods"].get(data["classes"].get(sop_class), {})
    nodes: list[_Node] = [data["nodes"][data["modules"][module]] for module, usage in iod.items() if usage in usages]
    met: dict[int, list[_Node]] = {}
    for tag in path:
        numbers = {node[tag][1] for node in nodes if tag in node}
        below = [data["nodes"][number] for number in sorted(number for number in numbers if number is not None)]
        nodes = met[tag] = below or met.get(tag, [])
    return nodes


def _strictest(kinds: Iterable[str]) -> str:
    return min(kinds, key=_STRICTEST.index)


def _plain(tag: int) -> int:
    """Repeating groups (PS3.5, 7.6) as their first group: 6002 is 6000."""
    return tag & 0xFF00FFFF if tag >> 24 in (0x50, 0x60) and not tag >> 16 & 1 else tag
