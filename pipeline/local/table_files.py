"""The tables of a workspace as files of their own, for tools that read neither DuckDB nor BigQuery (`--table_files`)."""

from __future__ import annotations

import duckdb

from transforms.bigquery.views import OPERATIONS, TABLE
from transforms.model.places import on_this_machine, place_of, scratch
from transforms.model.storage import move
from transforms.model.workspace import Workspace

FORMATS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "ndjson": "FORMAT json"}
"""The kinds of files, each with what DuckDB's COPY is told."""


def export(workspace: Workspace, kind: str) -> None:
    """Write each table to WORKSPACE/tables/NAME.KIND, whole or not at all, in place of what was there; nested types as they are.

    NDJSON has a row a line with every column, as `bq load` takes it.
    """
    with (
        on_this_machine(workspace.table_database) as database,
        scratch(place_of(workspace.root)) as beside,
        duckdb.connect(str(database), read_only=True, config={"threads": "1"}) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        for name in (TABLE, OPERATIONS):
            aside = beside / name
            aside.touch(mode=0o600)
            quoted = str(aside).replace("'", "''")
            connection.execute(f"COPY {name} TO '{quoted}' ({FORMATS[kind]}, USE_TMP_FILE false)")
            move(aside, workspace.table_file(name, kind))
