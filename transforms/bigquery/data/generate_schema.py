"""Writes the schemas beside this file: the columns of the tables `Provenance`, in two forms, and `Operations`.

Source of the elements: R4 Provenance (https://hl7.org/fhir/R4/provenance.html) as `fhir.resources.R4B` models it, in
which it is the same. A type is not unfolded inside itself. Decimals are FLOAT and instants STRING, as the Healthcare
API's export has them; `lastUpdated` is the time of the run, and `unmapped` takes what has no column.

- provenance.schema.json, by the rules of ANALYTICS_V2: an element is a column of its own name, a choice element a record
  of its types, an extension a repeated record of its value and its children. The extensions are those of our Provenance.
- provenance_lossless.schema.json, as LOSSLESS: everything under the name it has in FHIR, extensions as arrays of them.
- operations.schema.json: a row an operation; of our own making.

    python transforms/bigquery/data/generate_schema.py
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

HERE = Path(__file__).parent
Column = dict[str, Any]

KINDS = {"Decimal": "FLOAT", "Integer": "INTEGER", "PositiveInt": "INTEGER", "UnsignedInt": "INTEGER", "Boolean": "BOOLEAN"}
"""Types of primitives that are not STRING."""
VALUES = ("Coding", "CodeableConcept", "Period", "Quantity")
"""Complex types of which an extension may have a value in the lossless table; those of all primitives are there too."""
EXTENDED = {"Provenance": 2, "ProvenanceAgent": 2, "ProvenanceEntity": 4}
"""Which types keep their extensions in the lossless table, and how deep these are unfolded."""
DESCRIPTION = "extension"
"""Of the column of an extension."""
BOX_DECIMALS = ("left", "right", "top", "bottom", "relative_left", "relative_right", "relative_top", "relative_bottom")


def scalar(name: str, kind: str = "STRING", mode: str = "NULLABLE") -> Column:
    """A column of plain values."""
    return {"name": name, "type": kind, "mode": mode}


def record(name: str, *columns: Column, mode: str = "NULLABLE") -> Column:
    """A record of columns."""
    return {"name": name, "type": "RECORD", "mode": mode, "fields": list(columns)}


def repeated(name: str, *columns: Column) -> Column:
    """An array of records."""
    return record(name, *columns, mode="REPEATED")


class Element(typing.NamedTuple):
    """An element of a FHIR type."""

    name: str
    type: str
    repeated: bool
    choice: str
    """`value` of `valueString`; empty where there is no choice."""

    @property
    def primitive(self) -> bool:
        """Whether it is a value; the models name these types in lower case or by their own classes."""
        return self.type in PRIMITIVES


PRIMITIVES = frozenset(
    "Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid PositiveInt String Time UnsignedInt "
    "Uri Url Uuid Xhtml".split()
)


def elements(name: str) -> Iterator[Element]:
    """The elements of a FHIR type in their order, without those that only carry extensions of primitives."""
    for field in get_fhir_model_class(name).model_fields.values():
        extra = field.json_schema_extra or {}
        if not extra.get("element_property") or field.alias.startswith("_"):
            continue
        kind, many = _type(field.annotation)
        yield Element(field.alias, kind, many, extra.get("one_of_many", ""))


def _type(annotation: Any) -> tuple[str, bool]:
    """The FHIR type that an annotation of the models means, and whether it is a list of them."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _type(next(part for part in inner if part is not type(None)))
    if origin is list:
        return _type(inner[0])[0], True
    if origin is typing.Annotated:
        return _primitive(inner), False
    if isinstance(annotation, type) and annotation.__module__ == "builtins":
        return _primitive((annotation,)), False
    return annotation.__name__.removesuffix("Type"), False


def _primitive(inner: tuple[Any, ...]) -> str:
    named = [type(mark).__name__ for mark in inner[1:]]
    return next((name for name in named if name in PRIMITIVES), {bool: "Boolean", int: "Integer"}.get(inner[0], "String"))


