"""Provenance rows into BigQuery by load jobs, which are free and appear whole or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.bigquery import BigQueryDisposition, WriteToBigQuery

from transforms.bigquery.marshal import Row, provenance_row
from transforms.bigquery.schema import load_parameters, table_schema
from transforms.bigquery.table import TableName
from transforms.model.quiet import quiet_libraries
from transforms.model.records import ShardRef
from transforms.model.spool import read_shard
from transforms.model.transform import nameless
from transforms.model.workspace import OperationFolder


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class ProvenanceRows(beam.PTransform):
    """The rows of spooled resources, and of the operation's own if it is given. A shard that comes twice counts once.

    `last_updated` is the run's own time, ISO 8601 with its zone, the same in all rows.
    """

    folder: OperationFolder
    last_updated: str
    operation: dict[str, Any] | None = None

    def expand(self, shards: beam.PCollection[ShardRef]) -> beam.PCollection[Row]:
        """A dict a row, as a load job takes it."""
        instances = (
            shards
            | "ShardName" >> beam.Map(lambda shard: shard.name)
            | "OncePerShard" >> beam.Distinct()
            | "Rows" >> beam.ParDo(_Rows(self.folder, self.last_updated))
        )
        operations = [provenance_row(self.operation, self.last_updated)] if self.operation else []
        own = shards.pipeline | "OperationRow" >> beam.Create(operations)
        return (instances, own) | "AllRows" >> beam.Flatten()


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class WriteProvenanceTable(beam.PTransform):
    """Appends the rows of the shards at hand, and of the operation, to PROJECT:DATASET.TABLE; makes the table if need be.

    Within a run a row is loaded once: shards are told apart by name, and Beam's load jobs have names of their own that
    a retry repeats. Another run appends what it is given, so a run gets its own new shards, and the operation only the
    first time. `create_views` makes the flat views. Raises ConfigError for a table that is not named in full.
    """

    table: str
    folder: OperationFolder
    last_updated: str
    operation: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        TableName.parse(self.table)

    def expand(self, shards: beam.PCollection[ShardRef]) -> Any:
        """What WriteToBigQuery answers: among others the load jobs by destination."""
        rows = shards | "ProvenanceRows" >> ProvenanceRows(self.folder, self.last_updated, self.operation)
        return rows | "Load" >> WriteToBigQuery(
            str(TableName.parse(self.table)),
            schema=table_schema(),
            method=WriteToBigQuery.Method.FILE_LOADS,
            create_disposition=BigQueryDisposition.CREATE_IF_NEEDED,
            write_disposition=BigQueryDisposition.WRITE_APPEND,
            additional_bq_parameters=load_parameters(),
        )


class _Rows(beam.DoFn):
    def __init__(self, folder: OperationFolder, last_updated: str) -> None:
        self._folder, self._last_updated = folder, last_updated

    def setup(self) -> None:
        quiet_libraries()

    @nameless
    def process(self, shard: str) -> Iterator[Row]:
        for entry in read_shard(self._folder.spool, shard):
            yield provenance_row(entry["provenance"], self._last_updated)
