"""Fixtures every room may use: a fixed key, real DICOM files, a workspace."""

import base64
import http.server
import json
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydicom.data import get_testdata_file
from xdist.scheduler import LoadFileScheduling

from transforms.inspection import engine
from transforms.model import key_material
from transforms.model.keys import KeyReference, Secret
from transforms.model.workspace import OperationFolder, Workspace
from transforms.write.destination import Folder

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

import cloud_dlp as stand_in
import dataflow_service
from on_loopback import listening

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell starts in the background; so would all be that tests interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)

KEY_HEX = "6b" * 32


@pytest.fixture
def key_uri(tmp_path: Path) -> str:
    path = tmp_path / "key" / "test.key"
    path.parent.mkdir()
    path.write_text(KEY_HEX)
    path.chmod(0o600)
    return f"file:{path}"


@pytest.fixture
def secret(key_uri: str) -> Secret:
    return KeyReference(key_uri).load()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(str(tmp_path / "workspace"))
    workspace.make()
    return workspace


@pytest.fixture
def folder(workspace: Workspace) -> OperationFolder:
    return workspace.operation("op")


@pytest.fixture
def destination(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "out"))


@pytest.fixture
def real_file():
    """A function from the name of a file that pydicom or pydicom-data ships to its path; never downloads."""

    def find(name: str) -> Path:
        path = get_testdata_file(name, download=False)
        assert path is not None, f"{name} is not shipped"
        return Path(path)

    return find


@pytest.fixture
def key_services(monkeypatch):
    """Cloud KMS and Secret Manager as their REST APIs are, on loopback, the only places where they are looked for.

    No key is remembered from test to test.
    """
    key_material._read_once.cache_clear()
    services = KeyServices()
    with listening(handler_of(services)) as url:
        for name in ("CLOUDKMS", "SECRETMANAGER"):
            monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}", f"{url}/")
        yield services


@pytest.fixture
def cloud_dlp(monkeypatch):
    """Cloud DLP on loopback, the only place where it is looked for; no answer is remembered from test to test."""
    engine._dlp_engine.cache_clear()
    service = stand_in.CloudDlpService()
    with stand_in.serving(service) as url:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_DLP", url)
        yield service


@pytest.fixture
def dataflow(monkeypatch):
    """Dataflow's API on loopback, the only place where jobs are asked for."""
    service = dataflow_service.DataflowService()
    with dataflow_service.serving(service):
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW", service.url)
        yield service


class KeyServices:
    """What these services hold: a key that never leaves, and secrets by their names."""

    CRYPTO_KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/k"

    def __init__(self):
        self._key = AESGCM(AESGCM.generate_key(256))
        self.secrets, self.damaged = {}, False
        self.calls = 0

    def wrap(self, material):
        """What `gcloud kms encrypt` would give."""
        nonce = secrets.token_bytes(12)
        return nonce + self._key.encrypt(nonce, material, self.CRYPTO_KEY.encode())

    def answer(self, path, body):
        """Status and message of one call."""
        self.calls += 1
        name, _, verb = path.removeprefix("/v1/").partition("?")[0].partition(":")
        if verb == "access" and name in self.secrets:
            content, field = self.secrets[name], "data"
        elif verb == "decrypt" and name == self.CRYPTO_KEY:
            wrapped, field = base64.b64decode(body["ciphertext"]), "plaintext"
            if int(body["ciphertextCrc32c"]) != google_crc32c.value(wrapped):
                return 400, {"error": {"code": 400, "message": "checksum", "status": "INVALID_ARGUMENT"}}
            try:
                content = self._key.decrypt(wrapped[:12], wrapped[12:], name.encode())
            except InvalidTag:
                return 400, {"error": {"code": 400, "message": "Decryption failed", "status": "INVALID_ARGUMENT"}}
        else:
            return 403, {"error": {"code": 403, "message": "denied", "status": "PERMISSION_DENIED"}}
        checked = {field: base64.b64encode(content).decode(), f"{field}Crc32c": str(google_crc32c.value(content) ^ self.damaged)}
        return 200, {"name": name, "payload": checked} if field == "data" else checked


def handler_of(services):
    """Of one HTTP call."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, message = services.answer(self.path, json.loads(body or b"{}"))
            content = json.dumps(message).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    return Handler


TOOLS = ("dciodvfy", "dcmdump", "gdcminfo")
"""Those that `@pytest.mark.servers` means where it names none."""
ON_PATH = (*TOOLS, "djxl")
BUILT_APART = {"bigquery": "tests/servers/bigquery/install.sh", "prism": "tests/servers/prism/install.sh"}
"""Parts that `--servers` does not require, since they take too long to build, and what builds them."""
INSTALLED = Path(__file__).parents[1] / ".venv" / "servers"
"""Where `scripts/test --servers` puts what is not on the path: a folder for each part that `@pytest.mark.servers` may name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", action="store_true", help="fail, rather than skip, where a real server or tool is missing")
    parser.addoption("--engines_on_demo", action="store_true", help="compare engines on all files of the demo, which takes long")
    parser.addoption("--every_engine", action="store_true", help="compare sources and destinations on every engine, which takes long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process works on at the end alone (`scripts/test` keeps this order)."""
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/servers/", "tests/e2e/")))


@pytest.hookimpl(optionalhook=True)  # xdist's, where several processes run
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share costly fixtures stay in one process: those of a file, and all that talk to outside servers."""

    class Rooms(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "servers" if nodeid.startswith("tests/servers/") else super()._split_scope(nodeid)

    return Rooms(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = {part for mark in item.iter_markers("servers") for part in mark.args or TOOLS}
    if lacking := ", ".join(sorted(part for part in needs if not _is_installed(part))):
        if item.config.getoption("--servers") and lacking not in BUILT_APART:
            pytest.fail(f"--servers needs {lacking}")
        pytest.skip(f"not installed: {lacking} ({BUILT_APART.get(lacking, 'scripts/test --servers')})")


def _is_installed(part: str) -> bool:
    if part == "bigquery" and os.environ.get("CLOUD_CHECK_PROJECT"):  # scripts/cloud-check: BigQuery itself
        return True
    return shutil.which(part) is not None if part in ON_PATH else (INSTALLED / part / "installed").exists()
