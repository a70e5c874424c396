"""The API's page from its first call: `:deidentify` on the local server, with DICOM stores behind it; then its searches and SQL."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
import requests

from pipeline.cli import main as cli
from pipeline.lock import alone
from transforms.model.storage import replace
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "storage")

DATASET = "projects/p/locations/l/datasets/d"
FHIR_STORE = f"{DATASET}/fhirStores/metadata"
ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).parents[1] / "seed_page"


@pytest.fixture
def serving(stores, tmp_path, key_uri):
    """`serving(destination)`: a context of `dicom-deid serve` over both stores, the destination by that URL: its address and process."""

    @contextlib.contextmanager
    def start(destination=stores.destination.url):
        command = [str(Path(sys.executable).with_name("dicom-deid")), "serve", "--workspace", str(tmp_path / "work"), "--port", "0"]
        command += [f"--dicom_store={stores.source.name}={stores.source.url}", f"--dicom_store={stores.destination.name}={destination}"]
        process = subprocess.Popen([*command, f"--run_options=--key_uri={key_uri}"], stdout=subprocess.PIPE, text=True)
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.terminate()
            process.wait(90)
            process.stdout.close()

    return start


@pytest.fixture
def server(serving):
    """The address of one."""
    with serving() as (address, _):
        yield address


def body(destination, mode="REDACT_NO_TEXT"):
    request = json.loads((PAGE / "deidentify-request.json").read_text())
    request["destinationStore"] = destination
    request["config"]["image"]["textRedactionMode"] = mode
    request["config"]["operationMetadata"]["fhirOutput"]["fhirStore"] = FHIR_STORE
    return request


def elsewhere(request, bucket):
    """The request with its config put into a bucket."""
    replace(f"{bucket}/config.json", json.dumps(request["config"]).encode())
    return {"destinationStore": request["destinationStore"], "gcsConfigUri": f"{bucket}/config.json"}


def ended(server, name):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        operation = requests.get(f"{server}/v1beta1/{name}", timeout=10).json()
        if operation["done"]:
            return operation
        time.sleep(0.3)
    raise AssertionError(operation)


@pytest.fixture
def followed(server, tmp_path):
    """`followed()`: the page's calls as the guide's script makes them, after they have ended."""

    def follow():
        words = [ROOT / "docs" / "deidentify.sh", server, DATASET, "src", "dst", "metadata", tmp_path / "work"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(words, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=280, check=False)

    return follow


def at_the_left_edge(provenance):
    """Whether one of its boxes begins within the first twentieth of its frame's width, as the page's search parameter has it."""
    images = [one["extension"] for one in provenance["entity"][0].get("extension", []) if one["url"].endswith("/dicom-images")]
    boxes = [one.get("extension", []) for image in images for one in image if one["url"] == "frame-index"]
    return any(part["url"] == "relative-bottom" and part["valueDecimal"] <= 0.05 for box in boxes for part in box)


def test_the_page_from_deidentify_to_sql(followed, server, stores, real_file):
    for name in ("examples_rgb_color.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
    done = followed()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'"success": ?"2"', done.stdout)
    said = dict(re.findall(r'^([a-z ]+):\n"total": ?([0-9]+)$', done.stdout, re.MULTILINE | re.IGNORECASE))
    page = requests.get(f"{server}/v1beta1/{FHIR_STORE}/fhir/Provenance?_count=100", timeout=10).json()
    found = [entry["resource"] for entry in page["entry"]]
    assert said == {
        "all Provenance": "3",
        "boxes at the left edge": str(sum(map(at_the_left_edge, found))),
        "of one instance": "1",
        "of the source store": "2",
    }
    assert re.search(r'the sample resources:\n("status": ?"201\n){3}', done.stdout)
    rows = list(csv.DictReader(io.StringIO(done.stdout.partition("\nboxes:\n")[2])))
    uid = pydicom.dcmread(real_file("examples_rgb_color.dcm"), stop_before_pixels=True).SOPInstanceUID
    targets = stores.destination.contents()
    assert {row["Source"].rpartition("/")[2] for row in rows} == {uid}  # of the ultrasound, which has text in its pixels
    assert {row["Destination"].rpartition("/")[2] for row in rows} <= targets.keys()
    assert len(targets) == 2


def test_what_cannot_be_asked_is_refused_at_once(bucket, server, stores):
    call = f"{server}/v1beta1/{stores.source.name}:deidentify"
    assert requests.post(f"{server}/v1beta1/{DATASET}/dicomStores/none:deidentify", json=body("x"), timeout=10).status_code == 404
    assert requests.post(call, json=body("x"), timeout=10).status_code == 400
    assert requests.post(call, json={"config": {}}, timeout=10).status_code == 400
    keyed = body(stores.destination.name)
    keyed["config"]["text"] = {"transformations": [{"infoTypes": [], "cryptoHashConfig": {"cryptoKey": "MDEyMzQ1Njc4OWFiY2RlZg=="}}]}
    for request in (keyed, elsewhere(keyed, bucket)):
        refused = requests.post(call, json=request, timeout=10)
        assert refused.status_code == 400
        assert "Cloud KMS" in refused.text
    missing = {"destinationStore": stores.destination.name, "gcsConfigUri": f"{bucket}/nothing"}
    assert requests.post(call, json=missing, timeout=10).status_code == 400
    assert requests.get(f"{server}/v1beta1/{DATASET}/operations/none", timeout=10).status_code == 404


def test_a_config_that_is_exchanged_before_its_run_begins_is_not_taken(bucket, server, stores, real_file, tmp_path):
    stores.source.put(real_file("rtplan.dcm").read_bytes())
    request = body(stores.destination.name)
    with alone(Workspace(str(tmp_path / "work"))):
        name = requests.post(f"{server}/v1beta1/{stores.source.name}:deidentify", json=elsewhere(request, bucket), timeout=10).json()[
            "name"
        ]
        request["config"]["text"] = {"transformations": [{"infoTypes": [], "cryptoHashConfig": {"cryptoKey": "MDEyMzQ1Njc4OWFiY2RlZg=="}}]}
        elsewhere(request, bucket)
    assert ended(server, name)["error"]["message"].startswith("request.gcsConfigUri")
    assert stores.destination.contents() == {}
    assert not list((tmp_path / "work").rglob("*.key"))


def children(process):
    """The ids of the processes that a process has started."""
    return subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()


def test_operations_run_one_after_the_other_and_are_cancelled_waiting_or_at_work(bucket, serving, stores, real_file, tmp_path):
    """The third has its config and a list of what it is about in a bucket, and somebody takes the workspace while its run starts."""
    studies = []
    for name in ("examples_palette.dcm", "MR_small.dcm", "CT_small.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
        studies.append(f"/studies/{pydicom.dcmread(real_file(name), stop_before_pixels=True).StudyInstanceUID}")
    replace(f"{bucket}/studies.txt", "\n".join(studies[1:]).encode())
    chosen = {**elsewhere(body(stores.destination.name), bucket), "filterConfig": {"resourcePathsGcsUri": f"{bucket}/studies.txt"}}
    asked = [body(stores.destination.name, "REDACT_ALL_TEXT"), body(stores.destination.name), chosen]
    with serving() as (server, process):
        call = f"{server}/v1beta1/{stores.source.name}:deidentify"
        first, second, third = (requests.post(call, json=request, timeout=10).json()["name"] for request in asked)
        for name in (first, second):
            assert requests.post(f"{server}/v1beta1/{name}:cancel", json={}, timeout=10).json() == {}
        assert ended(server, second)["error"]["code"] == 1
        assert ended(server, first)["error"]["code"] == 1
        until(lambda: children(process))
        with alone(Workspace(str(tmp_path / "work"))):
            until(lambda: not children(process))
            assert not requests.get(f"{server}/v1beta1/{third}", timeout=10).json()["done"]
        done = ended(server, third)
        assert (done["metadata"]["outcomes"]["listed"], done["metadata"]["outcomes"]["written"], "response" in done) == ("3", "3", True), (
            done
        )
        assert len(stores.destination.contents()) == 3
        assert requests.get(f"{server}/v1beta1/{FHIR_STORE}/fhir/Provenance?_total=accurate&_count=1", timeout=10).json()["total"] == 4
        assert requests.post(f"{server}/v1beta1/{third}:cancel", json={}, timeout=10).json() == {}
        assert "response" in ended(server, third)


def test_a_run_that_is_refused_says_why_in_its_operation_and_whoever_follows_the_page_stops_there(followed):
    done = followed()
    assert (done.returncode, "of the source store" in done.stdout) == (1, False), done.stdout
    assert json.loads(done.stderr.removeprefix("failed: "))["error"]["message"].startswith("--source: the store has no instance")


@pytest.fixture
def plans(stores, put_plans):
    """The SOP Instance UIDs of six plans in the source store."""
    return put_plans(stores.source, 6)


def plainly(destination):
    """A request that inspects no text, and so begins sooner."""
    request = body(destination)
    request["config"]["dicom"] = {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}
    return request


def until(condition):
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.servers("mitmproxy")
def test_a_server_that_is_killed_at_work_goes_on_when_it_is_started_again(serving, stores, plans, proxy, tmp_path, capsys):
    slow = proxy.before(stores.destination.url, {"fault": "slow", "method": "POST", "seconds": 1})
    with serving(slow) as (address, process):
        call = f"/v1beta1/{stores.source.name}:deidentify"
        request = plainly(stores.destination.name)
        name = requests.post(address + call, json=request, timeout=10).json()["name"]
        until(lambda: len(stores.destination.contents()) >= 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    half = stores.destination.contents()
    assert len(half) < len(plans)
    with serving(proxy.before(stores.destination.url)) as (address, _):
        assert not requests.get(f"{address}/v1beta1/{name}", timeout=10).json()["done"]
        finished = ended(address, name)
        assert (finished["metadata"]["outcomes"]["written"], "response" in finished) == (str(len(plans)), True), finished
        whole = stores.destination.contents()
        assert half.items() <= whole.items()
        store = f"{address}/v1beta1/{FHIR_STORE}/fhir/Provenance"
        assert requests.get(f"{store}?_total=accurate&_count=1", timeout=10).json()["total"] == len(plans) + 1
        again = ended(address, requests.post(address + call, json=request, timeout=10).json()["name"])
        assert again["metadata"]["outcomes"]["written"] == str(len(plans))
        assert stores.destination.contents() == whole
    here = ["--workspace", str(tmp_path / "work")]
    assert cli(["replay", *here, "--operation", name.rpartition("/")[2]]) == 0  # without a server
    capsys.readouterr()
    assert cli(["purge", *here, name.rpartition("/")[2], "--yes"]) == 0
    said = capsys.readouterr().out
    assert (f"{len(plans) + 1} resources of the embedded FHIR store" in said, "kept" in said) == (True, False), said


@pytest.mark.servers("mitmproxy")
def test_what_a_server_was_stopped_or_told_to_stop_at_is_done_by_the_next_one_or_a_retry(serving, stores, plans, proxy, tmp_path, capsys):
    slow = proxy.before(stores.destination.url, {"fault": "slow", "method": "POST", "seconds": 1})
    call = f"/v1beta1/{stores.source.name}:deidentify"
    with serving(slow) as (address, _):
        name = requests.post(address + call, json=plainly(stores.destination.name), timeout=10).json()["name"]
        until(lambda: len(stores.destination.contents()) >= 1)
    with serving(slow) as (address, _):  # stopped by SIGTERM, it has the operation still to do
        assert not requests.get(f"{address}/v1beta1/{name}", timeout=10).json()["done"]
        until(lambda: len(stores.destination.contents()) >= 3)
        requests.post(f"{address}/v1beta1/{name}:cancel", json={}, timeout=10)
        begun = len(stores.destination.contents()) + 1  # what is on its way is not called back
        assert ended(address, name)["error"]["code"] == 1
        told = stores.destination.contents()
        assert len(told) <= begun < len(plans)
        time.sleep(1.5)
        assert stores.destination.contents() == told
    proxy.before(stores.destination.url)
    identity = name.rpartition("/")[2]
    assert cli(["retry", "--workspace", str(tmp_path / "work"), "--operation", identity]) == 0, capsys.readouterr().err
    assert len(stores.destination.contents()) == len(plans)
    state = json.loads((tmp_path / "work" / "operations" / f"{identity}.json").read_text())
    assert (state["metadata"]["outcomes"]["written"], "response" in state) == (str(len(plans)), True)
