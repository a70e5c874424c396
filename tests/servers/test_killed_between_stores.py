"""A run between DICOM stores that is killed and started again ends as if it had never been killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pydicom
import pytest

from transforms.model import spool
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "mitmproxy")

INSTANCES = 12


@pytest.fixture
def filled(stores, real_file, tmp_path):
    dataset = pydicom.dcmread(real_file("rtplan.dcm"))
    for number in range(INSTANCES):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        dataset.save_as(tmp_path / "made.dcm")
        stores.source.put((tmp_path / "made.dcm").read_bytes())
    return stores


@pytest.fixture
def command(tmp_path, key_uri, filled):
    def words(destination, workspace):
        places = {"source": filled.source.url, "destination": destination, "workspace": tmp_path / workspace}
        return [sys.executable, "-m", "pipeline.main", *(f"--{name}={at}" for name, at in places.items()), f"--key_uri={key_uri}"]

    return words


def test_killed_in_the_middle(command, filled, proxy, tmp_path):
    slow = proxy.before(filled.destination.url, {"fault": "slow", "method": "POST", "seconds": 1})
    run = subprocess.Popen(command(slow, "work"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 200
    while len(filled.destination.contents()) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    half = filled.destination.contents()
    assert 3 <= len(half) < INSTANCES

    again = subprocess.run(command(proxy.before(filled.destination.url), "work"), capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{INSTANCES} listed = {INSTANCES} written + 0 held" in again.stdout
    whole = filled.destination.contents()
    assert len(whole) == INSTANCES
    assert half.items() <= whole.items()
    (state,) = (tmp_path / "work" / "operations").glob("*.json")
    assert json.loads(state.read_text())["metadata"]["counter"]["secondarySuccess"] == str(INSTANCES)
    entries = list(spool.read_all(Workspace(str(tmp_path / "work")).operation(state.stem).spool))
    targets = {entry["provenance"]["target"][0]["identifier"]["value"].rpartition("/")[2] for entry in entries}
    assert targets == whole.keys()
    assert len(entries) == INSTANCES

    filled.destination.clear()
    clean = subprocess.run(command(filled.destination.url, "clean"), capture_output=True, text=True, timeout=300, check=False)
    assert clean.returncode == 0, clean.stderr
    assert filled.destination.contents() == whole
