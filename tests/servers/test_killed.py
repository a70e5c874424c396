"""A run that is killed and started again ends as if it had never been killed, in a DICOM store and in a bucket."""

import json
import os
import signal
import subprocess
import sys
import time

import pydicom
import pytest

from pipeline.main import main
from transforms.model import gcs, spool
from transforms.model.storage import create_if_absent, read_bytes
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "storage", "mitmproxy")

INSTANCES = 10
SLOW = {"fault": "slow", "method": "POST", "seconds": 0.7}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Plans in a folder."""
    folder = tmp_path_factory.mktemp("plans")
    plan = pydicom.dcmread(pydicom.data.get_testdata_file("rtplan.dcm", download=False))
    for number in range(INSTANCES):
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        plan.save_as(folder / f"{number}.dcm")
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    file = tmp_path_factory.mktemp("key") / "test.key"
    file.write_text("6b" * 32)
    file.chmod(0o600)
    return f"file:{file}"


def words(source, destination, workspace, key):
    places = {"source": source, "destination": destination, "workspace": workspace, "key_uri": key}
    return [f"--{name}={at}" for name, at in places.items()]


@pytest.fixture(scope="module")
def clean(source, key, tmp_path_factory):
    """What a run leaves that nobody kills: the name of each published instance and its bytes."""
    place = tmp_path_factory.mktemp("clean")
    assert main(words(source, place / "out", place / "work", key)) == 0
    return {path.stem: path.read_bytes() for path in (place / "out").rglob("*.dcm")}


def killed(command, published):
    """Start a run, kill it with all its processes once three instances are published; what is there then."""
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 200
    while len(published()) < 3 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return published()


def check(work, published, half, clean, said):
    """It ends as if it had never been killed."""
    assert 3 <= len(half) < INSTANCES
    assert half.items() <= clean.items()
    assert published() == clean
    assert f"{INSTANCES} listed = {INSTANCES} written + 0 held" in said
    (state,) = (work / "operations").glob("*.json")
    assert json.loads(state.read_text())["metadata"]["counter"]["secondarySuccess"] == str(INSTANCES)
    entries = list(spool.read_all(Workspace(str(work)).operation(state.stem).spool))
    assert sorted(entry["provenance"]["target"][0]["identifier"]["value"].rpartition("/")[2] for entry in entries) == sorted(clean)


def test_from_a_bucket_to_a_dicom_store(source, stores, bucket, proxy, key, clean, tmp_path, capsys):
    for path in source.iterdir():
        create_if_absent(f"{bucket}/source/{path.name}", path.read_bytes())
    slow = proxy.before(stores.destination.url, SLOW)
    options = words(f"{bucket}/source", slow, tmp_path / "work", key)
    half = killed([sys.executable, "-m", "pipeline.main", *options], stores.destination.contents)
    proxy.before(stores.destination.url)
    assert main(options) == 0
    check(tmp_path / "work", stores.destination.contents, half, clean, capsys.readouterr().out)


def test_from_a_folder_to_a_bucket(source, bucket, proxy, key, clean, tmp_path, capsys):
    def names():
        return [uri for uri, _ in gcs.matches(f"{bucket}/out/")]

    def published():
        return {uri.rpartition("/")[2][:-4]: read_bytes(uri) for uri in names() if uri.endswith(".dcm")}  # there is a lock beside them

    options = words(source, f"{bucket}/out", tmp_path / "work", key)
    slow = proxy.before(os.environ["STORAGE_EMULATOR_HOST"], {**SLOW, "path": "/upload/"})
    command = ["env", f"STORAGE_EMULATOR_HOST={slow}", sys.executable, "-m", "pipeline.main", *options]
    half = killed(command, published)
    assert main(options) == 0
    check(tmp_path / "work", published, half, clean, capsys.readouterr().out)
    assert len(names()) == INSTANCES
