"""The API's page from its first call: `:deidentify` on the local server, with DICOM stores behind it; then its searches and SQL."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from pipeline.cli import main as cli
from pipeline.lock import is_held
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc")

DATASET = "projects/p/locations/l/datasets/d"
FHIR_STORE = f"{DATASET}/fhirStores/metadata"
PAGE = Path(__file__).parents[1] / "seed_page"


@pytest.fixture
def server(stores, tmp_path, key_uri):
    """`dicom-deid serve` over both stores; its address."""
    command = [str(Path(sys.executable).with_name("dicom-deid")), "serve", "--workspace", str(tmp_path / "work"), "--port", "0"]
    for store in (stores.source, stores.destination):
        command += ["--dicom_store", f"{store.name}={store.url}"]
    process = subprocess.Popen([*command, f"--run_options=--key_uri={key_uri}"], stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(90)
    process.stdout.close()


def body(destination, mode="REDACT_NO_TEXT"):
    request = json.loads((PAGE / "deidentify-request.json").read_text())
    request["destinationStore"] = destination
    request["config"]["image"]["textRedactionMode"] = mode
    request["config"]["operationMetadata"]["fhirOutput"]["fhirStore"] = FHIR_STORE
    return request


def ended(server, name):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        operation = requests.get(f"{server}/v1beta1/{name}", timeout=10).json()
        if operation["done"]:
            return operation
        time.sleep(0.3)
    raise AssertionError(operation)


def test_the_page_from_deidentify_to_sql(server, stores, real_file, tmp_path, capsys):
    for name in ("MR_small.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
    call = f"{server}/v1beta1/{stores.source.name}:deidentify"
    answer = requests.post(call, json=body(stores.destination.name), timeout=10)
    assert answer.status_code == 200, answer.text
    operation = answer.json()
    assert operation["name"].startswith(f"{DATASET}/operations/")
    assert operation["done"] is False
    assert operation["metadata"]["apiMethodName"].endswith("DeidentifyDicomStore")
    operation = ended(server, operation["name"])
    assert operation["metadata"]["counter"]["success"] == "2"
    assert operation["response"]["@type"].endswith("DeidentifyDicomStoreSummary")
    assert len(stores.destination.contents()) == 2

    fhir = f"{server}/v1beta1/{FHIR_STORE}"
    for parameter in ("relative-x", "lookup-source"):
        resource = json.loads((PAGE / f"search-parameter-{parameter}.json").read_text())
        requests.post(f"{fhir}/fhir/SearchParameter", json=resource, timeout=10).raise_for_status()
    configured = requests.post(f"{fhir}:configureSearch", json=json.loads((PAGE / "configure-search.json").read_text()), timeout=10).json()
    ended(server, configured["name"])
    found = requests.get(f"{fhir}/fhir/Provenance?lookup-source-instance:contains={stores.source.name}", timeout=10).json()
    assert found["total"] == 3  # one an instance, and that of the operation
    targets = {entry["resource"]["target"][0]["identifier"]["value"].rpartition("/")[2] for entry in found["entry"]}
    assert stores.destination.contents().keys() < targets

    while is_held(Workspace(str(tmp_path / "work"))):  # the table is the last that a run makes
        time.sleep(0.1)
    (tmp_path / "boxes.sql").write_text((PAGE / "boxes.sql").read_text())
    assert cli(["query", "--workspace", str(tmp_path / "work"), "--sql_file", str(tmp_path / "boxes.sql"), "--format", "json"]) == 0
    assert capsys.readouterr().out == ""


def test_what_cannot_be_asked_is_refused_at_once(server, stores):
    call = f"{server}/v1beta1/{stores.source.name}:deidentify"
    assert requests.post(f"{server}/v1beta1/{DATASET}/dicomStores/none:deidentify", json=body("x"), timeout=10).status_code == 404
    assert requests.post(call, json=body("x"), timeout=10).status_code == 400
    assert requests.post(call, json={"config": {}}, timeout=10).status_code == 400
    keyed = body(stores.destination.name)
    keyed["config"]["text"] = {"transformations": [{"infoTypes": [], "cryptoHashConfig": {"cryptoKey": "MDEyMzQ1Njc4OWFiY2RlZg=="}}]}
    refused = requests.post(call, json=keyed, timeout=10)
    assert refused.status_code == 400
    assert "Cloud KMS" in refused.text
    assert requests.get(f"{server}/v1beta1/{DATASET}/operations/none", timeout=10).status_code == 404


def test_operations_run_one_after_the_other_and_are_cancelled_waiting_or_at_work(server, stores, real_file):
    for name in ("examples_palette.dcm", "MR_small.dcm", "CT_small.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
    call = f"{server}/v1beta1/{stores.source.name}:deidentify"
    first, second, third = (
        requests.post(call, json=body(stores.destination.name, mode), timeout=10).json()["name"]
        for mode in ("REDACT_ALL_TEXT", "REDACT_NO_TEXT", "REDACT_NO_TEXT")
    )
    for name in (first, second):
        assert requests.post(f"{server}/v1beta1/{name}:cancel", json={}, timeout=10).json() == {}
    assert ended(server, second)["error"]["code"] == 1
    assert ended(server, first)["error"]["code"] == 1
    assert ended(server, third)["metadata"]["outcomes"]["listed"] == "4"
    assert requests.post(f"{server}/v1beta1/{third}:cancel", json={}, timeout=10).json() == {}
    assert "response" in ended(server, third)


def test_a_run_that_is_refused_says_why_in_its_operation(server, stores):
    call = f"{server}/v1beta1/{stores.source.name}:deidentify"
    operation = ended(server, requests.post(call, json=body(stores.destination.name), timeout=10).json()["name"])
    assert operation["error"]["message"].startswith("--source: the store has no instance")
