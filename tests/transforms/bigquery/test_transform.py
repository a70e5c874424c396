"""The load is wired so that Dataflow takes it, and a table is named in full."""

import datetime as dt

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from transforms.bigquery.operation import TableTarget
from transforms.bigquery.transform import WriteProvenanceTable
from transforms.model.errors import ConfigError
from transforms.model.workspace import OperationFolder

DATAFLOW = (
    "--runner=DataflowRunner --dry_run=True --no_auth --project=my-proj --region=us-central1 --temp_location=gs://my-bucket/tmp "
    "--staging_location=gs://my-bucket/st --job_name=x --sdk_location=container --sdk_container_image=example/image:1"
).split()


def now():
    return dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_it_is_built_for_dataflow_offline_and_loads_under_one_key():
    p = beam.Pipeline(options=PipelineOptions(DATAFLOW))
    target = TableTarget("my-proj:research.Provenance")
    _ = p | beam.Create([]) | WriteProvenanceTable(target, OperationFolder("gs://bucket/operations/1"), now)
    names = {transform.unique_name for transform in p.run().job.proto_pipeline.components.transforms.values()}
    assert any(name.endswith("WriteProvenanceTable/OneLoader") for name in names)


@pytest.mark.parametrize(
    "table", ["", "Provenance", "research.Provenance", "p:d", "my-project:data set.t", "my-project:d.t;DROP", "my-project:d-s.t"]
)
def test_a_table_that_is_not_named_in_full_is_refused_before_anything_runs(table):
    with pytest.raises(ConfigError, match="--bigquery_table"):
        TableTarget(table)


@pytest.mark.parametrize(
    "table", ["my-project:research.Provenance", "my-project.research.Provenance", "example.com:my-project:research.log-2"]
)
def test_a_table_named_in_full_is_taken(table):
    assert TableTarget(table).table == table
