"""WriteToFhirStore: spool shards into a FHIR store, by one writer for the whole run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.fhir.client import FhirClient
from transforms.fhir.ledger import ShardAnswer
from transforms.fhir.turn import turn
from transforms.fhir.writer import FhirWriter
from transforms.model import spool
from transforms.model.credentials import TokenReference, token_for
from transforms.model.quiet import quiet_libraries
from transforms.model.records import ShardRef
from transforms.model.transform import NAMESPACE, tell_waiting, under_one_key
from transforms.model.workspace import OperationFolder


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class WriteToFhirStore(beam.PTransform):
    """Deliver the operation's spool, once the shards at hand are in it; one answer for each shard of the spool.

    All shards are grouped under one key: one key is one writer on every runner, so that its pace is the run's pace. What is
    grouped only says that the spool is whole. What is in it is read from it: a worker may have been lost between the end of a
    shard and the word of it, and whoever repeated its work found the instances done.
    `store_url` is `http(s)://…/fhirStores/ID` or a plain FHIR base URL; `write_ops_per_minute` its quota, None if it has none;
    `token` where the bearer token is that it wants, if it wants one that is not Google's.
    Shards that an earlier run of the operation delivered are counted and not sent again. `turn_file`: where a writer of the same
    run may be at work beside this one (`turn`).
    """

    store_url: str
    folder: OperationFolder
    write_ops_per_minute: int | None
    token: TokenReference | None = None
    turn_file: str | None = None

    def expand(self, shards: beam.PCollection[ShardRef]) -> beam.PCollection[ShardAnswer]:
        """Under one key, then written; also where there is no new shard at all."""
        write = _Write(self.store_url, self.folder, self.write_ops_per_minute, self.token, self.turn_file)
        return under_one_key(shards) | "OneWriter" >> beam.GroupByKey() | "Write" >> beam.ParDo(write).with_output_types(ShardAnswer)


class _Write(beam.DoFn):
    def __init__(
        self, store_url: str, folder: OperationFolder, write_ops_per_minute: int | None, token: TokenReference | None, turn_file: str | None
    ) -> None:
        self._store_url, self._folder, self._quota, self._token, self._turn = store_url, folder, write_ops_per_minute, token, turn_file

    def setup(self) -> None:
        quiet_libraries()
        self._client = FhirClient(self._store_url, token_for(self._store_url, self._token))

    def process(self, _grouped: tuple[bytes, Iterable[str]]) -> Iterator[ShardAnswer]:
        with turn(self._turn, wait=True):
            writer = FhirWriter(self._client, self._folder, self._quota, tell_waiting)
            for answer in writer.write(spool.shards(self._folder.spool)):
                Metrics.counter(NAMESPACE, "fhir_answered").inc(answer.answered)
                Metrics.counter(NAMESPACE, "fhir_dead").inc(answer.dead)
                yield answer

    def teardown(self) -> None:
        self._client.close()
