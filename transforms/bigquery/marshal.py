"""A Provenance resource as a row of its table, by the rules of the Healthcare API's export.

ANALYTICS_V2: an element keeps its name, a choice element becomes a record of its type, an extension an array named after
the last part of its url. Both shapes of our Provenance give the same row: where the R4 shape carries the value of an
extension in a child, the row has it as the value. LOSSLESS: everything keeps its name. In both, what R4 allows and the
table has no column for (foreign extensions, types inside themselves) stands whole in `unmapped`, so that any Provenance
has a row. Only ids of elements go from ANALYTICS_V2, as in the export.
"""

from __future__ import annotations

import decimal
import functools
import json
import math
import re
from collections.abc import Mapping, Set
from typing import Any

from transforms.bigquery.schema import Field, Schema, provenance_table

MAX_NAME = 300
"""Characters of a column name (BigQuery TableFieldSchema.name)."""
MAX_INTEGER = 2**63
"""Beyond what BigQuery's INTEGER holds."""
NO_ELEMENTS = frozenset({"Provenance.unmapped", "Provenance.lastUpdated"})
"""Columns that are ours."""

VALUE_CHILDREN = {"frame_index": "index", "tag_id": "tag"}
"""The child that carries the value of such an extension in the R4 shape, by the extension's column."""

Row = dict[str, Any]


class NoColumnError(ValueError):
    """Something that is no R4 Provenance, and so cannot be a row. Names the path and the kind of fault, never a value."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


def provenance_row(resource: Mapping[str, Any], last_updated: str, schema: Schema = Schema.ANALYTICS_V2) -> Row:
    """The row of one Provenance; empty columns are left out.

    `last_updated` is the run's own time, ISO 8601 with its zone. `unmapped` has a JSON object for each part without a
    column: its `path`, and its `value`. Raises NoColumnError for what is not a Provenance, has no id, or has a value of
    another type than R4 says.
    """
    if resource.get("resourceType") != "Provenance":
        raise NoColumnError("resourceType", "this table holds Provenance only")
    if not isinstance(resource.get("id"), str):
        raise NoColumnError("id", "a row is told from others by it")
    elements = {name: value for name, value in resource.items() if name != "resourceType"}
    marshaller = _Marshaller()
    row = marshaller.record(elements, provenance_table(schema), "Provenance")
    if marshaller.unmapped:
        row["unmapped"] = marshaller.unmapped
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


class _Marshaller:
    """Makes one row, and gathers what has no column."""

    def __init__(self) -> None:
        self.unmapped: list[str] = []

    def record(self, elements: Mapping[str, Any], record: Field, path: str) -> Row:
        """A record of elements, and of extensions where these have columns of their own."""
        row: Row = {}
        columns = record.named
        for name, value in elements.items():
            field = columns.get(name)
            if field is not None and not field.extension and f"{path}.{name}" not in NO_ELEMENTS:
                row[name] = self._value(value, field, f"{path}.{name}")
            elif name == "extension" and isinstance(value, list):
                continue
            elif choice := _choice(name, record):
                column, kind = choice
                row.setdefault(column.name, {})[kind] = self._value(value, column.named[kind], f"{path}.{name}")
            elif name != "id":
                self._without_column(f"{path}.{name}", value)
        if "extension" in elements and "extension" not in columns:
            row.update(self._extensions(elements["extension"], row.keys(), record, path))
        return row

    def _without_column(self, path: str, value: Any) -> None:
        self.unmapped.append(json.dumps({"path": path, "value": value}, ensure_ascii=False, separators=(",", ":"), default=str))

    def _value(self, value: Any, field: Field, path: str) -> Any:
        if not field.repeated:
            return self._one(value, field, path)
        if not isinstance(value, list):
            raise NoColumnError(path, "an array is expected")
        if None in value:  # R4 has null in an array of primitives for one that is an extension only; BigQuery has none
            self._without_column(path, value)
        items = ((position, item) for position, item in enumerate(value) if item is not None)
        return [self._one(item, field, f"{path}[{position}]") for position, item in items]

    def _one(self, value: Any, field: Field, path: str) -> Any:
        if field.type == "RECORD" and isinstance(value, Mapping):
            return self.record(value, field, path)
        if field.type == "STRING" and field.name == "contained" and isinstance(value, Mapping):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if field.type in ("STRING", "TIMESTAMP") and isinstance(value, str):
            return value
        if field.type == "BOOLEAN" and isinstance(value, bool):
            return value
        number = None if isinstance(value, bool) else value
        if field.type == "FLOAT" and isinstance(number, int | float | decimal.Decimal) and -_LARGEST <= number <= _LARGEST:
            return float(number)
        if field.type == "INTEGER" and isinstance(number, int) and -MAX_INTEGER <= number < MAX_INTEGER:
            return number
        raise NoColumnError(path, f"a value of type {field.type} is expected")

    def _extensions(self, extensions: Any, taken: Set[str], record: Field, path: str) -> Row:
        """The columns of the extensions of one element, beside columns that are `taken`."""
        _require_extensions(extensions, path)
        names = _column_names(frozenset(extension["url"] for extension in extensions), frozenset(taken))
        row: Row = {}
        for position, extension in enumerate(extensions):
            column = record.extensions.get(names[extension["url"]])
            at = f"{path}.extension[{position}]"
            if column is None:
                self._without_column(at, extension)
            else:
                row.setdefault(column.name, []).append(self._extension(extension, column, at))
        return row

    def _extension(self, extension: Mapping[str, Any], column: Field, path: str) -> Row:
        """One element of an extension's column: its value, beside the columns of its children."""
        own = {name: value for name, value in extension.items() if name not in ("url", "extension", "id")}
        children = extension.get("extension", [])
        _require_extensions(children, path)
        carrier = VALUE_CHILDREN.get(column.name)
        carriers = [child for child in children if child["url"] == carrier] if carrier else []
        if sum(name.startswith("value") for name in own) + len(carriers) > 1:
            raise NoColumnError(f"{path}.value", "an extension has one value")
        if carriers:
            own |= {name: value for name, value in carriers[0].items() if name != "url"}
            children = [child for child in children if child is not carriers[0]]
        row = self.record(own, column, path)
        if children:
            row.update(self._extensions(children, row.keys(), column, path))
        return row


