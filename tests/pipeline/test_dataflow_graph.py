"""The jobs that Dataflow is given, built offline: coders, one image and one hint for all steps, and no key anywhere in them."""

import base64
import collections
import dataclasses
import functools
import json
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import TestOptions as DryOptions  # which pytest would take for tests
from apache_beam.portability.api import beam_runner_api_pb2
from google.protobuf.wrappers_pb2 import BytesValue

from pipeline.done_before import DoneReference
from pipeline.graph import Run, build
from pipeline.operation import Operation
from pipeline.options import beam_options, parse
from transforms.bigquery.operation import TableTarget
from transforms.model.config import SAFE_CONFIG, parse_config
from transforms.model.credentials import TokenReference
from transforms.model.dicom_store import DicomStore
from transforms.model.keys import KeyReference, Purpose, Secret
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import ALL_TEXT
from transforms.model.records import OpenInstance, PixelSearch
from transforms.model.resolve import resolve
from transforms.model.transform import typed
from transforms.pixels.redactor import redactor_of
from transforms.read.chosen import ChosenReference
from transforms.read.listing import Listing
from transforms.read.origin import Files
from transforms.read.origin import Store as SourceStore
from transforms.write.destination import Folder
from transforms.write.destination import Store as DestinationStore

IMAGE = "region-docker.pkg.dev/my-proj/images/dicom-deid:1"
OPTIONS = (
    "--source=gs://hospital/in --destination=gs://published/out --workspace=gs://confidential/ws --runner=DataflowRunner"
    f" --key_uri=gs://confidential/deid.key --project=my-proj --region=us-central1 --temp_location=gs://staging/temp"
    f" --sdk_container_image={IMAGE} --no_auth"
).split()
KEY_HEX, TOKEN = "6b" * 32, "ya29.nobody-s-token"
WRAPPED, CRYPTO_KEY = "d3JhcHBlZA==", "projects/my-proj/locations/r/keyRings/r/cryptoKeys/k"
"""Of a key that only Cloud KMS could unwrap: who would load it while the job is built would fail."""
WRITTEN_DOWN = {"bytes", "string_utf8", "varint", "kv", "_ChunkCoder"}
"""Coders that spell a value out (the last is ours, of references), and those that hold others."""
GROUPED = {"WriteToFhirStore/OneWriter", "ListInstances/SameInstance", "AllCounts", "ListInstances/Spread"}
"""Where every job groups: numbers are added up where they arise."""
LINES, TABLE = "ListInstances/AllLines", "WriteProvenanceTable/OneLoader"
CHOSEN = ChosenReference("gs://hospital/list.txt", "0")


def files():
    """Chosen ones of a bucket, to a bucket and BigQuery."""
    places = {"source": Files("gs://hospital/in"), "destination": Folder("gs://published/out")}
    return places | {"bigquery": TableTarget("my-proj:d.Provenance"), "chosen": CHOSEN}, {LINES, TABLE}


def stores():
    """From one DICOM store to another, each with a token; what was done before is left out, and held instances are told of too."""
    token, key, earlier = TokenReference("env:STORE_TOKEN"), wrapped_key(), OperationName("earlier", "a", "b", LOCAL_FHIR_STORE)
    source, destination = (DicomStore(f"projects/p/{name}", f"https://dicom/{name}", token, 600) for name in ("source", "destination"))
    places = {"source": SourceStore(source, CHOSEN), "destination": DestinationStore(destination)}
    done = {"chosen": CHOSEN, "done": DoneReference("gs://confidential/ws/done", (earlier,), key)}
    told = {"provenance_for_held": True, "validate_provenance": True, "phi": "hash", "shape": "r4"}
    return places | done | told | {"key": key, "token": token}, {LINES}


def listed_files():
    """As the launcher listed them; all are written where several share a UID, a key of the config is wrapped, and Cloud DLP reads."""
    names = {"infoTypes": ["PERSON_NAME"], "cryptoHashConfig": {"kmsWrapped": {"wrappedKey": WRAPPED, "cryptoKey": CRYPTO_KEY}}}
    config = parse_config(json.dumps({"text": {"transformations": [names]}, "image": {"textRedactionMode": "REDACT_ALL_TEXT"}}))
    plan = dataclasses.replace(resolve(config), dlp_parent="projects/my-proj/locations/r")
    strict = functools.partial(redactor_of, plan.image, PixelSearch.STRICT, ("eng",), dlp_parent=plan.dlp_parent)
    places = {"source": Listing(Files("gs://hospital/list.txt"), "gs://confidential/ws/listing"), "destination": Folder("gs://published/o")}
    return places | {"plan": plan, "redactor": strict, "on_uid_collision": "distinct"}, set()


