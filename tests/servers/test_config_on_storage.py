"""A run whose config and key are objects on Cloud Storage."""

import json
import shutil

import pydicom
import pytest

from pipeline.main import main
from pipeline.options import parse
from pipeline.request import read_request
from transforms.model import gcs
from transforms.model.errors import ConfigError
from transforms.model.storage import replace
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage")

CONFIG = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}


@pytest.fixture
def made(tmp_path):
    """The operation that there is."""

    def find():
        (state,) = (tmp_path / "workspace" / "operations").glob("*.json")
        return Workspace(str(tmp_path / "workspace")).operation(state.stem)

    return find


@pytest.fixture
def run(tmp_path, real_file):
    """`run(*options)`: the exit code of a run over two images."""
    (tmp_path / "source").mkdir()
    for name in ("MR_small.dcm", "CT_small.dcm"):
        shutil.copyfile(real_file(name), tmp_path / "source" / name)
    places = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    return lambda *options: main([*places, *options])


def test_provenance_says_which_generation_of_which_object_the_config_was(run, made, bucket):
    config, key = f"{bucket}/configs/release.json", f"{bucket}/deid.key"
    replace(config, json.dumps(CONFIG).encode())
    replace(key, b"6b" * 32)
    found = gcs.read_generation(config)
    assert run("--config", config, "--key_uri", key, "--allow_identifiable") == 0
    resource = json.loads(made().provenance_file.read_text())
    (extension,) = resource["entity"][0]["extension"]
    uri, _, moment = extension["valueString"].partition(" ")
    assert uri == f"{config}#{found.number}"
    assert moment == found.created.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_request_names_its_config(bucket, tmp_path):
    places = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    body = {"destinationStore": "x", "gcsConfigUri": f"{bucket}/config.json"}
    replace(f"{bucket}/request.json", json.dumps(body).encode())
    with pytest.raises(ConfigError, match=r"request\.gcsConfigUri is 'gs://"):
        read_request(parse([*places, "--request", f"{bucket}/request.json"]))
    replace(f"{bucket}/config.json", json.dumps(CONFIG).encode())
    request = read_request(parse([*places, "--request", f"{bucket}/request.json"]))
    assert json.loads(request.config.to_json()) == CONFIG
    assert request.recorded.startswith(f"{bucket}/config.json#")
    assert request.consented


def test_a_request_chooses_instances_by_a_list(run, made, bucket, tmp_path, real_file):
    study = pydicom.dcmread(real_file("MR_small.dcm")).StudyInstanceUID
    replace(f"{bucket}/paths.txt", f"/studies/{study}\n".encode())
    body = {"destinationStore": "x", "config": CONFIG, "filterConfig": {"resourcePathsGcsUri": f"{bucket}/paths.txt"}}
    assert run("--request", json.dumps(body)) == 0
    (published,) = (tmp_path / "destination").rglob("*.dcm")
    assert pydicom.dcmread(published).Modality == "MR"
    outcomes = [json.loads(line) for line in (tmp_path / "workspace" / "outcomes.ndjson").read_text().splitlines()]
    assert [(one["outcome"], one["code"]) for one in outcomes] == [("skipped", "FILTERED")]
