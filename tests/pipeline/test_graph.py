"""DESIGN 1: the bytes and findings of an instance never cross a stage boundary, on any runner that fuses."""

import functools

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline.graph import Run, build
from pipeline.operation import Operation
from transforms.bigquery.operation import TableTarget
from transforms.model.config import SAFE_CONFIG
from transforms.model.credentials import TokenReference
from transforms.model.keys import KeyReference
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import ALL_TEXT
from transforms.model.records import OpenInstance
from transforms.model.resolve import resolve
from transforms.model.transform import typed
from transforms.pixels.redactor import redactor_of
from transforms.read.origin import Files
from transforms.write.destination import Folder

FUSES = {"beam:transform:pardo:v1"}
DATAFLOW = (
    "--runner=DataflowRunner --dry_run=True --no_auth --project=my-proj --region=us-central1 --temp_location=gs://my-bucket/tmp "
    "--staging_location=gs://my-bucket/st --job_name=x --sdk_location=container --sdk_container_image=example/image:1"
).split()


@pytest.fixture
def run(workspace, key_uri, tmp_path):
    def make(**changes):
        operation = Operation(OperationName("abc", "source", "destination", LOCAL_FHIR_STORE), workspace)
        fields = {
            "operation": operation,
            "plan": resolve(SAFE_CONFIG),
            "redactor": functools.partial(redactor_of, ALL_TEXT),
            "key": KeyReference(key_uri),
            "source": Files(str(tmp_path / "SECRET_SOURCE")),
            "destination": Folder(str(tmp_path / "out")),
            "on_uid_collision": "hold",
            "store_url": "http://127.0.0.1:9/v1beta1/" + LOCAL_FHIR_STORE,
            "write_ops_per_minute": 600,
            "phi": "include",
            "shape": "google",
            "bigquery": None,
        }
        return Run(**{**fields, **changes})

    return make


def pipeline(run, *options):
    p = beam.Pipeline(options=PipelineOptions(list(options) or ["--runner=FnApiRunner"]))
    build(run, p)
    return p


def carries_bytes(components, coder_id):
    coder = components.coders[coder_id]
    return b"NeverEncoded" in coder.spec.payload or any(carries_bytes(components, part) for part in coder.component_coder_ids)


def crossing(p):
    """Names of the PCollections that FnApiRunner moves between its fused stages, and whether each carries bytes."""
    context, stages = FnApiRunner().create_stages(p.to_runner_api())
    found = {}
    for stage in stages:
        for transform in stage.transforms:
            if transform.spec.urn in ("beam:runner:source:v1", "beam:runner:sink:v1"):
                for pcollection_id in (*transform.inputs.values(), *transform.outputs.values()):
                    pcollection = context.components.pcollections[pcollection_id]
                    found[pcollection.unique_name] = carries_bytes(context.components, pcollection.coder_id)
    return found


def bytes_consumers(proto):
    """URNs of the primitive transforms that read a PCollection with an instance's bytes."""
    components = proto.components
    heavy = {name for name, value in components.pcollections.items() if carries_bytes(components, value.coder_id)}
    primitives = [transform for transform in components.transforms.values() if not transform.subtransforms]
    return heavy, {transform.spec.urn for transform in primitives if heavy & set(transform.inputs.values())}


def test_nothing_heavy_crosses_on_fn_api_runner(run):
    p = pipeline(run())
    heavy, _ = bytes_consumers(p.to_runner_api())
    assert len(heavy) >= 9  # opened twice, redacted, scrubbed, proven and written in each branch: the test sees them
    assert [name for name, is_heavy in crossing(p).items() if is_heavy] == []


def test_the_test_would_notice(run):
    p = pipeline(run())
    _ = typed(p | "Heavy" >> beam.Create([1]), OpenInstance) | "Moved" >> beam.Reshuffle()
    assert any(crossing(p).values())


@pytest.mark.parametrize("table", [None, "my-proj:d.Provenance"])
def test_dataflow_builds_offline_and_can_fuse_every_heavy_step(run, table):
    result = pipeline(run(bigquery=table and TableTarget(table)), *DATAFLOW).run()
    heavy, consumers = bytes_consumers(result.job.proto_pipeline)
    assert heavy
    assert consumers == FUSES


def test_no_key_material_is_in_the_graph(run, secret, key_uri, unpacked):
    graph = unpacked(pipeline(run()).to_runner_api().SerializeToString())
    assert key_uri.encode() in graph  # so that the key would be seen, too
    for material in (b"6b" * 32, b"\x6b" * 16, secret.fingerprint.encode()):
        assert material not in graph


def test_no_token_is_in_the_graph(run, monkeypatch, unpacked):
    monkeypatch.setenv("DEID_TOKEN", "swordfish-0123456789")
    told = run(token=TokenReference("env:DEID_TOKEN"), provenance_for_held=True)
    graph = unpacked(pipeline(told).to_runner_api().SerializeToString())
    assert b"env:DEID_TOKEN" in graph
    assert b"swordfish" not in graph


def test_held_instances_are_told_without_moving_them(run):
    p = pipeline(run(provenance_for_held=True))
    assert any("SpoolHeld" in name for name in (value.unique_name for value in p.to_runner_api().components.transforms.values()))
    assert [name for name, is_heavy in crossing(p).items() if is_heavy] == []


def test_a_run_that_was_given_up_says_nothing_of_its_operation(run, tmp_path):
    """What is left of a job whose launcher was killed comes to its end when the operation has been begun again."""
    source = tmp_path / "SECRET_SOURCE"
    source.mkdir()
    (source / "note.txt").write_text("no DICOM")
    latest = run(name="second")
    latest.folder.run_file.parent.mkdir(parents=True)
    latest.folder.run_file.write_text("second")
    pipeline(run(name="first")).run()
    assert (latest.operation.state(), latest.operation.counts()) == (None, None)
    pipeline(latest).run()
    assert latest.operation.counts().skipped == 1
    assert latest.operation.state()["done"]
