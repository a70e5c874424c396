"""The search index: which parameters a store has and the values they find in a resource, kept in SQLite at write time.

FHIRPath is evaluated when a resource is written, never when it is searched, so that a search over 100,000 resources
reads an index. A plain path costs microseconds a resource; any other expression is left to fhirpathpy, at milliseconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.local.fhir_values import Value, values
from pipeline.local.fhirpath import evaluator

BUILT_IN: dict[str, dict[str, tuple[str, str]]] = {
    "Provenance": {
        "agent": ("reference", "Provenance.agent.who"),
        "agent-role": ("token", "Provenance.agent.role"),
        "agent-type": ("token", "Provenance.agent.type"),
        "entity": ("reference", "Provenance.entity.what"),
        "location": ("reference", "Provenance.location"),
        "recorded": ("date", "Provenance.recorded"),
        "signature-type": ("token", "Provenance.signature.type"),
        "target": ("reference", "Provenance.target"),
        "when": ("date", "Provenance.occurred"),
    },
    "SearchParameter": {
        "base": ("token", "SearchParameter.base"),
        "code": ("token", "SearchParameter.code"),
        "date": ("date", "SearchParameter.date"),
        "description": ("string", "SearchParameter.description"),
        "name": ("string", "SearchParameter.name"),
        "publisher": ("string", "SearchParameter.publisher"),
        "status": ("token", "SearchParameter.status"),
        "type": ("token", "SearchParameter.type"),
        "url": ("uri", "SearchParameter.url"),
        "version": ("token", "SearchParameter.version"),
    },
}
"""R4's own parameters of the types the store keeps (patient, a chain through target, apart): code -> type, expression."""

SCHEMA = """
CREATE TABLE parameters (
    id INTEGER PRIMARY KEY, store INTEGER NOT NULL, type TEXT NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL,
    expression TEXT NOT NULL, canonical TEXT, definition TEXT, UNIQUE (store, type, code));
CREATE TABLE search_values (
    parameter INTEGER NOT NULL, resource INTEGER NOT NULL, low REAL, high REAL, text TEXT, exact TEXT, token TEXT, system TEXT);
CREATE INDEX values_low ON search_values (parameter, low, high, resource) WHERE low IS NOT NULL;
CREATE INDEX values_text ON search_values (parameter, text, resource) WHERE text IS NOT NULL;
CREATE INDEX values_token ON search_values (parameter, token, resource) WHERE token IS NOT NULL;
CREATE INDEX values_resource ON search_values (resource, parameter);
"""

IDENTIFIER = ":identifier"
"""A reference parameter has a second set of values under its code with this suffix, for the modifier of that name."""


class Parameter(NamedTuple):
    """One indexed parameter of one resource type. `canonical` and `definition` (versioned name) only if configured."""

    id: int
    type: str
    code: str
    kind: str
    expression: str
    canonical: str | None
    definition: str | None


def add_built_in(connection: sqlite3.Connection, store: int) -> None:
    """Give a new store R4's own parameters."""
    for type_, known in BUILT_IN.items():
        for code, (kind, expression) in known.items():
            add_parameter(connection, store, type_, code, kind, expression)


def unused(type_: str | None = None) -> list[Parameter]:
    """The parameters of a store that was never written to: R4's own, under an id that finds nothing."""
    return [
        Parameter(0, base, form, sort, expression, None, None)
        for base, known in BUILT_IN.items()
        if type_ in (None, base)
        for code, (kind, expression) in known.items()
        for form, sort in _forms(code, kind)
    ]


def _forms(code: str, kind: str) -> list[tuple[str, str]]:
    return [(code, kind), *([(code + IDENTIFIER, kind + IDENTIFIER)] if kind == "reference" else [])]


def add_parameter(
    connection: sqlite3.Connection,
    store: int,
    type_: str,
    code: str,
    kind: str,
    expression: str,
    canonical: str | None = None,
    definition: str | None = None,
) -> list[int]:
    """Add a parameter (two for a reference); returns their ids. Nothing is indexed yet."""
    insert = "INSERT INTO parameters (store, type, code, kind, expression, canonical, definition) VALUES (?, ?, ?, ?, ?, ?, ?)"
    rows = [(store, type_, form, sort, expression, canonical, definition) for form, sort in _forms(code, kind)]
    return [int(connection.execute(insert, row).lastrowid or 0) for row in rows]


def drop_parameter(connection: sqlite3.Connection, identity: int) -> None:
    """Remove a parameter and all that is indexed under it."""
    connection.execute("DELETE FROM search_values WHERE parameter = ?", (identity,))
    connection.execute("DELETE FROM parameters WHERE id = ?", (identity,))


def parameters(connection: sqlite3.Connection, store: int, type_: str | None = None) -> list[Parameter]:
    """The parameters of a store, of one resource type or of all."""
    columns = "SELECT id, type, code, kind, expression, canonical, definition FROM parameters"
    rows = connection.execute(f"{columns} WHERE store = ?1 AND (?2 IS NULL OR type = ?2) ORDER BY id", (store, type_))
    return [Parameter(*row) for row in rows]


def index(connection: sqlite3.Connection, seq: int, resource: dict[str, Any], wanted: list[Parameter]) -> None:
    """Replace what is indexed of the resource at `seq` under the wanted parameters."""
    marks = ",".join("?" * len(wanted))
    connection.execute(f"DELETE FROM search_values WHERE resource = ? AND parameter IN ({marks})", (seq, *(one.id for one in wanted)))  # noqa: S608 - question marks only
    rows = [(one.id, seq, *value) for one in wanted for value in _found(one, resource)]
    connection.executemany("INSERT INTO search_values VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _found(parameter: Parameter, resource: dict[str, Any]) -> Iterator[Value]:
    try:
        found = evaluator(parameter.expression)(resource)
    except Exception:  # noqa: BLE001 - fhirpathpy raises bare Exception; an expression that fails on a resource finds nothing there
        return
    for item in found:
        yield from values(parameter.kind, item)
