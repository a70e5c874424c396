"""The local table `Provenance`: a DuckDB file built afresh from the spools of all operations of a workspace.

Workers never open it (one process may): it is built aside at the end of a run and renamed into place, so that readers
of the old file are not disturbed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from pipeline.local.dialect import translate
from transforms.bigquery.marshal import Row, provenance_row
from transforms.bigquery.schema import Field, provenance_table
from transforms.bigquery.views import TABLE, VIEWS, sql_text
from transforms.model.spool import read_all
from transforms.model.workspace import OperationFolder, Workspace

BATCH_BYTES = 8 << 20
"""Rows are loaded in batches of this size; it bounds the memory of a build."""
MEMORY = "256MB"
"""What DuckDB may take for a build; the rest it writes down. Python takes a batch and the ids seen."""
ROW_GROUP = 2048
"""Rows that DuckDB gathers before it writes them: its smallest, since the usual 122,880 of these can take gigabytes."""

_TYPES = {"STRING": "VARCHAR", "FLOAT": "DOUBLE", "TIMESTAMP": "TIMESTAMPTZ"}


def build(workspace: Workspace) -> int:
    """Build the table and its views, and put them in place of what was there; how many rows it has.

    A row a Provenance id, in the order of operations, shards and entries; `lastUpdated` is the start of the row's
    operation. Same workspace, same rows. Raises NoColumnError if a spooled resource does not fit the table.
    """
    aside = workspace.table_database.with_name(f".{workspace.table_database.name}.{secrets.token_hex(4)}")
    batch = aside.with_suffix(".ndjson")
    try:
        with _new_database(aside) as connection:
            count = 0
            for lines in _batches(_rows(workspace)):
                _write_private(batch, lines)
                _load(connection, batch, max(map(len, lines)))
                count += len(lines)
            for name, file in VIEWS.items():
                connection.execute(f'CREATE VIEW "{name}" AS {translate(sql_text(file), {TABLE.lower(): TABLE})}')
        aside.replace(workspace.table_database)
    finally:
        for leftover in (batch, aside, aside.with_name(f"{aside.name}.wal")):
            leftover.unlink(missing_ok=True)
    return count


def _rows(workspace: Workspace) -> Iterator[Row]:
    """All rows, each id once: of each operation its own Provenance, then those of its instances."""
    seen: set[str] = set()
    for state in sorted(path for path in workspace.operations.glob("*") if path.is_dir()):
        for resource, last_updated in _resources(OperationFolder(str(state))):
            if resource["id"] not in seen:
                seen.add(resource["id"])
                yield provenance_row(resource, last_updated)


def _resources(folder: OperationFolder) -> Iterator[tuple[dict[str, Any], str]]:
    if not folder.provenance_file.is_file():
        return
    operation = json.loads(folder.provenance_file.read_bytes())
    started = operation["occurredDateTime"]
    yield operation, started
    for entry in read_all(folder.spool):
        yield entry["provenance"], started


def _batches(rows: Iterable[Row]) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    size = 0
    for row in rows:
        lines.append(json.dumps(_whole(row, provenance_table()), separators=(",", ":")).encode() + b"\n")
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


def _load(connection: duckdb.DuckDBPyConnection, batch: Path, longest: int) -> None:
    """Append a batch of lines of at most `longest` bytes; DuckDB's buffers are a multiple of that."""
    columns = {field.name: _type(field) for field in provenance_table().fields}
    rows = "read_json(?, columns = ?, format = 'newline_delimited', maximum_object_size = ?)"
    connection.execute(f"INSERT INTO {TABLE} SELECT * FROM {rows}", [str(batch), columns, longest + 1])  # noqa: S608 - constants of ours


@contextlib.contextmanager
def _new_database(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new file with the empty table. Extensions are never fetched: those in use come with the package."""
    alone = {"autoinstall_known_extensions": "false", "threads": "1", "memory_limit": MEMORY, "temp_directory": f"{path}.tmp"}
    with duckdb.connect(config=alone) as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS built (ROW_GROUP_SIZE {ROW_GROUP})")
        path.chmod(0o600)
        connection.execute("USE built")
        columns = ", ".join(f'"{field.name}" {_type(field)}' for field in provenance_table().fields)
        connection.execute(f"CREATE TABLE {TABLE} ({columns})")
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
