"""Where machines of a known make write identities: boxes that are redacted whatever a search finds there.

A file of templates is YAML: a list of entries with a `name`, the words of the header by which an instance is known (`match`:
DICOM keywords with a text, a number, or a list of either, of which one must be one of the element's values), and `boxes`, each
`[left, top, right, bottom]` in pixels of the stored frame, half open. Text is compared without regard to case and surrounding
blanks, and whole. Rows and Columns must be among the words, since boxes are true of one size only.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import yaml
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from transforms.model.errors import ConfigError

_SIZE = ("Rows", "Columns")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
_BOX = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """One known layout. Pickled with the graph."""

    name: str
    words: tuple[tuple[str, tuple[str, ...]], ...]
    """Keyword, and the texts of which the element must have one; folded."""
    boxes: tuple[tuple[int, int, int, int], ...]


def shipped() -> tuple[Template, ...]:
    """The templates that come with the program (`data/templates.yaml`)."""
    return parse_templates(
        resources.files("transforms.pixels").joinpath("data/templates.yaml").read_text(encoding="utf-8"), "templates.yaml"
    )


def parse_templates(text: str, at: str) -> tuple[Template, ...]:
    """The templates in a file; `at` says where it came from. Raises ConfigError naming entry and field."""
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(at, "this is not YAML", "check indentation, quotes and brackets") from None
    if not isinstance(entries, list):
        raise ConfigError(at, "a file of templates is a list of entries", "begin each with `- name:`")
    templates = tuple(_template(entry, f"{at}[{number}]") for number, entry in enumerate(entries))
    names = [template.name for template in templates]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(at, "two entries have this name", "give each its own", twice)
    return templates


def matching(templates: Iterable[Template], dataset: Dataset) -> list[Template]:
    """The templates that an instance is known by."""
    return [one for one in templates if all(_values(dataset, keyword) & set(texts) for keyword, texts in one.words)]


def _values(dataset: Dataset, keyword: str) -> set[str]:
    """The values of an element, folded; none where it is missing or cannot be read."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - a value that cannot be converted is of no known machine
        return set()
    several: Sequence[Any] = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return {_folded(one) for one in several if one is not None}


def _template(entry: Any, at: str) -> Template:
    if not isinstance(entry, dict) or set(entry) != {"name", "match", "boxes"}:
        raise ConfigError(at, "an entry has name, match and boxes, and nothing else", "write these three")
    if not isinstance(entry["name"], str) or not _NAME.fullmatch(entry["name"]):
        raise ConfigError(f"{at}.name", "a name is letters, digits, blanks, dots and hyphens, at most 60", "choose another")
    match, boxes = entry["match"], entry["boxes"]
    if not isinstance(match, dict) or not set(_SIZE) < match.keys():
        raise ConfigError(f"{at}.match", "Rows, Columns and what the machine says of itself must be there", "add them")
    for keyword in match:
        if not isinstance(keyword, str) or tag_for_keyword(keyword) is None:
            raise ConfigError(f"{at}.match", "this is no keyword of the data dictionary", "write one, such as Manufacturer", str(keyword))
    if not isinstance(boxes, list) or not boxes:
        raise ConfigError(f"{at}.boxes", "a template has at least one box", "write [left, top, right, bottom]")
    words = tuple((keyword, _texts(value, f"{at}.match.{keyword}")) for keyword, value in sorted(match.items()))
    return Template(entry["name"], words, tuple(_edges(box, f"{at}.boxes[{number}]") for number, box in enumerate(boxes)))


def _texts(value: Any, at: str) -> tuple[str, ...]:
    several = value if isinstance(value, list) else [value]
    if not several or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in several):
        raise ConfigError(at, "this is neither a text, a number nor a list of them", "write what the element says")
    return tuple(_folded(one) for one in several)


def _edges(box: Any, at: str) -> tuple[int, int, int, int]:
    if not isinstance(box, list) or len(box) != _BOX or not all(isinstance(edge, int) and edge >= 0 for edge in box):
        raise ConfigError(at, "a box is four whole numbers, none below 0", "write [left, top, right, bottom]")
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise ConfigError(at, "this box is empty", "write [left, top, right, bottom]")
    return left, top, right, bottom


def _folded(value: Any) -> str:
    return str(value).strip(" \0").casefold()
