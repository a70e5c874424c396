"""The three questions of the API's page, and the instances one by one, answered from the local table.

No answer holds a text or a source name: things are named by tag, action and reason, instances by their new UIDs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import duckdb
from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag
from rich.console import Console

from pipeline.local import sql
from transforms.bigquery.views import questions
from transforms.model.errors import ConfigError
from transforms.model.workspace import Workspace

SHOWN = 12
"""Rows shown of one answer, unless another number is asked for."""


@dataclasses.dataclass(frozen=True)
class Answered:
    """One question and its answer."""

    question: str
    sql: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Of which instances the questions are asked: of one, of those of an operation, or of those of a patient."""

    option: str
    """`--instance`, `--operation` or `--patient`, for messages too."""
    value: str

    def __call__(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Views of these instances and of their operations, by the names they stand for. Raises ConfigError where there are none."""
        instances = f"SELECT ProvenanceId AS id, Operation AS operation FROM {_CHOICES[self.option]}"  # noqa: S608 - constants of ours
        connection.execute(f"CREATE TEMP TABLE chosen_ids AS {instances}", [self.value])
        connection.execute("INSERT INTO chosen_ids SELECT DISTINCT operation, operation FROM chosen_ids WHERE operation IS NOT NULL")
        if self.option == "--operation":  # which may have published nothing
            of_itself = "SELECT Operation, Operation FROM ProvenanceOperations WHERE Operation IN ($1, 'operation-' || $1)"
            connection.execute(f"INSERT INTO chosen_ids {of_itself}", [self.value])
        if connection.execute("SELECT count(*) FROM chosen_ids").fetchone() == (0,):
            raise ConfigError(self.option, "the table has none of it", _MENDS[self.option])
        for relation, column in _RELATIONS.items():
            view = f"SELECT * FROM {relation} WHERE {column} IN (SELECT id FROM chosen_ids)"  # noqa: S608 - constants of ours
            connection.execute(f"CREATE TEMP VIEW chosen_{relation} AS {view}")
        return {relation.lower(): f"chosen_{relation}" for relation in _RELATIONS}


_RELATIONS = {
    "Provenance": "id",
    "ProvenanceInstances": "ProvenanceId",
    "ProvenanceTags": "ProvenanceId",
    "ProvenanceBoxes": "ProvenanceId",
    "ProvenanceOperations": "Operation",
}
_CHOICES = {
    "--instance": "ProvenanceInstances WHERE DestinationInstance = $1 OR ends_with(Source, '/instances/' || $1)",
    "--operation": "ProvenanceInstances WHERE Operation IN ($1, 'operation-' || $1)",
    "--patient": "ProvenanceInstances WHERE ProvenanceId IN (SELECT ProvenanceId FROM ProvenanceTags WHERE Tag IN ('00100010', '00100020') "
    "AND Path IS NULL AND $1 IN (trim(TextOriginal), TextReplaced))",
}
_MENDS = {
    "--instance": "give a SOP Instance UID, as it was or as it is now",
    "--operation": "give an operation's id, as run prints it",
    "--patient": "give a PatientID or PatientName as it was or as it is now; as it was only without --provenance_phi hash or omit",
}


def answers(workspace: Workspace, chosen: Chosen | None = None) -> list[Answered]:
    """All questions with their answers, in order. Raises ConfigError if the workspace has no table, or nothing of what is chosen."""
    with sql.connected(workspace) as connection:
        instead = chosen(connection) if chosen else {}
        return [Answered(question.words, question.sql, *sql.ask(connection, question.sql, instead=instead)) for question in questions()]


def render(answered: Iterable[Answered], console: Console | None = None, shown: int | None = SHOWN) -> None:
    """Print each answer as a table of at most `shown` rows (None: all); a last line says how many more there are."""
    for answer in answered:
        rows = [tuple(_named(cell) for cell in row) for row in answer.rows]
        sql.render(answer.columns, rows, console, title=answer.question, shown=shown)


def _named(cell: Any) -> Any:
    """`element 00100010` as people know it: PatientName (0010,0010); SQL knows no dictionary."""
    match = re.fullmatch(r"element ([0-9A-F]{4})([0-9A-F]{4})", cell) if isinstance(cell, str) else None
    if match is None:
        return cell
    tag = Tag(int(match[1] + match[2], 16))
    name = "private element" if tag.is_private else keyword_for_tag(tag) or "element"
    return f"{name} ({match[1]},{match[2]})"
