"""Where the tests of BigQuery ask: goccy's emulator on a loopback port, or a project of Google Cloud (scripts/cloud-check).

The emulator is GoogleSQL's own parser and analyzer over SQLite.
"""

import contextlib
import dataclasses
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import requests
from google.cloud import bigquery

from transforms.bigquery.client import bigquery_client

BINARY = Path(__file__).parents[2] / ".venv" / "servers" / "bigquery" / "bigquery-emulator"
PROJECT = "my-project"
LIFETIME = 3600 * 1000
"""Milliseconds after which Google Cloud itself drops tables that a broken check left."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A new dataset. `client` asks it."""

    client: bigquery.Client
    name: str
    endpoint: str | None

    @property
    def full(self):
        """As options name it, `PROJECT:DATASET`."""
        return f"{self.client.project}:{self.name}"

    @property
    def is_google(self):
        """Whether it is BigQuery itself, whose load jobs keep the order of nested columns."""
        return self.endpoint is None

    def ask(self, text):
        """The rows of an answer to SQL that names tables as `PROJECT_ID.BIGQUERY_DATASET.NAME`."""
        job = self.client.query(
            text.replace("PROJECT_ID.BIGQUERY_DATASET", f"{self.client.project}.{self.name}"), retry=None, job_retry=None
        )
        return [tuple(row.values()) for row in job.result(retry=None)]  # the client would try a failed job for ten minutes


@contextlib.contextmanager
def dataset(project, endpoint):
    """A dataset of its own, gone afterwards."""
    client = bigquery_client(project, endpoint)
    made = bigquery.Dataset(f"{project}.dicom_deid_check_{secrets.token_hex(6)}")
    made.default_table_expiration_ms = LIFETIME
    client.create_dataset(made)
    try:
        yield Dataset(client, made.dataset_id, endpoint)
    finally:
        client.delete_dataset(made, delete_contents=True, not_found_ok=True)


@contextlib.contextmanager
def place(folder):
    """Project and endpoint: CLOUD_CHECK_PROJECT with CLOUD_CHECK_ENDPOINT (empty: Google's) of the environment, or an emulator's."""
    if project := os.environ.get("CLOUD_CHECK_PROJECT"):
        yield project, os.environ.get("CLOUD_CHECK_ENDPOINT") or None
        return
    rest, grpc = _free_port(), _free_port()
    words = [BINARY, f"--project={PROJECT}", "--host=127.0.0.1", f"--port={rest}", f"--grpc-port={grpc}"]
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{rest}"
        _wait(process, f"{url}/bigquery/v2/projects/{PROJECT}/datasets")
        yield PROJECT, url
    finally:
        process.terminate()
        process.wait(10)


def _wait(process, url):
    deadline = time.monotonic() + 60
    while True:
        try:
            assert requests.get(url, timeout=5).ok
        except requests.ConnectionError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
