"""The API's page from its first call: `:deidentify` on the local server, with DICOM stores behind it; then its searches and SQL."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.servers("orthanc")

DATASET = "projects/p/locations/l/datasets/d"
FHIR_STORE = f"{DATASET}/fhirStores/metadata"
ROOT = Path(__file__).parents[2]
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


def test_the_page_from_deidentify_to_sql(server, stores, real_file, tmp_path):
    for name in ("SC_rgb_jpeg_dcmtk.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
    words = [ROOT / "docs" / "deidentify.sh", server, DATASET, "src", "dst", "metadata", tmp_path / "work"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'"success": ?"2"', done.stdout)
    assert re.search(r'of the source store:\n"total": ?2\n', done.stdout)
    assert "Source,Destination,Left,Right,Top,Bottom" in done.stdout.partition("boxes:")[2]
    assert len(stores.destination.contents()) == 2


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
