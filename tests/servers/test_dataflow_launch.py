"""A launch for Dataflow up to the submission itself, which is dry: everything before it is real, and the launcher does not wait."""

import json
import threading

import pytest

from pipeline.cli import main as cli
from pipeline.graph import utc_now
from pipeline.local.store_process import running_store
from pipeline.main import main
from pipeline.operation import find_operation
from pipeline.tables import Tables
from transforms.model.storage import create_if_absent, list_files
from transforms.model.workspace import Workspace
from transforms.write.destination import Folder

pytestmark = pytest.mark.servers("storage")


@pytest.fixture
def launch(bucket, real_file, workspace, tmp_path):
    """`launch(*options)`: the exit code; source, destination, workspace and key are in the bucket."""
    create_if_absent(f"{bucket}/in/CT_small.dcm", real_file("CT_small.dcm").read_bytes())
    create_if_absent(f"{bucket}/keys/deid.key", b"6b" * 32)
    dataflow = (
        "--runner=DataflowRunner --dry_run=True --no_auth --project=my-proj --region=us-central1"
        f" --temp_location={bucket}/temp --sdk_container_image=example/image:1"
    ).split()
    with running_store(workspace) as base:

        def start(*options):
            places = {"source": "in", "destination": "out", "workspace": "ws", "key_uri": "keys/deid.key"}
            words = [f"--{name}={bucket}/{place}" for name, place in places.items()]
            return main([*words, f"--healthcare_endpoint={base}", *dataflow, *options])

        yield start


def operation_of(bucket):
    return find_operation(Workspace(f"{bucket}/ws"), None)


def test_the_launcher_is_done_when_the_job_is_submitted(launch, bucket, capsys):
    assert launch() == 0
    assert "is under way on DataflowRunner" in capsys.readouterr().out
    operation = operation_of(bucket)
    assert (operation.is_submitted, operation.state()["done"], operation.counts()) == (True, False, None)
    assert [name for name, _ in list_files(f"{bucket}/ws") if name.endswith("/lock")] == []
    assert operation.folder.provenance_file.exists()


def test_the_operation_is_followed_to_the_end_of_the_job(launch, bucket, capsys):
    """The last step of a graph runs on a worker, with nothing of the launcher but the workspace."""
    assert launch() == 0
    operation = operation_of(bucket)
    pairs = [("listed", 1), ("failed", 1)]
    rest = (pairs, Folder(f"{bucket}/out"), Tables(operation.workspace, None, None), utc_now)
    ending = threading.Timer(1.0, operation.conclude, rest)
    ending.start()
    capsys.readouterr()
    assert cli(["operation", "--workspace", f"{bucket}/ws", "--wait"]) == 1  # its one instance failed
    ending.join()
    state = json.loads(capsys.readouterr().out)
    assert (state["done"], state["metadata"]["outcomes"]["failed"]) == (True, "1")
    assert not operation.is_submitted


def test_a_source_without_files_is_refused_before_the_launch(launch, bucket, capsys):
    assert launch(f"--source={bucket}/nothing") == 2
    assert "no file is there" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_told_before_the_launch(launch, bucket, capsys):
    for option in ("source", "destination", "workspace", "temp_location", "staging_location"):
        assert launch(f"--{option}=gs://no-such-bucket/x") == 2
        sentences = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dicom-deid: ")]
        assert [sentence.startswith(f"dicom-deid: --{option}") for sentence in sentences] == [True]
    assert list(Workspace(f"{bucket}/ws").operations.glob("*.json")) == []  # no operation has begun
