"""The columns of the tables `Provenance` and `Operations` (data/*.schema.json), and how BigQuery is told about them."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from importlib import resources
from typing import Any


class Schema(enum.StrEnum):
    """The forms of the table `Provenance`; the values of `--bigquery_schema`, named as the Healthcare API's export names them."""

    ANALYTICS_V2 = "analytics_v2"
    """An extension is a column of its own: what the page's SQL and the views ask."""
    LOSSLESS = "lossless"
    """Everything under its name in FHIR; extensions are arrays of `url`, value and extensions."""


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """One column: `type` and `mode` in the words of BigQuery's TableFieldSchema. Two are the same only if they are one."""

    name: str
    type: str
    mode: str
    fields: tuple[Field, ...] = ()
    extension: bool = False
    """Whether it is the column of an extension, and not of an element."""

    @property
    def repeated(self) -> bool:
        """Whether it is an array."""
        return self.mode == "REPEATED"

    @functools.cached_property
    def named(self) -> dict[str, Field]:
        """The columns of a record by name."""
        return {field.name: field for field in self.fields}

    @functools.cached_property
    def extensions(self) -> dict[str, Field]:
        """The columns of extensions by name in lower case: BigQuery does not tell the two apart."""
        return {field.name.lower(): field for field in self.fields if field.extension}


@functools.cache
def provenance_table(schema: Schema = Schema.ANALYTICS_V2) -> Field:
    """The table as a record of all its columns, `lastUpdated` among them."""
    return _field({"name": "Provenance", "type": "RECORD", "mode": "NULLABLE", "fields": provenance_columns(schema)})


@functools.cache
def operations_table() -> Field:
    """The table `Operations` as a record of its columns."""
    return _field({"name": "Operations", "type": "RECORD", "mode": "NULLABLE", "fields": operations_columns()})


def provenance_columns(schema: Schema = Schema.ANALYTICS_V2) -> list[dict[str, Any]]:
    """The columns as the API has them (REST: TableFieldSchema)."""
    return _columns("provenance" if schema is Schema.ANALYTICS_V2 else "provenance_lossless")


def operations_columns() -> list[dict[str, Any]]:
    """The columns of `Operations` as the API has them."""
    return _columns("operations")


def _columns(name: str) -> list[dict[str, Any]]:
    return json.loads(resources.files("transforms.bigquery").joinpath(f"data/{name}.schema.json").read_text(encoding="utf-8"))


def _field(column: dict[str, Any]) -> Field:
    fields = tuple(_field(child) for child in column.get("fields", []))
    return Field(column["name"], column["type"], column["mode"], fields, column.get("description") == "extension")
