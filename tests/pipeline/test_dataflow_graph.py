"""The job that Dataflow is given, built offline: coders, one image and one hint for all steps, and no key anywhere in it."""

import base64
import collections
import functools

import apache_beam as beam
import pytest

from pipeline.graph import Run, build
from pipeline.operation import Operation
from pipeline.options import beam_options, parse
from transforms.bigquery.operation import TableTarget
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import KeyReference, Purpose
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import ALL_TEXT
from transforms.model.resolve import resolve
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
WRITTEN_DOWN = {"bytes", "string_utf8", "varint", "tuple", "iterable", "kv", "global_window"}
"""Coders that spell a value out; what is not among them is a pickle, and then it has a class of ours."""


def submitted(key):
    """The job as Dataflow is given it."""
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
    return pipeline.run().job


@pytest.fixture(scope="module")
def job():
    return submitted(KeyReference("gs://confidential/deid.key"))


def grouped(components):
    """Name of each GroupByKey and the coders of key and value that it moves."""
    for transform in components.transforms.values():
        if transform.spec.urn == "beam:transform:group_by_key:v1":
            (moved,) = transform.inputs.values()
            coder = components.coders[components.pcollections[moved].coder_id]
            yield transform.unique_name, [components.coders[part] for part in coder.component_coder_ids]


def test_what_is_grouped_is_written_down_and_not_pickled(job):
    components = job.proto_pipeline.components
    found = dict(grouped(components))
    assert {
        "WriteToFhirStore/OneWriter",
        "WriteProvenanceTable/OneLoader",
        "ListInstances/SameInstance",
        "ListInstances/AllLines",
        "AllCounts",
    } <= set(found)
    for name, (key, value) in found.items():
        assert key.spec.urn.split(":")[2] in WRITTEN_DOWN, name  # a key that is pickled may differ from worker to worker
        assert value.spec.urn.split(":")[2] in WRITTEN_DOWN, name


def test_all_steps_run_in_one_image_with_one_hint(job):
    """A step with a hint of its own would not be fused with its neighbours, and instances would cross between them."""
    components = job.proto_pipeline.components
    ((name, environment),) = components.environments.items()
    assert environment.urn == "beam:env:docker:v1"
    assert IMAGE.encode() in environment.payload
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"8000000000"}
    steps = collections.Counter(part.environment_id for part in components.transforms.values() if not part.subtransforms)
    assert steps[name] > 40


def test_no_instance_crosses_a_boundary(job):
    components = job.proto_pipeline.components
    heavy = {name for name, value in components.pcollections.items() if b"NeverEncoded" in components.coders[value.coder_id].spec.payload}
    assert len(heavy) >= 9
    primitives = [part for part in components.transforms.values() if not part.subtransforms]
    assert {part.spec.urn for part in primitives if heavy & set(part.inputs.values())} == {"beam:transform:pardo:v1"}


def test_the_key_is_named_and_not_in_the_job(key_uri, unpacked):
    key = KeyReference(key_uri)
    material = key.load().purpose(Purpose.UID)  # it is there, and could be taken along
    job = submitted(key)
    whole = unpacked(job.proto_pipeline.SerializeToString() + job.json().encode())
    assert key_uri.encode() in whole
    for form in (KEY_HEX.encode(), bytes.fromhex(KEY_HEX), base64.b64encode(bytes.fromhex(KEY_HEX)), repr(material).encode()):
        assert form not in whole
