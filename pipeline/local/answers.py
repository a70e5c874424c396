"""The three questions of the API's page, and the instances one by one, answered from the local table.

No answer holds a text or a source name: things are named by tag, action and reason, instances by their new UIDs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag
from rich.console import Console

from pipeline.local import sql
from transforms.bigquery.views import questions
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


def answers(workspace: Workspace) -> list[Answered]:
    """All questions with their answers, in order. Raises ConfigError if the workspace has no table."""
    return [Answered(question.words, question.sql, *sql.query(workspace, question.sql)) for question in questions()]


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
