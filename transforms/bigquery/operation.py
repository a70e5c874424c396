"""All rows of one operation into its table: what is there already stays, what is repeated replaces itself, all is counted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator

from transforms.bigquery.client import bigquery_client
from transforms.bigquery.load import Line, TableLoader
from transforms.bigquery.refused import Refused
from transforms.bigquery.schema import Schema
from transforms.bigquery.table import TableName
from transforms.model.references import References, digest
from transforms.model.spool import read_shard
from transforms.model.storage import replace
from transforms.model.workspace import OperationFolder


@dataclasses.dataclass(frozen=True)
class TableTarget:
    """A table of BigQuery, its form, and the server. Raises ConfigError for a table that is not named in full."""

    table: str
    schema: Schema = Schema.ANALYTICS_V2
    endpoint: str | None = None

    def __post_init__(self) -> None:
        TableName.parse(self.table)

    def loader(self, clock: Callable[[], dt.datetime]) -> TableLoader:
        """A loader for it. Raises PreflightError where there are no credentials."""
        return TableLoader(bigquery_client(TableName.parse(self.table).project, self.endpoint), self.table, self.schema, clock)


@dataclasses.dataclass(frozen=True, slots=True)
class TableAnswer:
    """What the table has of an operation, over all its runs, and what it would not take."""

    rows: int
    refused: int


def load_operation(target: TableTarget, folder: OperationFolder, shards: set[str], clock: Callable[[], dt.datetime]) -> TableAnswer:
    """Load what the table lacks of these shards, and the operation's own row; then make the views, and count.

    Raises StoreError where BigQuery fails; nothing is doubled by another try.
    """
    operation = json.loads(folder.provenance_file.read_bytes())
    started, refused, loaded = operation["occurredDateTime"], Refused(folder), Loaded(folder, target.table)
    lacking: set[str] = set()

    def lines() -> Iterator[Line]:
        seen = References()
        for shard in ["", *sorted(shards - loaded.shards)]:
            entries = read_shard(folder.spool, shard) if shard else iter([{"reference": "", "provenance": operation}])
            for entry in entries:
                row = refused.row_of(entry["reference"], entry["provenance"], started, target.schema)
                if row is None:
                    lacking.add(shard)
                elif seen.add(digest(row["id"])):
                    yield Line.of(entry["reference"], row, shard)

    def refuse(line: Line, why: str) -> None:
        lacking.add(line.shard)
        refused.add(line.reference, line.id, why)

    loader = target.loader(clock)
    loader.load(operation["id"], lines(), refuse)
    refused.keep()
    loaded.add(shards - lacking)
    loader.make_views()
    return TableAnswer(loader.count(started, operation["id"]), len(refused))


class Loaded:
    """Which shards of an operation stand whole in which table; `loaded.json` in its folder."""

    def __init__(self, folder: OperationFolder, table: str) -> None:
        self._file = folder.loaded_file
        self._table = table
        self._known: dict[str, list[str]] = json.loads(self._file.read_bytes()) if self._file.exists() else {}

    @property
    def shards(self) -> set[str]:
        """Their names."""
        return set(self._known.get(self._table, []))

    def add(self, shards: set[str]) -> None:
        """Remember that these stand in the table too."""
        self._known[self._table] = sorted(self.shards | shards)
        replace(self._file, json.dumps(self._known).encode())
