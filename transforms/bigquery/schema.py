"""The columns of the table `Provenance` (data/provenance.schema.json), and how BigQuery is told about them."""

from __future__ import annotations

import dataclasses
import functools
import json
from importlib import resources
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """One column: `type` and `mode` in the words of BigQuery's TableFieldSchema. Two are the same only if they are one."""

    name: str
    type: str
    mode: str
    fields: tuple[Field, ...] = ()

    @property
    def repeated(self) -> bool:
        """Whether it is an array."""
        return self.mode == "REPEATED"

    @functools.cached_property
    def named(self) -> dict[str, Field]:
        """The columns of a record by name."""
        return {field.name: field for field in self.fields}

    @functools.cached_property
    def named_in_lower_case(self) -> dict[str, Field]:
        """The same by name in lower case: BigQuery does not tell the two apart."""
        return {field.name.lower(): field for field in self.fields}


@functools.cache
def provenance_table() -> Field:
    """The table as a record of all its columns, `lastUpdated` among them."""
    return _field({"name": "Provenance", "type": "RECORD", "mode": "NULLABLE", "fields": _columns()})


def table_schema() -> dict[str, Any]:
    """The schema as WriteToBigQuery and the jobs API take it: `{"fields": […]}`."""
    return {"fields": _columns()}


def load_parameters() -> dict[str, Any]:
    """How a load job makes the table: partitioned by the day of the run, clustered by resource id (REST: Job.configuration.load)."""
    return {"timePartitioning": {"type": "DAY", "field": "lastUpdated"}, "clustering": {"fields": ["id"]}}


def _columns() -> list[dict[str, Any]]:
    return json.loads(resources.files("transforms.bigquery").joinpath("data/provenance.schema.json").read_text(encoding="utf-8"))


def _field(column: dict[str, Any]) -> Field:
    return Field(column["name"], column["type"], column["mode"], tuple(_field(child) for child in column.get("fields", [])))
