"""Questions in BigQuery SQL, answered from the local table."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.local import table
from pipeline.local.dialect import translate
from transforms.model.errors import ConfigError
from transforms.model.places import on_this_machine
from transforms.model.workspace import Workspace

Answer = tuple[list[str], list[tuple[Any, ...]]]
"""Column names, and rows of plain values: records as dicts, arrays as lists, timestamps in UTC."""

NARROWEST = 160
"""Columns of text where the output is not a terminal."""

_OF_THE_QUERY = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Faults whose message tells of names and types in the query; that of others can hold a value of the table."""


def query(workspace: Workspace, sql: str, at: str = "sql", parameters: Mapping[str, Any] | None = None) -> Answer:
    """The answer of one question (`ask`). Raises ConfigError naming `at` also where there is no table."""
    with connected(workspace, at) as connection:
        return ask(connection, sql, at, parameters)


@contextlib.contextmanager
def connected(workspace: Workspace, at: str = "sql") -> Iterator[duckdb.DuckDBPyConnection]:
    """The table, read only and cut off from files and network; times are UTC.

    Whoever has several questions asks them of one: they see the same rows, and an object is fetched once. Raises ConfigError.
    """
    file = table.require(workspace, at)
    with on_this_machine(file) as path, duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def ask(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    at: str = "sql",
    parameters: Mapping[str, Any] | None = None,
    instead: Mapping[str, str] | None = None,
) -> Answer:
    """The answer of one BigQuery SELECT, in which `@name` stands for a parameter; `instead` has relations to read in place of those named.

    Raises ConfigError naming `at` if it cannot be understood.
    """
    tables = {name.lower(): name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    statement = translate(sql, {**tables, **(instead or {})}, at)
    try:
        _require_parameters(connection, statement, parameters or {}, at)
        cursor = connection.execute(statement, dict(parameters)) if parameters else connection.execute(statement)
        return [column[0] for column in cursor.description or []], cursor.fetchall()
    except _OF_THE_QUERY as error:
        raise ConfigError(at, f"the query does not fit the table ({_headline(error)})", "compare its names with the schema") from None
    except duckdb.Error as error:
        raise ConfigError(at, f"the query failed ({type(error).__name__})", "try parts of it to find the expression") from None


def _require_parameters(connection: duckdb.DuckDBPyConnection, statement: str, given: Mapping[str, Any], at: str) -> None:
    """Raise ConfigError unless the statement names just the parameters that are given."""
    (parsed,) = connection.extract_statements(statement)
    named = set(parsed.named_parameters)
    if lacking := ", ".join(sorted(named - given.keys())):
        raise ConfigError(at, f"the query names parameters that are not given ({lacking})", "give each by --parameter NAME:TYPE:VALUE")
    if unknown := ", ".join(sorted(given.keys() - named)):
        raise ConfigError(at, f"parameters are given that the query does not name ({unknown})", "leave them out, or correct their names")


def parameter(text: str) -> tuple[str, Any]:
    """Name and value of NAME:TYPE:VALUE, as `bq query --parameter` has it; no TYPE is STRING. Raises ConfigError."""
    name, _, rest = text.partition(":")
    kind, colon, value = rest.partition(":")
    if not name.isidentifier() or not colon or kind not in ("", *_PARAMETERS):
        kinds = ", ".join(_PARAMETERS)
        raise ConfigError("--parameter", "a parameter is NAME:TYPE:VALUE", f"TYPE is one of {kinds}; STRING may be left out", name)
    try:
        return name, _PARAMETERS[kind or "STRING"](value)
    except ValueError:
        raise ConfigError("--parameter", f"its value is no {kind}", "correct it", name) from None


def write_csv(columns: list[str], rows: list[tuple[Any, ...]], file: TextIO) -> None:
    """Write an answer as CSV (RFC 4180) with a header; records and arrays as JSON, nothing for NULL."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(value) for value in row] for row in rows)


def write_json(columns: list[str], rows: list[tuple[Any, ...]], file: TextIO) -> None:
    """Write an answer as newline-delimited JSON, an object a row."""
    for row in rows:
        file.write(_json(dict(zip(columns, row, strict=True))) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any) -> str:
    """Times as ISO 8601 has them, in arrays and records too."""
    return json.dumps(value, default=lambda other: other.isoformat() if isinstance(other, dt.date) else str(other), ensure_ascii=False)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


_PARAMETERS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INT64": int,
    "FLOAT64": float,
    "BOOL": _boolean,
    "TIMESTAMP": _instant,
    "DATE": dt.date.fromisoformat,
}


def render(
    columns: list[str], rows: list[tuple[Any, ...]], console: Console | None = None, title: str | None = None, shown: int | None = None
) -> None:
    """Print an answer as a table of at most `shown` rows (None: all); a last line says how many more there are."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    visible = rows[:shown]
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for position, column in enumerate(columns):
        numeric = any(isinstance(row[position], int | float) for row in visible)
        drawn.add_column(escape(column), justify="right" if numeric else "left", overflow="fold")
    for row in visible:
        drawn.add_row(*(escape(_text(value)) for value in row))
    console.print(drawn)
    if len(rows) > len(visible):
        console.print(f"… and {len(rows) - len(visible):,} more")


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict | list):
        return _json(value)
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def _headline(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0].removesuffix(".")
