"""WriteToFhirStore: spool shards into a FHIR store, by one writer for the whole run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.fhir.client import FhirClient
from transforms.fhir.ledger import ShardAnswer
from transforms.fhir.writer import FhirWriter
from transforms.model.credentials import TokenReference, token_for
from transforms.model.quiet import quiet_libraries
from transforms.model.records import ShardRef
from transforms.model.workspace import OperationFolder

_ONE_KEY = b""


@dataclasses.dataclass(eq=False)  # not frozen: Beam sets attributes of its own on a transform
class WriteToFhirStore(beam.PTransform):
    """Deliver the Provenance in the shards at hand; one answer for each shard.

    All shards are grouped under one key: one key is one writer on every runner, so that its pace is the run's pace.
    `store_url` is `http(s)://…/fhirStores/ID` or a plain FHIR base URL; `write_ops_per_minute` its quota, None if it has none;
    `token` where the bearer token is that it wants, if it wants one that is not Google's.
    Shards that an earlier run of the operation delivered are counted and not sent again.
    """

    store_url: str
    folder: OperationFolder
    write_ops_per_minute: int | None
    token: TokenReference | None = None

    def expand(self, shards: beam.PCollection[ShardRef]) -> beam.PCollection[ShardAnswer]:
        """Under one key, then written."""
        write = _Write(self.store_url, self.folder, self.write_ops_per_minute, self.token)
        return (
            shards
            | "OneKey" >> beam.Map(_under_one_key).with_output_types(tuple[bytes, ShardRef])
            | "OneWriter" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(write).with_output_types(ShardAnswer)
        )


def _under_one_key(shard: ShardRef) -> tuple[bytes, ShardRef]:
    return _ONE_KEY, shard


class _Write(beam.DoFn):
    def __init__(self, store_url: str, folder: OperationFolder, write_ops_per_minute: int | None, token: TokenReference | None) -> None:
        self._store_url, self._folder, self._quota, self._token = store_url, folder, write_ops_per_minute, token

    def setup(self) -> None:
        quiet_libraries()
        self._client = FhirClient(self._store_url, token_for(self._store_url, self._token))

    def process(self, grouped: tuple[bytes, Iterable[ShardRef]]) -> Iterator[ShardAnswer]:
        waited = _Throttling()
        for answer in FhirWriter(self._client, self._folder, self._quota, waited).write(grouped[1]):
            Metrics.counter("dicom_deid", "fhir_answered").inc(answer.answered)
            Metrics.counter("dicom_deid", "fhir_dead").inc(answer.dead)
            yield answer

    def teardown(self) -> None:
        self._client.close()


class _Throttling:
    """Reports waiting in whole seconds, under the name by which Dataflow tells throttling from slowness."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self._seconds += seconds
        whole = int(self._seconds)
        if whole:
            Metrics.counter("dicom_deid", "cumulativeThrottlingSeconds").inc(whole)
            self._seconds -= whole
