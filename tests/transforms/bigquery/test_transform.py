"""Rows come once each from the shards of a run, and the load is wired so that BigQuery takes it."""

import json

import apache_beam as beam
import pytest
from apache_beam.io.gcp.internal.clients.bigquery import JobConfigurationLoad
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to

from transforms.bigquery.marshal import provenance_row
from transforms.bigquery.schema import load_parameters
from transforms.bigquery.transform import ProvenanceRows, WriteProvenanceTable
from transforms.model.errors import ConfigError
from transforms.model.records import Action, TagFinding
from transforms.model.spool import write_entries
from transforms.model.workspace import OperationFolder

NOW = "2026-03-01T09:30:00.000Z"
OPERATION = {
    "resourceType": "Provenance",
    "id": "operation-1",
    "target": [{"identifier": {"value": "store"}}],
    "occurredDateTime": NOW,
    "recorded": NOW,
    "agent": [{"who": {"identifier": {"value": "operation"}}}],
}
DATAFLOW = (
    "--runner=DataflowRunner --dry_run=True --no_auth --project=my-proj --region=us-central1 --temp_location=gs://my-bucket/tmp "
    "--staging_location=gs://my-bucket/st --job_name=x --sdk_location=container --sdk_container_image=example/image:1"
).split()


@pytest.fixture
def spooled(workspace, provenance):
    folder = workspace.operation("1")
    resources = [provenance([TagFinding("00100010", Action.REMOVED, "reason")], number=number) for number in range(1, 4)]
    entries = [(f"{number:016x}", {"provenance": resource}) for number, resource in enumerate(resources)]
    return folder, write_entries(folder.spool, entries[:2]) + write_entries(folder.spool, entries[2:]), resources


def test_a_shard_that_comes_twice_gives_its_rows_once(spooled):
    folder, shards, resources = spooled
    with beam.Pipeline("FnApiRunner") as p:
        rows = p | beam.Create([*shards, shards[0]]) | ProvenanceRows(folder, NOW, OPERATION)
        assert_that(rows, equal_to([provenance_row(resource, NOW) for resource in [*resources, OPERATION]]))


def test_without_an_operation_there_are_the_instances_alone(spooled):
    folder, shards, resources = spooled
    with beam.Pipeline("FnApiRunner") as p:
        rows = p | beam.Create(shards) | ProvenanceRows(folder, NOW)
        assert_that(rows | beam.Map(lambda row: row["id"]), equal_to([resource["id"] for resource in resources]))


def test_it_is_built_for_dataflow_offline_as_load_jobs():
    p = beam.Pipeline(options=PipelineOptions(DATAFLOW))
    folder = OperationFolder("gs://bucket/operations/1")
    _ = p | beam.Create([]) | WriteProvenanceTable("my-proj:research.Provenance", folder, NOW, OPERATION)
    names = {transform.unique_name for transform in p.run().job.proto_pipeline.components.transforms.values()}
    assert any("BigQueryBatchFileLoads" in name for name in names)
    assert not any("Stream" in name for name in names)


def test_beams_load_job_takes_the_partitions_and_clusters():
    job = JobConfigurationLoad(**load_parameters())
    assert (job.timePartitioning.type, job.timePartitioning.field, list(job.clustering.fields)) == ("DAY", "lastUpdated", ["id"])


@pytest.mark.parametrize(
    "table", ["", "Provenance", "research.Provenance", "p:d", "my-project:data set.t", "my-project:d.t;DROP", "my-project:d-s.t"]
)
def test_a_table_that_is_not_named_in_full_is_refused_before_anything_runs(table):
    with pytest.raises(ConfigError, match="--bigquery_table"):
        WriteProvenanceTable(table, OperationFolder("/x"), NOW)


@pytest.mark.parametrize(
    "table", ["my-project:research.Provenance", "my-project.research.Provenance", "example.com:my-project:research.log-2"]
)
def test_a_table_named_in_full_is_taken(table):
    assert WriteProvenanceTable(table, OperationFolder("/x"), NOW).table == table


def test_rows_hold_only_what_json_knows(spooled):
    _, _, resources = spooled
    assert json.loads(json.dumps(provenance_row(resources[0], NOW), allow_nan=False)) == provenance_row(resources[0], NOW)
