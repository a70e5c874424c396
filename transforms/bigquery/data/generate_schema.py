"""Writes provenance.schema.json: the columns of the table `Provenance`.

Source: R4 Provenance (https://hl7.org/fhir/R4/provenance.html) laid out by the export's ANALYTICS_V2 rules: an element
is a column of its own name, a choice element a record of its types, an extension a repeated record of its value and its
children. Decimals are FLOAT and instants STRING, as that export has them. `lastUpdated` is the time of the run.

    python transforms/bigquery/data/generate_schema.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("provenance.schema.json")

Column = dict[str, Any]

BOX_DECIMALS = ("left", "right", "top", "bottom", "relative_left", "relative_right", "relative_top", "relative_bottom")


def scalar(name: str, kind: str = "STRING") -> Column:
    """A column that may be null."""
    return {"name": name, "type": kind, "mode": "NULLABLE"}


def record(name: str, *columns: Column, mode: str = "NULLABLE") -> Column:
    """A record of columns."""
    return {"name": name, "type": "RECORD", "mode": mode, "fields": list(columns)}


def repeated(name: str, *columns: Column) -> Column:
    """An array of records."""
    return record(name, *columns, mode="REPEATED")


def decimal(name: str, *children: Column) -> Column:
    """The column of an extension with valueDecimal."""
    return repeated(name, record("value", scalar("decimal", "FLOAT")), *children)


def string(name: str, *children: Column) -> Column:
    """The column of an extension with valueString."""
    return repeated(name, record("value", scalar("string")), *children)


def concept_columns() -> tuple[Column, ...]:
    """CodeableConcept."""
    return repeated("coding", *map(scalar, ("system", "version", "code", "display"))), scalar("text")


def reference_columns() -> tuple[Column, ...]:
    """Reference."""
    identifier = record("identifier", *map(scalar, ("use", "system", "value")))
    return scalar("reference"), scalar("type"), identifier, scalar("display")


def frame_index() -> Column:
    """One redacted box: its frame, where it is, and what was read there; the last two columns only where boxes were put together."""
    texts = string("quote"), string("infoType"), decimal("confidence"), string("extracted_text")
    return decimal("frame_index", *map(decimal, BOX_DECIMALS), *texts, decimal("count"), decimal("last_frame_index"))


def tag_id() -> Column:
    """One changed element; `tag_path` is ours, and so is `count`, where elements were put together."""
    texts = map(string, ("finding_infotype", "text_original", "text_replaced", "deidentify_action", "deidentify_reason", "tag_path"))
    return string("tag_id", decimal("byte_start"), decimal("byte_end"), *texts, decimal("count"))


def entity() -> Column:
    """The source, with all that the de-identification says about it."""
    return repeated(
        "entity",
        scalar("role"),
        record("what", *reference_columns()),
        string("deidentify_config"),
        *map(decimal, ("WIDTH", "HEIGHT", "DICOM_STRUCTURED_SIZE")),
        repeated("dicom_images", frame_index(), string("aggregated")),
        repeated("dicom_tags", tag_id(), string("aggregated")),
    )


def columns() -> list[Column]:
    """All columns, in the order of the table."""
    return [
        scalar("id"),
        record("meta", scalar("versionId"), scalar("lastUpdated", "TIMESTAMP")),
        repeated("target", *reference_columns()),
        record("occurred", scalar("dateTime"), record("period", scalar("start"), scalar("end"))),
        scalar("recorded"),
        record("activity", *concept_columns()),
        repeated("reason", *concept_columns()),
        {"name": "policy", "type": "STRING", "mode": "REPEATED"},
        repeated(
            "agent",
            record("type", *concept_columns()),
            repeated("role", *concept_columns()),
            record("who", *reference_columns()),
            record("onBehalfOf", *reference_columns()),
        ),
        entity(),
        scalar("lastUpdated", "TIMESTAMP"),
    ]


def text() -> str:
    """The file's content."""
    return json.dumps(columns(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