def wrapped_key():
    return KeyReference(f"kms:{CRYPTO_KEY}#{WRAPPED}")


VARIANTS = [files, stores, listed_files]
"""Each says what differs from other jobs, and where it groups beside."""


def submitted(pipeline_of, **changes):
    """The job as Dataflow is given it, of what `pipeline_of` makes of an empty pipeline and a run."""
    settings = parse(OPTIONS)
    fields = {
        "operation": Operation(OperationName("nightly", "source", "destination", LOCAL_FHIR_STORE), settings.workspace),
        "plan": resolve(SAFE_CONFIG),
        "redactor": functools.partial(redactor_of, ALL_TEXT),
        "key": KeyReference("gs://confidential/deid.key"),
        "on_uid_collision": "hold",
        "store_url": "https://healthcare.googleapis.com/v1beta1/" + LOCAL_FHIR_STORE,
        "write_ops_per_minute": 6000,
        "phi": "include",
        "shape": "google",
        "bigquery": None,
    }
    options = beam_options(settings, "nightly")
    options.view_as(DryOptions).dry_run = True
    pipeline = beam.Pipeline(options=options)
    pipeline_of(Run(**fields | changes), pipeline)
    return pipeline.run().job


@dataclasses.dataclass
class Built:
    """A job, and where it is to group."""

    job: Any
    grouped: set


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.__name__)
def built(request, tmp_path_factory):
    """Its key and its token are at hand, and could be taken along."""
    file = tmp_path_factory.mktemp("key") / "deid.key"
    file.write_text(KEY_HEX)
    key = KeyReference(f"file:{file}")
    key.load()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STORE_TOKEN", TOKEN)
        changes, grouped = request.param()
        return Built(submitted(build, **{"key": key} | changes), GROUPED | grouped)


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
    """What is moved and not written down."""
    found = {name: kinds - WRITTEN_DOWN for name, kinds in moved(job)}
    return {name: kinds for name, kinds in found.items() if kinds}


def test_what_crosses_a_boundary_is_written_down_and_no_instance(built):
    """A key that is pickled may differ from worker to worker, and whatever carries an instance has a coder of no other use."""
    assert dict(moved(built.job)).keys() == built.grouped
    assert pickled(built.job) == {}


def test_an_instance_that_crossed_would_be_noticed():
    def crossing(_run, p):
        heavy = typed(p | "Heavy" >> beam.Create([1]), OpenInstance)
        _ = heavy | "Moved" >> beam.Reshuffle()
        _ = typed(heavy | "Told" >> beam.Map(repr), Any) | "MovedToo" >> beam.Reshuffle()

    found = pickled(submitted(crossing, **files()[0]))
    assert "NeverEncoded" in found["Moved/ReshufflePerKey/GroupByKey"]
    assert "FastPrimitivesCoder" in found["MovedToo/ReshufflePerKey/GroupByKey"]


def test_all_steps_run_in_one_image_with_one_hint(built):
    """A step with a hint of its own would not be fused with its neighbours, and instances would cross between them."""
    components = built.job.proto_pipeline.components
    ((name, environment),) = components.environments.items()
    assert environment.urn == "beam:env:docker:v1"
    assert IMAGE.encode() in environment.payload
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"8000000000"}
    steps = collections.Counter(part.environment_id for part in components.transforms.values() if not part.subtransforms)
    assert steps[name] > 30


def test_key_and_token_are_named_and_not_in_the_job(built, unpacked, request):
    whole = unpacked(built.job.proto_pipeline.SerializeToString() + built.job.json().encode())
    named = {"files": [b"/deid.key"], "stores": [WRAPPED.encode(), b"env:STORE_TOKEN"], "listed_files": [b"/deid.key", WRAPPED.encode()]}
    assert [part for part in named[request.node.callspec.id] if part not in whole] == []
    material = bytes.fromhex(KEY_HEX)
    forms = [KEY_HEX.encode(), material, base64.b64encode(material), repr(Secret(material).purpose(Purpose.UID)).encode(), TOKEN.encode()]
    assert [form for form in forms if form in whole] == []
