"""The local tables `Provenance` and `Operations`: a DuckDB file built afresh from what all operations of a workspace keep.

Workers never open it (one process may): it is built aside at the end of a run and renamed into place, so that readers
of the old file are not disturbed. What are views in BigQuery are tables in it: nobody writes to it after it is built,
and to count a million boxes then takes no unnesting.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from pipeline.local.dialect import translate
from pipeline.lock import alone
from pipeline.operation_row import operation_row
from transforms.bigquery.marshal import Row
from transforms.bigquery.refused import Refused
from transforms.bigquery.schema import Field, operations_table, provenance_table
from transforms.bigquery.views import OPERATIONS, TABLE, VIEWS, sql_text
from transforms.model.errors import ConfigError
from transforms.model.places import Place, listed, place_of, scratch
from transforms.model.spool import read_all
from transforms.model.storage import move
from transforms.model.workspace import OperationFolder, Workspace

BATCH_BYTES = 8 << 20
"""Rows are loaded in batches of this size; it bounds the memory of a build."""
MEMORY = "256MB"
"""What DuckDB may take for a build; the rest it writes down. Python takes a batch and the ids seen."""
ROW_GROUP = 20480
"""Rows that DuckDB gathers before it writes them. At its smallest, 2,048, what it keeps of each group exceeds MEMORY at 250,000 rows;
at the usual 122,880 large rows can take gigabytes."""

_TYPES = {"STRING": "VARCHAR", "FLOAT": "DOUBLE", "TIMESTAMP": "TIMESTAMPTZ", "INTEGER": "BIGINT", "BOOLEAN": "BOOLEAN"}


def build(workspace: Workspace) -> dict[str, int]:
    """Build the tables and what the views say, and put them in place of what was there; how many rows of Provenance each operation has.

    A row a Provenance id, in the order of operations, shards and entries; `lastUpdated` is the start of the row's
    operation. Same workspace, same rows. A resource that cannot be a row is none: the operation's `refused_rows` says why.
    """
    folders = [workspace.operation(file.parent.name) for file in listed(workspace.operations, "*/provenance.json")]
    rows, counts = _Rows(), {}
    with scratch(place_of(workspace.root)) as beside:
        aside, batch = beside / "provenance.duckdb", beside / "batch.ndjson"
        with _new_database(aside) as connection:
            for folder in folders:
                counts[folder.operation_id] = _load(connection, provenance_table(), rows.of(folder), batch)
            _load(connection, operations_table(), filter(None, map(operation_row, folders)), batch)
            relations = {name.lower(): name for name in (TABLE, OPERATIONS)}
            for name, file in VIEWS.items():
                connection.execute(f'CREATE TABLE "{name}" AS {translate(sql_text(file), relations)}')
        move(aside, workspace.table_database)
    return counts


def require(workspace: Workspace, at: str) -> Place:
    """The file of the tables, built first where there is none: a run into BigQuery leaves none, and its spool has every row.

    Raises ConfigError, which names `at`, where the workspace has no operation, and PreflightError where a run is at work in it.
    """
    if not workspace.table_database.is_file():
        if not any(listed(workspace.operations, "*/provenance.json")):
            raise ConfigError(at, "the workspace has no table yet", "run a de-identification in it first")
        with alone(workspace):
            build(workspace)
    return workspace.table_database


class _Rows:
    """The rows of one operation after the other: its own Provenance, then those of its instances; each id once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, folder: OperationFolder) -> Iterator[Row]:
        """Rows, and in the operation's folder what could not be one."""
        if not folder.provenance_file.is_file():
            return
        operation = json.loads(folder.provenance_file.read_bytes())
        refused = Refused(folder)
        resources = itertools.chain([("", operation)], ((entry["reference"], entry["provenance"]) for entry in read_all(folder.spool)))
        for reference, resource in resources:
            row = refused.row_of(reference, resource, operation["occurredDateTime"])
            if row is not None and row["id"] not in self._seen:
                self._seen.add(row["id"])
                yield row
        if not _is_loaded_elsewhere(folder):  # whose table refused rows of its own
            refused.keep()


def _is_loaded_elsewhere(folder: OperationFolder) -> bool:
    """Whether the operation's latest run put its rows into BigQuery."""
    return folder.tables_file.is_file() and json.loads(folder.tables_file.read_bytes())["bigquery"] is not None


def _load(connection: duckdb.DuckDBPyConnection, table: Field, rows: Iterable[Row], batch: Path) -> int:
    """Append rows to their table; how many."""
    columns = {field.name: _type(field) for field in table.fields}
    statement = f"INSERT INTO {table.name} SELECT * FROM read_json(?, columns = ?, format = 'newline_delimited', maximum_object_size = ?)"  # noqa: S608 - constants of ours
    count = 0
    for lines in _batches(rows, table):
        _write_private(batch, lines)
        connection.execute(statement, [str(batch), columns, max(map(len, lines)) + 1])  # DuckDB's buffers are a multiple of the last
        count += len(lines)
    return count


def _batches(rows: Iterable[Row], table: Field) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for row in rows:
        lines.append(json.dumps(_whole(row, table), separators=(",", ":")).encode() + b"\n")
        size += len(lines[-1])
        if size >= BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _whole(row: Row, record: Field) -> Row:
    """The row with an empty array for each that it lacks: BigQuery has no null arrays, DuckDB would make some."""
    whole: Row = {}
    for field in record.fields:
        value = row.get(field.name)
        if field.repeated:
            whole[field.name] = [_whole(item, field) for item in value] if value and field.fields else value or []
        elif value is not None:
            whole[field.name] = _whole(value, field) if field.fields else value
    return whole


@contextlib.contextmanager
def _new_database(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new file with the empty tables. Extensions are never fetched: those in use come with the package."""
    alone = {"autoinstall_known_extensions": "false", "threads": "1", "memory_limit": MEMORY, "temp_directory": f"{path}.tmp"}
    with duckdb.connect(config=alone) as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS built (ROW_GROUP_SIZE {ROW_GROUP})")
        path.chmod(0o600)
        connection.execute("USE built")
        connection.execute("SET TimeZone = 'UTC'")
        for table in (provenance_table(), operations_table()):
            columns = ", ".join(f'"{field.name}" {_type(field)}' for field in table.fields)
            connection.execute(f"CREATE TABLE {table.name} ({columns})")
        yield connection
        connection.execute("USE memory")
        connection.execute("DETACH built")


def _type(field: Field) -> str:
    """The column's type in DuckDB; names are quoted, since `left` and `right` are words of SQL."""
    inner = ", ".join(f'"{child.name}" {_type(child)}' for child in field.fields)
    return (f"STRUCT({inner})" if field.fields else _TYPES[field.type]) + ("[]" if field.repeated else "")


def _write_private(path: Path, lines: list[bytes]) -> None:
    path.touch(mode=0o600)
    path.write_bytes(b"".join(lines))
