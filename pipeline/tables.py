"""The tables that tell of an operation: those of the workspace, or those in BigQuery. What a run last does brings them up to date."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable

from pipeline.local import table
from pipeline.local.sql import query
from pipeline.local.table_files import export
from pipeline.operation_row import operation_row, refused_rows
from transforms.bigquery.load import WRITTEN
from transforms.bigquery.operation import TableAnswer, TableTarget, load_operation
from transforms.bigquery.schema import Schema
from transforms.model import spool
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder, Workspace


@dataclasses.dataclass(frozen=True)
class Tables:
    """Where the rows of a run go. References only: it is pickled with the graph."""

    workspace: Workspace
    bigquery: TableTarget | None = None
    """None: the tables of the workspace."""
    files: str | None = None
    """The kind of files to keep of the workspace's tables, `parquet` or `ndjson`."""

    def save(self, folder: OperationFolder) -> None:
        """Remember them, so that a replay brings the same up to date."""
        known = {"bigquery": dataclasses.asdict(self.bigquery) if self.bigquery else None, "files": self.files}
        replace(folder.tables_file, json.dumps(known).encode() + b"\n")

    @classmethod
    def of(cls, workspace: Workspace, folder: OperationFolder) -> Tables:
        """Those of the operation's latest run."""
        known = json.loads(folder.tables_file.read_bytes())
        target = known["bigquery"]
        bigquery = TableTarget(target["table"], Schema(target["schema"]), target["endpoint"]) if target else None
        return cls(workspace, bigquery, known["files"])

    def load(self, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> TableAnswer | None:
        """Load what the table in BigQuery lacks of the operation's spool; None where there is none. Raises StoreError."""
        if not self.bigquery:
            return None
        return load_operation(self.bigquery, folder, set(spool.shard_names(folder.spool)), clock)

    def forget(self, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> None:
        """Delete the operation's rows in BigQuery. Raises StoreError."""
        if self.bigquery:
            operation = json.loads(folder.provenance_file.read_bytes())
            self.bigquery.loader(clock).forget(operation["occurredDateTime"], operation["id"])

    def written(self, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> set[str]:
        """The ids of the Provenance of all instances that the operation wrote, as the tables have them. Raises ConfigError, StoreError."""
        operation = json.loads(folder.provenance_file.read_bytes())
        started, identity, destination = operation["occurredDateTime"], operation["id"], operation["target"][0]["identifier"]["value"]
        if self.bigquery:
            return self.bigquery.loader(clock).written(started, identity, destination)
        if not self.workspace.table_database.is_file():
            table.build(self.workspace)
        parameters = {"started": dt.datetime.fromisoformat(started), "operation": identity, "destination": destination}
        return {found for (found,) in query(self.workspace, WRITTEN, parameters=parameters)[1]}

    def update(self, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> tuple[int, int] | None:
        """Bring the operation's row of `Operations` up to date, and locally all rows; its rows and those refused, if they were counted.

        Raises StoreError where BigQuery fails.
        """
        if self.bigquery:
            row = operation_row(folder)
            if row:
                self.bigquery.loader(clock).load_operation(row)
            remove(self.workspace.table_database)  # out of date now; whoever asks it has it built anew
            return None
        rows = table.build(self.workspace).get(folder.operation_id, 0)
        if self.files:
            export(self.workspace, self.files)
        return rows, refused_rows(folder)
