"""The job that Dataflow is given, built offline: coders, one image and one hint for all steps, and no key anywhere in it."""

import base64
import collections
import functools
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from google.protobuf.wrappers_pb2 import BytesValue

from pipeline.graph import Run, build
from pipeline.operation import Operation
from pipeline.options import beam_options, parse
from transforms.bigquery.operation import TableTarget
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import KeyReference, Purpose
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import ALL_TEXT
from transforms.model.records import OpenInstance
from transforms.model.resolve import resolve
from transforms.model.transform import typed
from transforms.pixels.redactor import redactor_of
from transforms.read.chosen import ChosenReference
from transforms.read.origin import Files
from transforms.write.destination import Folder

IMAGE = "region-docker.pkg.dev/my-proj/images/dicom-deid:1"
OPTIONS = (
    "--source=gs://hospital/in --destination=gs://published/out --workspace=gs://confidential/ws --runner=DataflowRunner"
    f" --key_uri=gs://confidential/deid.key --project=my-proj --region=us-central1 --temp_location=gs://staging/temp"
    f" --sdk_container_image={IMAGE} --dry_run=True --no_auth"
).split()
KEY_HEX = "6b" * 32
"""Of the fixture `key_uri`."""
WRITTEN_DOWN = {"bytes", "string_utf8", "varint", "kv"}
"""Coders that spell a value out, and those that hold others."""
SPREAD = "ListInstances/Spread/ReshufflePerKey/GroupByKey"
RESHUFFLED = {"tuple", "nullable", "_ChunkCoder", "FastPrimitivesCoder", "PaneInfoCoder"}
"""What the one Reshuffle moves beside: our chunks of references, each with its window and pane, which Beam itself adds."""


def submitted(key, more=None):
    """The job as Dataflow is given it; `more` may add to the pipeline."""
    settings = parse(OPTIONS)
    run = Run(
        operation=Operation(OperationName("nightly", "source", "destination", LOCAL_FHIR_STORE), settings.workspace),
        plan=resolve(SAFE_CONFIG),
        redactor=functools.partial(redactor_of, ALL_TEXT),
        key=key,
        source=Files(settings.source),
        destination=Folder(settings.destination),
        on_uid_collision="hold",
        store_url="https://healthcare.googleapis.com/v1beta1/" + LOCAL_FHIR_STORE,
        write_ops_per_minute=6000,
        phi="include",
        shape="google",
        bigquery=TableTarget("my-proj:d.Provenance"),
        chosen=ChosenReference("gs://hospital/list.txt", "0"),
    )
    pipeline = beam.Pipeline(options=beam_options(settings, "nightly"))
    build(run, pipeline)
    if more:
        more(pipeline)
    return pipeline.run().job


@pytest.fixture(scope="module")
def job():
    return submitted(KeyReference("gs://confidential/deid.key"))


def coders(components, coder_id):
    """A coder and all that it is made of: the last part of its URN, or the class that is pickled."""
    coder = components.coders[coder_id]
    kind = coder.spec.urn.split(":")[2]
    yield BytesValue.FromString(coder.spec.payload).value.partition(b"$")[0].decode() if kind == "pickled_python" else kind
    for part in coder.component_coder_ids:
        yield from coders(components, part)


def moved(job):
    """Name of each GroupByKey and all coders of what it moves: all that Dataflow moves between stages, where nothing is a side input."""
    components = job.proto_pipeline.components
    for part in components.transforms.values():
        if part.spec.urn == "beam:transform:group_by_key:v1":
            (source,) = part.inputs.values()
            yield part.unique_name, set(coders(components, components.pcollections[source].coder_id))
        if part.spec.urn == "beam:transform:pardo:v1":
            assert not beam_runner_api_pb2.ParDoPayload.FromString(part.spec.payload).side_inputs


def pickled(job):
    """What is moved and not written down, but for what may be."""
    found = {name: kinds - WRITTEN_DOWN - (RESHUFFLED if name == SPREAD else set()) for name, kinds in moved(job)}
    return {name: kinds for name, kinds in found.items() if kinds}


def test_what_crosses_a_boundary_is_written_down_and_no_instance(job):
    """A key that is pickled may differ from worker to worker, and whatever carries an instance has a coder of no other use."""
    grouped = {
        "WriteToFhirStore/OneWriter",
        "WriteProvenanceTable/OneLoader",
        "ListInstances/SameInstance",
        "ListInstances/AllLines",
        "AllCounts",
    }
    assert grouped <= dict(moved(job)).keys()
    assert pickled(job) == {}


def test_an_instance_that_crossed_would_be_noticed():
    def more(p):
        heavy = typed(p | "Heavy" >> beam.Create([1]), OpenInstance)
        _ = heavy | "Moved" >> beam.Reshuffle()
        _ = typed(heavy | "Told" >> beam.Map(repr), Any) | "MovedToo" >> beam.Reshuffle()

    found = pickled(submitted(KeyReference("gs://confidential/deid.key"), more))
    assert "NeverEncoded" in found["Moved/ReshufflePerKey/GroupByKey"]
    assert "FastPrimitivesCoder" in found["MovedToo/ReshufflePerKey/GroupByKey"]


def test_all_steps_run_in_one_image_with_one_hint(job):
    """A step with a hint of its own would not be fused with its neighbours, and instances would cross between them."""
    components = job.proto_pipeline.components
    ((name, environment),) = components.environments.items()
    assert environment.urn == "beam:env:docker:v1"
    assert IMAGE.encode() in environment.payload
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"8000000000"}
    steps = collections.Counter(part.environment_id for part in components.transforms.values() if not part.subtransforms)
    assert steps[name] > 40


def test_the_key_is_named_and_not_in_the_job(key_uri, unpacked):
    key = KeyReference(key_uri)
    material = key.load().purpose(Purpose.UID)  # it is there, and could be taken along
    job = submitted(key)
    whole = unpacked(job.proto_pipeline.SerializeToString() + job.json().encode())
    assert key_uri.encode() in whole
    for form in (KEY_HEX.encode(), bytes.fromhex(KEY_HEX), base64.b64encode(bytes.fromhex(KEY_HEX)), repr(material).encode()):
        assert form not in whole
