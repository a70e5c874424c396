"""What the report tells, gathered from a workspace: aggregates in SQL, never a row of each box; no text, no source name."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any

import duckdb
from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag

from pipeline.local import sql
from pipeline.report.published import Published
from transforms.model.places import Place, listed
from transforms.model.workspace import OperationFolder, Workspace

Row = dict[str, Any]

NAMELESS = ("element", "elements", "private element")
"""What stands in place of a keyword: of an element that the dictionary does not have, of a whole group, of a private element."""
_TAG = re.compile(r"[0-9A-F]{8}")

MAX_ACTIONS = 200
"""Kinds of actions listed; the most frequent."""
MAX_OPERATIONS = 20
"""Operations listed; the latest."""
MAX_REASONS = 200
"""Reasons listed why instances were not published, and as many why Provenance is a dead letter; those with the most."""
MAX_REFERENCES = 20
"""References given for each reason why instances were not published."""


@dataclasses.dataclass(frozen=True)
class Gathered:
    """The content of the report, in plain values. Each list has its rows in the order in which they are shown."""

    operations: list[Row]
    """Columns of ProvenanceOperations without source and destination, with `Id`, the last part of the name."""
    throughput: dict[str, list[Row]]
    """By operation id: Second, Instances."""
    actions: list[Row]
    """All kinds: Tag, Name, Action, Reason, Instances, Elements."""
    info_types: list[Row]
    """Place, InfoType, Instances, Findings."""
    modalities: list[Row]
    """Modality, Series, Instances, WithBoxes, Boxes, Elements."""
    instances: list[Row]
    """The first of all; with Modality and Outcome."""
    not_published: list[Row]
    """All kinds: Operation, Outcome, Stage, Code, Sentence, Instances, References."""
    dead_letters: list[Row]
    """All kinds: Operation, Status, Code, Instances, References; of those that the table refused, Status is `table`."""
    total: int
    """Instances that the table has, held ones among them."""


def gather(workspace: Workspace, table: duckdb.DuckDBPyConnection) -> Gathered:
    """All of it, from the workspace and its table."""
    operations = ask(table, "operations")
    for row in operations:
        row["Id"] = row["Name"].rpartition("/")[2]
    names = {row["Operation"]: row["Id"] for row in operations}
    published = Published({row["Operation"]: workspace.operation(row["Id"]) for row in operations})
    series = [{**row, "Modality": published.modality(row)} for row in ask(table, "series")]
    modality_of = {(row["Operation"], row["Series"]): row["Modality"] for row in series}
    throughput: dict[str, list[Row]] = {}
    for row in ask(table, "throughput"):
        throughput.setdefault(names.get(row["Operation"], "unknown"), []).append(row)
    return Gathered(
        operations=operations,
        throughput=throughput,
        actions=[{**row, "Name": _name(row["Tag"])} for row in ask(table, "actions")],
        info_types=[{**row, "InfoType": row["InfoType"] or "not classified"} for row in ask(table, "info_types")],
        modalities=_by_modality(series),
        instances=[
            {
                **row,
                "Operation": names.get(row["Operation"], "unknown"),
                "Outcome": "held" if row["Held"] else "published",
                "Modality": "not looked at" if row["Held"] else modality_of[row["Operation"], row["Series"]],
            }
            for row in ask(table, "instances")
        ],
        not_published=_not_published(workspace),
        dead_letters=_dead_letters(workspace.operation(row["Id"]) for row in operations),
        total=sum(row["Instances"] for rows in throughput.values() for row in rows),
    )


def ask(table: duckdb.DuckDBPyConnection, name: str) -> list[Row]:
    """The answer to data/<name>.sql, a dict a row."""
    statement = resources.files("pipeline.report").joinpath(f"data/{name}.sql").read_text(encoding="utf-8")
    columns, rows = sql.ask(table, statement)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _name(tag: str) -> str:
    """The element's keyword in the dictionary; SQL knows none. Where there were too many to list, a tag is a group's: `0009xxxx`."""
    if not _TAG.fullmatch(tag):
        return "elements"
    number = Tag(int(tag, 16))
    return "private element" if number.is_private else keyword_for_tag(number) or "element"


def _by_modality(series: Iterable[Row]) -> list[Row]:
    sums: dict[str, collections.Counter[str]] = {}
    for row in series:
        of_one = sums.setdefault(row["Modality"], collections.Counter())
        of_one.update({"Series": 1, **{name: int(row[name]) for name in ("Instances", "WithBoxes", "Boxes", "Elements")}})
    return sorted(
        ({"Modality": modality, **counts} for modality, counts in sums.items()), key=lambda row: (-row["Instances"], row["Modality"])
    )


class _Kinds:
    """Counts by kind, with the first few references of each."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ...], Row] = {}

    def add(self, reference: str, kind: Row) -> None:
        found = self._kinds.setdefault(tuple(map(str, kind.values())), {**kind, "Instances": 0, "References": []})
        found["Instances"] += 1
        if len(found["References"]) < MAX_REFERENCES:
            found["References"].append(reference)

    def rows(self) -> list[Row]:
        """The kinds with the most first."""
        return [row for _, row in sorted(self._kinds.items(), key=lambda item: (-item[1]["Instances"], item[0]))]


def _not_published(workspace: Workspace) -> list[Row]:
    kinds = _Kinds()
    for line in _lines(workspace.outcomes_file):
        columns = {"Operation": "operation", "Outcome": "outcome", "Stage": "stage", "Code": "code", "Sentence": "sentence"}
        kinds.add(line["reference"], {column: line[name] for column, name in columns.items()})
    return kinds.rows()


def _dead_letters(folders: Iterable[OperationFolder]) -> list[Row]:
    kinds = _Kinds()
    for folder in folders:
        for file in listed(folder.dead_letters, "*.ndjson"):
            for line in _lines(file):
                kinds.add(line["reference"], {"Operation": folder.operation_id, "Status": str(line["status"]), "Code": str(line["code"])})
        for line in _lines(folder.refused_rows):
            kinds.add(line["reference"] or "the operation", {"Operation": folder.operation_id, "Status": "table", "Code": line["why"]})
    return kinds.rows()


def _lines(file: Place) -> Iterable[Row]:
    if file.exists():
        with file.open("rb") as lines:
            yield from map(json.loads, lines)
