"""A Provenance resource as a row of the table, by the rules of the export's ANALYTICS_V2 schema.

An element keeps its name, a choice element becomes a record of its type, an extension an array named after the last
part of its url. Both shapes of our Provenance give the same row: where the R4 shape carries the value of an extension
in a child, the row has it as the value. Nothing is dropped in silence: what has no column is an error.
"""

from __future__ import annotations

import decimal
import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transforms.bigquery.schema import Field, provenance_table

MAX_NAME = 300
"""Characters of a column name (BigQuery TableFieldSchema.name)."""

VALUE_CHILDREN = {"frame_index": "index", "tag_id": "tag"}
"""The child that carries the value of such an extension in the R4 shape, by the extension's column."""

Row = dict[str, Any]


class NoColumnError(ValueError):
    """A part of a resource that the table cannot hold. Names the path and the kind of fault, never a value."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


def provenance_row(resource: Mapping[str, Any], last_updated: str) -> Row:
    """The row of one Provenance; empty columns are left out.

    `last_updated` is the run's own time, ISO 8601 with its zone. Raises NoColumnError for what is not a Provenance or
    does not fit its table.
    """
    if resource.get("resourceType") != "Provenance":
        raise NoColumnError("resourceType", "this table holds Provenance only")
    elements = {name: value for name, value in resource.items() if name != "resourceType"}
    row = _record(elements, provenance_table(), "Provenance")
    row["id"] = resource["id"]
    row["lastUpdated"] = last_updated
    return row


def short_name(url: str) -> str:
    """The column of an extension: the url's last part, with `_` for what a column name may not hold."""
    return _sanitized(url.removesuffix("/").rpartition("/")[2])


def full_name(url: str) -> str:
    """The column of an extension whose short name is taken: the whole url without its scheme."""
    return _sanitized(re.sub(r"^[a-z][a-z0-9+.-]*://", "", url.removesuffix("/")))


def _sanitized(name: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return (name if re.match(r"[A-Za-z_]", name) else f"_{name}")[:MAX_NAME]


def _record(elements: Mapping[str, Any], record: Field, path: str) -> Row:
    """A record of elements and extensions; `id`s of elements are not exported."""
    row: Row = {}
    for name, value in elements.items():
        if name in ("extension", "id"):
            continue
        field = record.named.get(name)
        if field is not None:
            row[name] = _value(value, field, f"{path}.{name}")
            continue
        choice = _choice(name, record)
        if choice is None:
            raise NoColumnError(f"{path}.{name}", "there is no column for this element")
        column, kind = choice
        row[column.name] = _record({kind: value}, column, f"{path}.{name}")
    if "extension" in elements:
        row.update(_extensions(elements["extension"], row, record, path))
    return row


@functools.lru_cache(maxsize=1024)
def _choice(name: str, record: Field) -> tuple[Field, str] | None:
    """The record of a choice element (`occurredPeriod`) and its type (`period`)."""
    for field in record.fields:
        kind = name.removeprefix(field.name)
        if field.type == "RECORD" and kind != name and kind[:1].isupper():
            return field, kind[0].lower() + kind[1:]
    return None


def _value(value: Any, field: Field, path: str) -> Any:
    if field.repeated:
        if not isinstance(value, list):
            raise NoColumnError(path, "an array is expected")
        return [_one(item, field, f"{path}[{position}]") for position, item in enumerate(value)]
    return _one(value, field, path)


def _one(value: Any, field: Field, path: str) -> Any:
    if field.type == "RECORD" and isinstance(value, Mapping):
        return _record(value, field, path)
    if field.type in ("STRING", "TIMESTAMP") and isinstance(value, str):
        return value
    if field.type == "FLOAT" and isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise NoColumnError(path, f"a value of type {field.type} is expected")


def _extensions(extensions: Sequence[Mapping[str, Any]], taken: Iterable[str], record: Field, path: str) -> Row:
    """The columns of the extensions of one element, beside columns that are `taken`."""
    names = _column_names(frozenset(extension["url"] for extension in extensions), frozenset(taken))
    row: Row = {}
    for extension in extensions:
        name = names[extension["url"]]
        column = record.named_in_lower_case.get(name)
        if column is None or not column.repeated or column.type != "RECORD":
            raise NoColumnError(f"{path}.extension({name})", "there is no column for this extension")
        row.setdefault(column.name, []).append(_extension(extension, column, f"{path}.{column.name}"))
    return row


@functools.lru_cache(maxsize=1024)
def _column_names(urls: frozenset[str], taken: frozenset[str]) -> dict[str, str]:
    """The column of each url in lower case, which names of columns are not told apart by: short if no other has that name."""
    short = {url: short_name(url).lower() for url in urls}
    names = [*short.values(), *(name.lower() for name in taken), "value"]
    return {url: name if names.count(name) == 1 else full_name(url).lower() for url, name in short.items()}


def _extension(extension: Mapping[str, Any], column: Field, path: str) -> Row:
    """One element of an extension's column: its value, beside the columns of its children."""
    own = {name: value for name, value in extension.items() if name.startswith("value")}
    if unknown := extension.keys() - own.keys() - {"url", "extension", "id"}:
        raise NoColumnError(f"{path}.{min(unknown)}", "there is no column for this element")
    children = extension.get("extension", ())
    carrier = VALUE_CHILDREN.get(column.name)
    carriers = [child for child in children if child["url"] == carrier] if carrier else []
    if len(own) + len(carriers) > 1:
        raise NoColumnError(f"{path}.value", "an extension has one value")
    if carriers:
        own = {name: value for name, value in carriers[0].items() if name != "url"}
        children = [child for child in children if child is not carriers[0]]
    row = _record(own, column, path)
    if children:
        row.update(_extensions(children, (), column, path))
    return row
