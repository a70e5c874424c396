"""The tables of a workspace as files of their own, for tools that read neither DuckDB nor BigQuery (`--table_files`)."""

from __future__ import annotations

import os
import secrets

import duckdb

from transforms.bigquery.views import OPERATIONS, TABLE
from transforms.model.workspace import Workspace

FORMATS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "ndjson": "FORMAT json"}
"""The kinds of files, each with what DuckDB's COPY is told."""


def export(workspace: Workspace, kind: str) -> None:
    """Write each table to WORKSPACE/tables/NAME.KIND, whole or not at all, in place of what was there; nested types as they are.

    NDJSON has a row a line with every column, as `bq load` takes it.
    """
    with duckdb.connect(str(workspace.table_database), read_only=True, config={"threads": "1"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in (TABLE, OPERATIONS):
            file = workspace.table_file(name, kind)
            file.parent.mkdir(mode=0o700, exist_ok=True)
            aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            try:
                os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                quoted = str(aside).replace("'", "''")
                connection.execute(f"COPY {name} TO '{quoted}' ({FORMATS[kind]}, USE_TMP_FILE false)")
                aside.replace(file)
            finally:
                aside.unlink(missing_ok=True)
