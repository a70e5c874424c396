"""WriteProvenanceTable: spooled Provenance into BigQuery, by one loader for the whole run."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam

from transforms.bigquery.operation import TableAnswer, TableTarget, load_operation
from transforms.model import spool
from transforms.model.quiet import quiet_libraries
from transforms.model.records import ShardRef
from transforms.model.transform import nameless, under_one_key
from transforms.model.workspace import OperationFolder


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class WriteProvenanceTable(beam.PTransform):
    """The rows of an operation's spool, and of its own Provenance, are put into a table; one TableAnswer.

    What is grouped only says that the spool is whole; what is in it is read from it, as by the writer to the FHIR store.

    Shards that an earlier run of the operation loaded are not loaded again, but for those with rows that were refused.
    Rows go in by their ids, each once, whatever is repeated. The views beside the table are made too.
    """

    target: TableTarget
    folder: OperationFolder
    clock: Callable[[], dt.datetime]

    def expand(self, shards: beam.PCollection[ShardRef]) -> beam.PCollection[TableAnswer]:
        """Under one key, then loaded; also where there is no shard at all."""
        load = _Load(self.target, self.folder, self.clock)
        return under_one_key(shards) | "OneLoader" >> beam.GroupByKey() | "Load" >> beam.ParDo(load).with_output_types(TableAnswer)


class _Load(beam.DoFn):
    def __init__(self, target: TableTarget, folder: OperationFolder, clock: Callable[[], dt.datetime]) -> None:
        self._target, self._folder, self._clock = target, folder, clock

    def setup(self) -> None:
        quiet_libraries()

    @nameless
    def process(self, _grouped: tuple[bytes, Iterable[str]]) -> Iterator[TableAnswer]:
        names = set(spool.shard_names(self._folder.spool))
        yield load_operation(self._target, self._folder, names, self._clock)
