"""A Provenance resource as a row of the table, by the rules of the export's ANALYTICS_V2 schema.

An element keeps its name, a choice element becomes a record of its type, an extension an array named after the last
part of its url. Both shapes of our Provenance give the same row: where the R4 shape carries the value of an extension
in a child, the row has it as the value. Nothing is dropped in silence: what has no column is an error.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from transforms.bigquery.schema import Field, provenance_fields

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
    row = _record(elements, provenance_fields(), "Provenance")
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


def _record(elements: Mapping[str, Any], fields: Sequence[Field], path: str) -> Row:
    """A record of elements and extensions; `id`s of elements are not exported."""
    row: Row = {}
    for name, value in elements.items():
        if name in ("extension", "id"):
            continue
        field = next((field for field in fields if field.name == name), None)
        if field is not None:
            row[name] = _value(value, field, f"{path}.{name}")
        else:
            choice, kind = _choice(name, fields, path)
            row[choice.name] = _record({kind: value}, choice.fields, f"{path}.{name}")
    row.update(_extensions(elements.get("extension", []), set(row), fields, path))
    return row


def _choice(name: str, fields: Sequence[Field], path: str) -> tuple[Field, str]:
    """The record of a choice element (`occurredPeriod`) and its type (`period`)."""
    for field in fields:
        kind = name.removeprefix(field.name)
        if field.type == "RECORD" and kind != name and kind[:1].isupper():
            return field, kind[0].lower() + kind[1:]
    raise NoColumnError(f"{path}.{name}", "there is no column for this element")


def _value(value: Any, field: Field, path: str) -> Any:
    if field.repeated:
        if not isinstance(value, list):
            raise NoColumnError(path, "an array is expected")
        return [_one(item, field, f"{path}[{position}]") for position, item in enumerate(value)]
    return _one(value, field, path)


def _one(value: Any, field: Field, path: str) -> Any:
    if field.type == "RECORD" and isinstance(value, Mapping):
        return _record(value, field.fields, path)
    if field.type in ("STRING", "TIMESTAMP") and isinstance(value, str):
        return value
    if field.type == "FLOAT" and isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise NoColumnError(path, f"a value of type {field.type} is expected")


def _extensions(extensions: Sequence[Mapping[str, Any]], taken: set[str], fields: Sequence[Field], path: str) -> Row:
    """The columns of the extensions of one element. Column names do not tell upper from lower case."""
    columns = {field.name.lower(): field for field in fields}
    urls: dict[str, set[str]] = {}
    for extension in extensions:
        urls.setdefault(short_name(extension["url"]).lower(), set()).add(extension["url"])
    clashing = {name for name, sharing in urls.items() if len(sharing) > 1} | {name.lower() for name in taken} | {"value"}
    row: Row = {}
    for extension in extensions:
        url = extension["url"]
        name = short_name(url)
        column = columns.get((full_name(url) if name.lower() in clashing else name).lower())
        if column is None or not column.repeated or column.type != "RECORD":
            raise NoColumnError(f"{path}.extension({name})", "there is no column for this extension")
        row.setdefault(column.name, []).append(_extension(extension, column, f"{path}.{column.name}"))
    return row


def _extension(extension: Mapping[str, Any], column: Field, path: str) -> Row:
    """One element of an extension's column: its value, beside the columns of its children."""
    own = {name: value for name, value in extension.items() if name.startswith("value")}
    if unknown := extension.keys() - own.keys() - {"url", "extension", "id"}:
        raise NoColumnError(f"{path}.{min(unknown)}", "there is no column for this element")
    children = extension.get("extension", [])
    carriers = [child for child in children if child["url"] == VALUE_CHILDREN.get(column.name)]
    if len(own) + len(carriers) > 1:
        raise NoColumnError(f"{path}.value", "an extension has one value")
    for carrier in carriers:
        own = {name: value for name, value in carrier.items() if name != "url"}
    others = [child for child in children if child not in carriers]
    return {**_record(own, column.fields, path), **_extensions(others, set(), column.fields, path)}
