"""A launch for Dataflow whose service is a stand-in: what is submitted runs as it was staged, and is followed to its end from elsewhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main as cli
from pipeline.local.store_process import running_store
from pipeline.main import main
from pipeline.operation import find_operation
from transforms.model import gcs
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.storage import create_if_absent, list_files, replace
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage")


@pytest.fixture(scope="module")
def fhir_server(tmp_path_factory):
    kept = Workspace(str(tmp_path_factory.mktemp("kept")))
    kept.make()
    with running_store(kept) as base:
        yield base


@pytest.fixture
def launch(bucket, real_file, dataflow, fhir_server):
    """`launch(*options)`: the exit code; source, destination, workspace and key are in the bucket."""
    for name in ("CT_small.dcm", "test-SR.dcm"):
        create_if_absent(f"{bucket}/in/{name}", real_file(name).read_bytes())
    create_if_absent(f"{bucket}/keys/deid.key", b"6b" * 32)
    on_dataflow = (
        f"--runner=DataflowRunner --dataflow_endpoint={dataflow.url} --no_auth --project=my-proj --region=us-central1"
        f" --temp_location={bucket}/temp --sdk_container_image=example/image:1"
    ).split()

    def start(*options):
        places = {"source": "in", "destination": "out", "workspace": "ws", "key_uri": "keys/deid.key"}
        words = [f"--{name}={bucket}/{place}" for name, place in places.items()]
        return main([*words, f"--healthcare_endpoint={fhir_server}", *on_dataflow, *options])

    return start


def published(bucket):
    """Names of the files in the destination, the last part of each."""
    return [name.rpartition("/")[2] for name, _ in gcs.matches(f"{bucket}/out/")]


def test_what_was_submitted_runs_as_it_was_staged_and_is_followed_to_its_end(launch, bucket, dataflow, fhir_server, kept, capsys):
    """The launcher is done when the job is submitted; all else is done by workers, with nothing of the launcher but the workspace."""
    assert launch("--max_num_workers=3", "--machine_type=n2-highmem-2") == 0
    assert "is under way on DataflowRunner" in capsys.readouterr().out
    operation = find_operation(Workspace(f"{bucket}/ws"), None)
    assert (operation.is_submitted, operation.state()["done"], operation.counts()) == (True, False, None)
    assert [name for name, _ in list_files(f"{bucket}/ws") if name.endswith("/lock")] == []
    assert published(bucket) == []
    ((identity, job),) = dataflow.jobs.items()
    (pool,) = job.environment.worker_pools
    assert (pool.machine_type, pool.autoscaling_settings.max_num_workers, pool.num_threads_per_worker) == ("n2-highmem-2", 3, 1)
    assert pool.worker_harness_container_image == "example/image:1"
    command = [Path(sys.executable).with_name("dicom-deid"), "operation", "--workspace", f"{bucket}/ws", "--wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        dataflow.work_on(identity)
        state = json.loads(following.communicate(timeout=120)[0])
    assert (following.returncode, state["done"], operation.is_submitted) == (0, True, False)
    assert state["metadata"]["outcomes"] == {"listed": "2", "written": "2", "held": "0", "failed": "0", "skipped": "0"}
    assert state["metadata"]["counter"] | {"secondarySuccess": "2"} == state["metadata"]["counter"]
    assert len(published(bucket)) == 2
    told = kept(f"{fhir_server}/v1beta1/{LOCAL_FHIR_STORE}")
    assert [version for version, _ in told.values()] == ["1"] * 3  # one an instance, one for the operation


def test_a_template_of_a_launch_is_no_job_before_somebody_starts_it(launch, bucket, dataflow, capsys):
    assert launch(f"--template_location={bucket}/templates/nightly") == 0
    assert dataflow.jobs == {}
    capsys.readouterr()
    assert cli(["operation", "--workspace", f"{bucket}/ws", "--wait"]) == 3
    assert "(Dataflow knows of no such job)" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_launcher_that_is_killed_before_it_hears_of_its_job_leaves_it_known(launch, bucket, dataflow, capsys):
    answer, noted = dataflow.answer, []

    def noting(path, body):
        if body:
            noted.append(find_operation(Workspace(f"{bucket}/ws"), None).folder.submitted_file.read_bytes())
        return answer(path, body)

    dataflow.answer = noting
    assert launch() == 0
    replace(find_operation(Workspace(f"{bucket}/ws"), None).folder.submitted_file, noted[0])  # what a kill leaves at that moment
    assert launch() == 2
    assert "a job on Dataflow is at work" in capsys.readouterr().err
    (identity,) = dataflow.jobs
    dataflow.put(identity, dataflow.jobs[identity].name, "CANCELLED")
    assert cli(["operation", "--workspace", f"{bucket}/ws", "--wait"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == 1


def test_a_job_that_is_refused_is_not_waited_for(launch, bucket):
    assert launch("--project=closed") == 3
    assert not find_operation(Workspace(f"{bucket}/ws"), None).is_submitted


def test_a_source_without_files_is_refused_before_the_launch(launch, bucket, capsys):
    assert launch(f"--source={bucket}/nothing") == 2
    assert "no file is there" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_is_told_before_the_launch(launch, bucket, dataflow, capsys):
    for option in ("source", "destination", "workspace", "temp_location", "staging_location"):
        assert launch(f"--{option}=gs://no-such-bucket/x") == 2
        sentences = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dicom-deid: ")]
        assert [sentence.startswith(f"dicom-deid: --{option}") for sentence in sentences] == [True]
    assert list(Workspace(f"{bucket}/ws").operations.glob("*.json")) == []  # no operation has begun
    assert dataflow.jobs == {}
