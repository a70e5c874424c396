"""Servers that nobody here wrote, each started once, and the Provenance of really de-identified instances to send them."""

import contextlib
import copy
import dataclasses
import http.server
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from on_loopback import Answering, listening

from pipeline.local.store_process import running_store
from transforms.fhir.client import FhirClient
from transforms.model import spool
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

import engines
import fhir_servers
import orthanc_servers
import storage_servers

STARTS = {
    "flink": engines.flink,
    "hapi": fhir_servers.hapi,
    "medplum": fhir_servers.medplum,
    "mitmproxy": fhir_servers.fault_proxy,
    "orthanc": orthanc_servers.orthanc,
    "storage": storage_servers.storage,
}


@pytest.fixture(scope="session", autouse=True)
def started(request, tmp_path_factory):
    """The servers that the chosen tests name, all starting side by side."""
    named = {part for item in request.session.items for mark in item.iter_markers("servers") for part in mark.args}
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(fhir_servers.running(start, tmp_path_factory.mktemp(name)))
            for name, start in STARTS.items()
            if name in named and (fhir_servers.INSTALLED / name / "installed").exists()
        }


@pytest.fixture(scope="session")
def hapi(started):
    return started["hapi"].url


@pytest.fixture(scope="session")
def medplum(started):
    return started["medplum"].url


@pytest.fixture(scope="session")
def proxy(started):
    return started["mitmproxy"]


@pytest.fixture(scope="session")
def flink(started):
    return started["flink"]


@pytest.fixture
def stores(started):
    """Two empty DICOM stores, `source` and `destination`."""
    for store in (started["orthanc"].source, started["orthanc"].destination):
        store.clear()
    return started["orthanc"]


@pytest.fixture
def put_plans(real_file, tmp_path):
    """Puts so many plans of one series into a store; their SOP Instance UIDs."""

    def put(store, count):
        plan, uids = pydicom.dcmread(real_file("rtplan.dcm")), [f"1.2.3.4.{number}" for number in range(1, count + 1)]
        for uid in uids:
            plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = uid
            plan.save_as(tmp_path / "made.dcm")
            store.put((tmp_path / "made.dcm").read_bytes())
        return set(uids)

    return put


@pytest.fixture
def bucket(started, monkeypatch):
    """A new bucket, gs://NAME, on a stand-in for Cloud Storage that keeps preconditions."""
    return _bucket(started["storage"].fake.url, monkeypatch)


@pytest.fixture(params=["fake", "emulator"])
def any_bucket(started, monkeypatch, request):
    """The same on either stand-in."""
    return _bucket(getattr(started["storage"], request.param).url, monkeypatch)


def _bucket(url, monkeypatch):
    name = f"bucket-{secrets.token_hex(6)}"
    requests.post(f"{url}/storage/v1/b?project=none", json={"name": name}, timeout=10).raise_for_status()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    return f"gs://{name}"


@pytest.fixture
def service_account(tmp_path):
    """The file of a service account whose tokens come from a server on loopback, and the tokens that were given so far."""
    given = []

    class Tokens(Answering, http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            given.append(f"token-{len(given)}")
            self.answer(200, json.dumps({"access_token": given[-1], "expires_in": 3600, "token_type": "Bearer"}).encode())

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    with listening(Tokens) as url:
        account = {"type": "service_account", "project_id": "p", "private_key": pem, "client_email": "a@p", "token_uri": url}
        (tmp_path / "account.json").write_text(json.dumps(account))
        yield tmp_path / "account.json", given


@pytest.fixture
def embedded(workspace):
    """The base URL of the embedded store of this test."""
    with running_store(workspace) as base:
        yield f"{base}/v1beta1/{LOCAL_FHIR_STORE}"


@dataclasses.dataclass
class Run:
    """A run of dicom-deid that has ended."""

    code: int
    output: str
    resources: list
    """The Provenance of each instance as spooled."""
    operation: dict
    """The operation's own Provenance."""
    workspace: Workspace


@pytest.fixture(scope="session")
def deidentify(tmp_path_factory):
    """`deidentify(*options)`: a whole run over an ultrasound image with text in it and an MR image."""

    def run(*options):
        folder, found = tmp_path_factory.mktemp("run"), {}
        (folder / "source").mkdir()
        for name in ("examples_palette.dcm", "MR_small.dcm"):
            origin = Path(sys.modules["pydicom"].__file__).parent / "data" / "test_files" / name
            shutil.copyfile(origin, folder / "source" / name)
        places = {name: folder / name for name in ("source", "destination", "workspace")}
        words = [str(word) for name, path in places.items() for word in (f"--{name}", path)]
        command = [str(Path(sys.executable).with_name("dicom-deid")), "run", *words, "--key_uri", "env:DEID_TEST_KEY", *options]
        done = subprocess.run(
            command, check=False, env={**os.environ, "DEID_TEST_KEY": "5a" * 32}, capture_output=True, text=True, timeout=600
        )
        for state in (folder / "workspace" / "operations").glob("*.json"):
            operation = Workspace(str(folder / "workspace")).operation(state.stem)
            found["resources"] = [entry["provenance"] for entry in spool.read_all(operation.spool)]
            found["operation"] = json.loads(operation.provenance_file.read_text())
        return Run(done.returncode, done.stdout + done.stderr, **found, workspace=Workspace(str(folder / "workspace")))

    return run


@pytest.fixture(scope="session")
def google(deidentify):
    """A run with the page's own shape."""
    done = deidentify()
    assert done.code == 0, done.output
    assert len(done.resources) == 2
    return done


@pytest.fixture
def folder(workspace):
    return workspace.operation("0123456789abcdef")


@pytest.fixture
def spooled(folder, google):
    """`spooled(count, change)`: spool so many resources, made from a real one by shortening and naming; their shards.

    `change(number, resource)` may give another in its place.
    """
    real = min(google.resources, key=lambda resource: len(json.dumps(resource)))

    def fill(count, change=lambda _, resource: resource, size=100):
        def numbered(number):
            resource = copy.deepcopy(real)
            resource["id"] = f"copy-{number}"
            resource["target"][0]["identifier"]["value"] += f".{number}"
            resource["entity"][0]["extension"] = resource["entity"][0]["extension"][:3]
            return change(number, resource)

        shards = []
        for first in range(0, count, size):
            entries = ((f"{number:016x}", {"provenance": numbered(number)}) for number in range(first, min(first + size, count)))
            shards += spool.write_entries(folder.spool, entries)
        return shards

    return fill


@pytest.fixture
def sent(folder):
    """What was spooled, by id."""
    return lambda: {entry["provenance"]["id"]: entry["provenance"] for entry in spool.read_all(folder.spool)}


@pytest.fixture
def kept():
    """`kept(url, query)`: id → (version, resource without `meta`) of all that a search of a store finds."""

    def find(url, query="Provenance?_count=500"):
        found = {}
        for resource in FhirClient(url).search(query):
            meta = resource.pop("meta", {})
            assert resource["id"] not in found
            found[resource["id"]] = (meta.get("versionId"), resource)
        return found

    return find