def fhir_columns(name: str, lossless: bool, above: tuple[str, ...] = (), depth: int = 0) -> list[Column]:
    """The columns of a FHIR type; `above` are the types it stands in, `depth` how many levels of extensions it may have."""
    columns: list[Column] = []
    for element in elements(name):
        if element.type in ("Resource", "Extension") or element.type in (*above, name) or (element.name == "id" and above and not lossless):
            continue
        if element.choice and not lossless:
            kind = element.name.removeprefix(element.choice)
            found = next((column for column in columns if column["name"] == element.choice), None)
            if found is None:
                columns.append(found := record(element.choice))
            found["fields"].append(_column(element._replace(name=kind[0].lower() + kind[1:]), name, lossless, above))
        else:
            columns.append(_column(element, name, lossless, above))
    if lossless and (levels := EXTENDED.get(name, depth)):
        columns.append(extension("extension", levels))
        if name != "Extension":
            columns.append(extension("modifierExtension", 1))
    return columns


def _column(element: Element, inside: str, lossless: bool, above: tuple[str, ...]) -> Column:
    mode = "REPEATED" if element.repeated else "NULLABLE"
    if (inside, element.name) == ("Meta", "lastUpdated"):
        return scalar(element.name, "TIMESTAMP")
    if element.primitive:
        return scalar(element.name, KINDS.get(element.type, "STRING"), mode)
    return record(element.name, *fhir_columns(element.type, lossless, (*above, inside)), mode=mode)


def extension(name: str, levels: int) -> Column:
    """The extensions of an element as FHIR has them."""
    known = [element for element in elements("Extension") if element.choice and (element.primitive or element.type in VALUES)]
    values = [_column(element, "Extension", lossless=True, above=()) for element in known]
    return repeated(name, scalar("id"), scalar("url"), *values, *([extension("extension", levels - 1)] if levels > 1 else []))


def first_class(name: str, *columns: Column) -> Column:
    """The column of an extension, told from an element's by what describes it."""
    return repeated(name, *columns) | {"description": DESCRIPTION}


def decimal(name: str, *children: Column) -> Column:
    """The column of an extension with valueDecimal."""
    return first_class(name, record("value", scalar("decimal", "FLOAT")), *children)


def string(name: str, *children: Column) -> Column:
    """The column of an extension with valueString."""
    return first_class(name, record("value", scalar("string")), *children)


def frame_index() -> Column:
    """One redacted box: its frame, where it is, and what was read there; the last two columns only where boxes were put together."""
    texts = string("quote"), string("infoType"), decimal("confidence"), string("deidentify_reason"), string("extracted_text")
    return decimal("frame_index", *map(decimal, BOX_DECIMALS), *texts, decimal("count"), decimal("last_frame_index"))


def tag_id() -> Column:
    """One changed element; `tag_path` is ours, and so is `count`, where elements were put together."""
    texts = map(string, ("finding_infotype", "text_original", "text_replaced", "deidentify_action", "deidentify_reason", "tag_path"))
    return string("tag_id", decimal("byte_start"), decimal("byte_end"), *texts, decimal("count"))


def source_extensions() -> list[Column]:
    """What the de-identification says about the source: the columns of our extensions of `entity`."""
    return [
        string("deidentify_config"),
        *map(decimal, ("WIDTH", "HEIGHT", "DICOM_STRUCTURED_SIZE")),
        first_class("dicom_images", frame_index(), string("aggregated")),
        first_class("dicom_tags", tag_id(), string("aggregated")),
    ]


def provenance(lossless: bool) -> list[Column]:
    """The table of Provenance, a row a resource."""
    columns = [*fhir_columns("Provenance", lossless), scalar("contained", mode="REPEATED")]
    if not lossless:
        next(column for column in columns if column["name"] == "entity")["fields"] += source_extensions()
    return [*columns, scalar("unmapped", mode="REPEATED"), scalar("lastUpdated", "TIMESTAMP")]


def operations() -> list[Column]:
    """The table of operations, a row an operation, as it was when it last ended."""
    numbers = ("listed", "written", "held", "failed", "skipped", "proven", "answered", "deadLetters", "refusedRows")
    unpublished = (*map(scalar, ("outcome", "stage", "code")), scalar("instances", "INTEGER"))
    return [
        *map(scalar, ("id", "name", "source", "destination", "config", "state", "error")),
        *(scalar(name, "TIMESTAMP") for name in ("startTime", "endTime")),
        *(scalar(name, "INTEGER") for name in numbers),
        repeated("outcomes", *unpublished),
    ]


def files() -> dict[str, str]:
    """The content of each file by its name."""
    tables = {"provenance": provenance(lossless=False), "provenance_lossless": provenance(lossless=True), "operations": operations()}
    return {f"{name}.schema.json": json.dumps(columns, indent=1) + "\n" for name, columns in tables.items()}


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_text(content, encoding="utf-8")
