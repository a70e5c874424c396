"""The columns of the table `Provenance` (data/provenance.schema.json), and how BigQuery is told about them."""

from __future__ import annotations

import dataclasses
import functools
import json
from importlib import resources
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One column: `type` and `mode` in the words of BigQuery's TableFieldSchema."""

    name: str
    type: str
    mode: str
    fields: tuple[Field, ...] = ()

    @property
    def repeated(self) -> bool:
        """Whether it is an array."""
        return self.mode == "REPEATED"


@functools.cache
def provenance_fields() -> tuple[Field, ...]:
    """All columns of the table, `lastUpdated` among them."""
    return tuple(_field(column) for column in _columns())


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
