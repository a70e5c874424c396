"""goccy's BigQuery emulator, GoogleSQL's own parser and analyzer over SQLite, on a loopback port."""

import os
import socket
import subprocess
import time
from pathlib import Path

import requests

BINARY = Path(__file__).parents[2] / ".venv" / "servers" / "bigquery" / "bigquery-emulator"
PROJECT, DATASET = "my-project", "research"


class Emulator:
    """One process with one project and one empty dataset."""

    def __init__(self, folder):
        rest, grpc = free_port(), free_port()
        words = [BINARY, f"--project={PROJECT}", f"--dataset={DATASET}", "--host=127.0.0.1", f"--port={rest}", f"--grpc-port={grpc}"]
        with Path(folder, "log").open("wb") as log:
            self._process = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log, cwd=folder, env=os.environ)
        self._url = f"http://127.0.0.1:{rest}"

    @property
    def url(self):
        """Waits until it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                assert requests.get(f"{self._url}/bigquery/v2/projects/{PROJECT}/datasets", timeout=5).ok
                return self._url
            except requests.ConnectionError:
                assert self._process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