_LARGEST = math.nextafter(math.inf, 0)
"""What FLOAT holds; NaN and infinity are not below it."""


def _require_extensions(extensions: Any, path: str) -> None:
    """Raise NoColumnError unless it is an array of extensions, each with its url."""
    sound = isinstance(extensions, list) and all(isinstance(one, Mapping) and isinstance(one.get("url"), str) for one in extensions)
    if not sound:
        raise NoColumnError(f"{path}.extension", "an array of extensions, each with its url, is expected")


@functools.lru_cache(maxsize=1024)
def _choice(name: str, record: Field) -> tuple[Field, str] | None:
    """The record of a choice element (`occurredPeriod`) and its type (`period`), where the record has that."""
    for field in record.fields:
        kind = name.removeprefix(field.name)
        if field.type == "RECORD" and not field.repeated and kind != name and kind[:1].isupper():
            kind = kind[0].lower() + kind[1:]
            return (field, kind) if kind in field.named else None
    return None


@functools.lru_cache(maxsize=1024)
def _column_names(urls: frozenset[str], taken: frozenset[str]) -> dict[str, str]:
    """The column of each url in lower case, which names of columns are not told apart by: short if no other has that name."""
    short = {url: short_name(url).lower() for url in urls}
    names = [*short.values(), *(name.lower() for name in taken), "value"]
    return {url: name if names.count(name) == 1 else full_name(url).lower() for url, name in short.items()}
