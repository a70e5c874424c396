"""At its start a run finds nobody else at work in its workspace, and settles what others that broke off have left in its destination."""

import contextlib
import datetime as dt
import hashlib
import http.server
import json
import shutil
import sqlite3

import pytest
from on_loopback import Answering, listening

from pipeline.cli import main as cli
from pipeline.dataflow_job import DataflowJob
from pipeline.delivery import Delivery
from pipeline.local.store_process import running_store
from pipeline.main import main
from pipeline.operation import Counts, operation_of
from pipeline.others import settle_others
from pipeline.tables import Tables
from transforms.model.errors import InstanceProblem
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.records import InstanceUids
from transforms.model.storage import replace
from transforms.model.workspace import Workspace
from transforms.write.destination import Folder
from transforms.write.marks import doubtful

START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
EMBEDDED = Delivery(LOCAL_FHIR_STORE, None)
UNPROVEN = Counts(listed=1, new=1, proven=1, answered=1, rows=2, unproven=1)


@pytest.fixture
def left(workspace, destination):
    """`left(number, operation, place)`: the operation, whose run broke off when it had published an instance of that number there."""

    def leave(number, operation_id, place=destination.name):
        other, uids = operation_of(workspace, operation_id), InstanceUids("2.25.1", "2.25.2", f"2.25.{number}")
        line = [f"{number:016x}", ["2.25.1", "2.25.2", uids.instance], hashlib.sha256(b"%d" % number).hexdigest()]
        replace(other.folder.marks / "batch.ndjson", json.dumps(line).encode() + b"\n")
        replace(other.folder.destination_file, place.encode())
        replace(other.folder.run_file, b"its run")
        other.begin(START)
        destination.publish(uids, b"%d" % number)
        return other

    return leave


@pytest.fixture
def published(destination, tmp_path):
    return lambda: {path.stem for path in (tmp_path / "out").rglob("*.dcm")}


@pytest.fixture
def tonight(workspace):
    """The operation whose run begins."""
    return operation_of(workspace, "tonight")


@pytest.fixture
def run(tmp_path, workspace, key_uri, real_file):
    """`run(*options)`: the exit code of a run of `tonight` over a plan, into the destination."""
    (tmp_path / "source").mkdir()
    shutil.copyfile(real_file("rtplan.dcm"), tmp_path / "source" / "plan.dcm")
    places = [f"--source={tmp_path / 'source'}", f"--destination={tmp_path / 'out'}", f"--workspace={workspace.root}"]
    return lambda *options: main([*places, f"--key_uri={key_uri}", "--operation_id=tonight", *options])


def test_what_others_published_into_the_same_place_and_never_proved_is_taken_back(tonight, left, destination, published):
    night, elsewhere, mine = left(1, "last-night"), left(2, "elsewhere", f"{destination.name}-2"), left(3, "tonight")
    assert list(settle_others(tonight, destination.name, destination, EMBEDDED, "", lambda: START)) == []
    assert published() == {"2.25.2", "2.25.3"}
    assert (doubtful(night.folder), len(doubtful(elsewhere.folder)), len(doubtful(mine.folder))) == (set(), 1, 1)
    assert not night.folder.run_file.exists()  # whose workers may be at work though nobody knows
    assert elsewhere.folder.run_file.exists()
    assert night.counts() is None


def test_an_operation_that_finished_is_told_how_much_of_its_own_is_left(tonight, left, destination, published):
    class Closed(Folder):
        def withdraw(self, target):
            raise InstanceProblem("write", "CANNOT_WRITE", f"{target} stays")

    night = left(1, "last-night")
    night.keep(UNPROVEN)
    (line,) = settle_others(tonight, destination.name, Closed(destination.name), EMBEDDED, "", lambda: START)
    assert "1 instances of operation last-night" in line
    assert (night.counts(), len(published())) == (UNPROVEN, 1)
    assert list(settle_others(tonight, destination.name, destination, EMBEDDED, "", lambda: START)) == []
    assert (night.counts().unproven, night.counts().reconciled, published()) == (0, True, set())


def spooled(operation, spool_operation, instance, delivery):
    """Its run had spooled the Provenance of the instance, and not sent it, when it broke off."""
    spool_operation(operation.name.operation_id, [instance])
    delivery.save(operation.folder)
    Tables(operation.workspace).save(operation.folder)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_run_that_broke_off_had_spooled_is_sent_to_its_store(
    run, left, spool_operation, make_instance, published, workspace, tmp_path, elsewhere
):
    """The source may be gone: who looked into its store would find nothing of what is published. The store is its own, not tonight's."""
    night = left(1, "last-night")
    spooled(night, spool_operation, make_instance(1), EMBEDDED)
    with running_store(Workspace(str(tmp_path / "other"))) as other:
        assert run(*([f"--fhir_store={other}/v1beta1/{LOCAL_FHIR_STORE}"] if elsewhere else [])) == 0
    assert ("2.25.1" in published(), len(published()), doubtful(night.folder)) == (True, 2, set())
    with contextlib.closing(sqlite3.connect(workspace.fhir_database)) as database:
        told = [json.loads(row[0]) for row in database.execute("SELECT content FROM resources WHERE type = 'Provenance'")]
    names = [one["identifier"]["value"] for resource in told for one in resource["target"]]
    assert sum(name.endswith("instances/2.25.31") for name in names) == 1


def test_where_it_cannot_be_sent_it_stays_marked_and_is_named(tonight, left, spool_operation, make_instance, destination, published):
    class Closed(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(403, b"{}", "application/fhir+json")

    night = left(1, "last-night")
    with listening(Closed) as url:
        spooled(night, spool_operation, make_instance(1), Delivery(f"{url}/fhir", f"{url}/fhir"))
        (line,) = settle_others(tonight, destination.name, destination, EMBEDDED, "", lambda: START)
    assert line.startswith("not in its store yet: Provenance of operation last-night")
    assert ((night.folder.marks / "batch.ndjson").exists(), published()) == (True, {"2.25.1"})


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_what_a_job_left_that_failed_is_settled_by_the_next_run_whichever_it_is(run, left, dataflow, published, state):
    night = left(1, "last-night")
    night.submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())
    dataflow.put("2026-1", "nightly", "RUNNING")
    assert run() == 2
    assert (published(), night.is_submitted) == ({"2.25.1"}, True)
    dataflow.put("2026-1", "nightly", state)
    assert run() == 0
    assert (len(published()), "2.25.1" in published(), night.is_submitted) == (1, False, False)
    assert f"({state})" in night.state()["error"]["message"]


def test_a_run_beside_a_job_is_refused_whatever_their_ids(run, left, dataflow, published, capsys):
    left(1, "last-night").submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())
    dataflow.put("2026-1", "nightly", "RUNNING")
    assert run() == 2
    assert "--workspace: a job on Dataflow is at work for operation last-night" in capsys.readouterr().err
    assert published() == {"2.25.1"}


def test_an_end_that_came_already_is_not_told_anew(left, dataflow, workspace, capsys):
    night = left(1, "last-night")
    night.keep(UNPROVEN)
    night.finish(UNPROVEN, START)
    told = night.state()
    night.submitted(DataflowJob("p", "r", "nightly", "2026-1").to_json())  # by a launcher that was slower than its job
    dataflow.put("2026-1", "nightly", "DONE")
    cli(["operation", "--workspace", workspace.root, "last-night", "--wait"])
    assert (json.loads(capsys.readouterr().out), night.is_submitted) == (told, False)
