"""A job on Dataflow that is over without its last step is told of, and one at work is left alone: Dataflow's API, on loopback."""

import datetime as dt
import json
import threading
import time

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.cli import main as cli
from pipeline.dataflow_job import DataflowJob, job_to_be, own_name
from pipeline.lock import alone, is_held
from pipeline.main import main
from pipeline.operation import Operation
from pipeline.others import require_no_job
from transforms.model.errors import PreflightError
from transforms.model.names import LOCAL_FHIR_STORE, OperationName

START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.fixture
def operation(workspace):
    """One that was launched."""
    launched = Operation(OperationName("op", "source", "destination", LOCAL_FHIR_STORE), workspace)
    launched.begin(START)
    return launched


@pytest.fixture
def wait(workspace, capsys):
    """Exit code of `operation --wait`, the state, and what was said beside it."""

    def ask():
        code = cli(["operation", "--workspace", workspace.root, "--wait"])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return ask


@pytest.mark.parametrize("identity", ["2026-1", ""], ids=["launched by us", "by a Flex Template"])
def test_nobody_waits_for_a_job_that_failed_and_its_operation_says_so(dataflow, operation, wait, identity):
    operation.submitted(DataflowJob("p", "r", "nightly", identity).to_json())
    dataflow.put("2025-9", "nightly", "DONE", "2025-01-01T00:00:00Z")
    dataflow.put("2026-1", "nightly", "FAILED")
    code, state, _ = wait()
    assert (code, state["done"], state["error"]["code"]) == (3, True, 13)
    assert state["error"]["message"].startswith("the job on Dataflow ended before its last step (FAILED)")
    assert not operation.is_submitted
    require_no_job(operation, START)


@pytest.mark.parametrize("identity", ["gone", ""], ids=["deleted", "a template that nobody started"])
def test_a_job_that_dataflow_does_not_know_is_over(dataflow, operation, wait, identity):
    operation.submitted(DataflowJob("p", "r", "nightly", identity).to_json())
    require_no_job(operation, START)
    code, state, _ = wait()
    assert (code, state["done"], state["error"]["code"]) == (3, True, 13)
    assert "(Dataflow knows of no such job)" in state["error"]["message"]
    assert not operation.is_submitted


def test_a_job_that_somebody_cancelled_is_told_as_cancelled(dataflow, operation, wait):
    operation.submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())
    dataflow.put("2026-1", "nightly", "CANCELLED")
    assert wait()[1]["error"]["code"] == 1


def test_who_may_not_ask_for_a_while_hears_of_the_end_all_the_same(dataflow, operation, wait, monkeypatch):
    monkeypatch.setattr("pipeline.operation_verbs.JOB_SECONDS", 0.1)
    operation.submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())
    dataflow.put("2026-1", "nightly", "FAILED")
    dataflow.shut = True
    code, state, said = wait()
    assert (code, state["error"]["code"], said.count("Waiting for its last step all the same.")) == (3, 13, 1)


def test_a_job_at_work_is_not_launched_again_and_not_purged(dataflow, operation, workspace, capsys, tmp_path, key_uri, real_file):
    dataflow.put("2026-1", "nightly", "RUNNING")
    operation.submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())
    (operation.folder.outcomes).mkdir(parents=True)
    (operation.folder.outcomes / "spooled.ndjson").touch()
    places = [f"--source={real_file('rtplan.dcm')}", f"--destination={tmp_path / 'out'}", f"--workspace={workspace.root}"]
    assert main([*places, f"--key_uri={key_uri}", "--operation_id=op"]) == 2
    assert "--workspace: a job on Dataflow is at work for operation op" in capsys.readouterr().err
    assert cli(["purge", "--workspace", workspace.root, "op", "--yes"]) == 2
    assert (operation.folder.outcomes / "spooled.ndjson").exists()


def test_a_flex_template_s_launcher_does_not_take_its_own_job_for_another(dataflow, operation, monkeypatch):
    launched = ["--job_name=nightly", "--template_location=gs://staging/launch"]
    assert own_name(launched) is None  # whoever launches it himself has no job yet
    monkeypatch.setenv("FLEX_TEMPLATE_PYTHON_PY_FILE", "/template/main.py")
    assert own_name(launched[:1]) is None  # nor has who does so in the image
    dataflow.put("2026-1", "nightly", "QUEUED")
    operation.submitted(DataflowJob("p", "r", "nightly", "").to_json())
    with pytest.raises(PreflightError, match="a job on Dataflow is at work"):
        require_no_job(operation, START, "another")
    require_no_job(operation, START, own_name(launched))
    assert not operation.is_submitted


NIGHTS = {number: START + dt.timedelta(days=number) for number in range(3)}
"""A job of one name begins each night."""


def to_be(launched):
    return job_to_be(PipelineOptions([*launched, "--project=p", "--region=r"]), NIGHTS[1])


def test_last_night_s_job_is_not_taken_for_one_that_nobody_could_make(dataflow, operation, wait):
    dataflow.put("2026-0", "nightly", "RUNNING", NIGHTS[0])
    operation.submitted(to_be(["--job_name=nightly"]).to_json())
    assert "(Dataflow knows of no such job)" in wait()[1]["error"]["message"]


def test_a_job_that_was_made_when_its_launcher_died_is_found(dataflow, operation):
    dataflow.put("2026-0", "nightly", "DONE", NIGHTS[0])
    dataflow.put("2026-1", "nightly", "RUNNING", NIGHTS[1] + dt.timedelta(seconds=2))
    operation.submitted(to_be(["--job_name=nightly"]).to_json())
    with pytest.raises(PreflightError, match="a job on Dataflow is at work"):
        require_no_job(operation, START)


def test_a_flex_template_s_job_is_the_one_that_was_there_when_it_was_launched(dataflow, operation, monkeypatch, wait):
    """Not that of another workspace, which took the name when this one's had failed."""
    monkeypatch.setenv("FLEX_TEMPLATE_PYTHON_PY_FILE", "/template/main.py")
    operation.submitted(to_be(["--job_name=nightly", "--template_location=gs://staging/launch"]).to_json())
    dataflow.put("2026-0", "nightly", "DONE", NIGHTS[0])
    dataflow.put("2026-1", "nightly", "FAILED", NIGHTS[1] - dt.timedelta(minutes=4))
    dataflow.put("2026-2", "nightly", "RUNNING", NIGHTS[2])
    assert "(FAILED)" in wait()[1]["error"]["message"]


def test_where_dataflow_does_not_say_nothing_is_begun(dataflow, operation):
    operation.submitted(DataflowJob("closed", "r", "nightly", "2026-1").to_json())
    with pytest.raises(PreflightError, match="Dataflow does not say"):
        require_no_job(operation, START)


def test_a_job_that_is_just_being_submitted_is_not_asked_for(dataflow, operation, workspace):
    """Dataflow knows of none yet, which is no end."""
    operation.submitted(DataflowJob("p", "r", "nightly", "").to_json())
    answer, asked = dataflow.answer, []

    def note(path, body):
        asked.append(is_held(workspace))
        return answer(path, body)

    dataflow.answer = note
    with alone(workspace):
        waiting = threading.Thread(target=cli, args=(["operation", "--workspace", workspace.root, "op", "--wait"],))
        waiting.start()
        time.sleep(3)
    waiting.join(60)
    assert asked == [False]
