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
from transforms.model.references import References, digest
from transforms.model.spool import MAX_ENTRIES, read_all, shard_names
from transforms.model.storage import move
from transforms.model.workspace import OperationFolder, Workspace

BATCH_BYTES = 64 << 20
"""Rows are loaded from files of at most this size."""
MEMORY, LEAST_MEMORY = 256 << 20, 64 << 20
"""Bytes that DuckDB may take for a build; the rest it writes down. What is told in plain columns is tried with less, since all that
DuckDB may take it fills with what it has read."""
VECTOR, LARGEST_GROUP, GROUPS = 2048, 20480, 32
"""Rows that DuckDB gathers before it writes them are a multiple of VECTOR. It holds some 10 kB of each until the group is full, so that the
usual 122,880 can take gigabytes, and something of each group that it wrote or reads, for as long as the database is open."""
BATCH = 256
"""Rows that are read at once: those of a whole VECTOR take 100 MB more."""

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
        group = row_group(MAX_ENTRIES * sum(len(shard_names(folder.spool)) for folder in folders))
        _make_tables(aside)
        for folder in folders:
            counts[folder.operation_id] = _load(aside, provenance_table(), rows.of(folder), batch, group)
        _load(aside, operations_table(), filter(None, map(operation_row, folders)), batch, group)
        relations = {name.lower(): name for name in (TABLE, OPERATIONS)}
        for name, file in VIEWS.items():
            _make_view(aside, f'CREATE TABLE "{name}" AS {translate(sql_text(file), relations)}', group)
        move(aside, workspace.table_database)
    return counts


def row_group(rows: int) -> int:
    """How many rows DuckDB is to gather where there are so many at most: as few as give GROUPS groups or not many more."""
    return min(max(rows // GROUPS // VECTOR, 1) * VECTOR, LARGEST_GROUP)


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
        self._seen = References()

    def of(self, folder: OperationFolder) -> Iterator[Row]:
        """Rows, and in the operation's folder what could not be one."""
        if not folder.provenance_file.is_file():
            return
        operation = json.loads(folder.provenance_file.read_bytes())
        refused = Refused(folder)
        resources = itertools.chain([("", operation)], ((entry["reference"], entry["provenance"]) for entry in read_all(folder.spool)))
        for reference, resource in resources:
            row = refused.row_of(reference, resource, operation["occurredDateTime"])
            if row is not None and self._seen.add(digest(row["id"])):
                yield row
        if not _is_loaded_elsewhere(folder):  # whose table refused rows of its own
            refused.keep()


def _is_loaded_elsewhere(folder: OperationFolder) -> bool:
    """Whether the operation's latest run put its rows into BigQuery."""
    return folder.tables_file.is_file() and json.loads(folder.tables_file.read_bytes())["bigquery"] is not None


def _load(database: Path, table: Field, rows: Iterable[Row], batch: Path, group: int) -> int:
    """Append rows to their table, a group at a time, in a database opened anew, which holds nothing of those before. How many."""
    columns = {field.name: _type(field) for field in table.fields}
    statement = f"INSERT INTO {table.name} SELECT * FROM read_json(?, columns = ?, format = 'newline_delimited', maximum_object_size = ?)"  # noqa: S608 - constants of ours
    count, lines = 0, (json.dumps(_whole(row, table), separators=(",", ":")).encode() + b"\n" for row in rows)
    batch.touch(mode=0o600)
    for first in lines:
        gathered, some = 0, itertools.chain([first], lines)
        with _opened(database, group) as connection:
            connection.begin()
            while gathered < group:
                written, longest = _write(batch, some, min(BATCH, group - gathered))
                if not written:
                    break
                connection.execute(statement, [str(batch), columns, longest + 1])  # DuckDB's buffers are a multiple of the last
                gathered += written
            connection.commit()
        count += gathered
    return count


def _write(batch: Path, lines: Iterator[bytes], most: int) -> tuple[int, int]:
    """Write the next lines to a file, in place of what was in it; how many these are, and the longest of them."""
    written = size = longest = 0
    with batch.open("wb") as file:
        for line in lines:
            file.write(line)
            written, size, longest = written + 1, size + len(line), max(longest, len(line))
            if written == most or size >= BATCH_BYTES:
                break
    return written, longest


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
def _opened(path: Path, group: int, memory: int = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database, made if need be, for as long as the block. Extensions are never fetched: those in use come with the package."""
    alone = {
        "autoinstall_known_extensions": "false",
        "threads": "1",
        "memory_limit": f"{memory}B",
        "temp_directory": f"{path}.tmp",
        "checkpoint_threshold": "0B",  # what is committed goes into the file at once, not into a log first, which would be in memory, too
    }
    with duckdb.connect(config=alone) as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS built (ROW_GROUP_SIZE {group})")
        connection.execute("USE built")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
        connection.execute("USE memory")
        connection.execute("DETACH built")


def _make_tables(database: Path) -> None:
    """A new file with the empty tables."""
    with _opened(database, VECTOR) as connection:
        database.chmod(0o600)
        for table in (provenance_table(), operations_table()):
            columns = ", ".join(f'"{field.name}" {_type(field)}' for field in table.fields)
            connection.execute(f"CREATE TABLE {table.name} ({columns})")


def _make_view(database: Path, statement: str, group: int) -> None:
    """Make a table of what a view says, within the least memory that will do."""
    memory = LEAST_MEMORY
    while True:
        try:
            with _opened(database, group, memory) as connection:
                connection.execute(statement)
            return
        except duckdb.OutOfMemoryException:
            if memory > MEMORY:
                raise
            memory *= 2


def _type(field: Field) -> str:
    """The column's type in DuckDB; names are quoted, since `left` and `right` are words of SQL."""
    inner = ", ".join(f'"{child.name}" {_type(child)}' for child in field.fields)
    return (f"STRUCT({inner})" if field.fields else _TYPES[field.type]) + ("[]" if field.repeated else "")
