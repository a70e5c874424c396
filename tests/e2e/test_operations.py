"""What a person does with an operation after its run: look at it, run again what failed, take its traces away."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import time

import pytest

from transforms.model.storage import replace
from transforms.model.workspace import Workspace

NAME = "QXWOMBLE"


@pytest.fixture
def source(tmp_path, few):
    """A plan with a name in it, and half a file."""
    folder = tmp_path / "source"
    folder.mkdir()
    content = (few / "rtplan.dcm").read_bytes()
    (folder / "plan.dcm").write_bytes(content.replace(b"Last^First^mid^pre", NAME.encode() + b"^First^pre"))
    assert NAME.encode() in (folder / "plan.dcm").read_bytes()
    (folder / "half.dcm").write_bytes((few / "CT_small.dcm").read_bytes()[:3000])
    return folder


def folder(finished):
    return Workspace(str(finished.workspace)).operation(finished.operation["name"].rpartition("/")[2])


def told(finished, secret):
    """Files of the workspace in which a text stands."""
    return sorted(path.name for path in finished.workspace.rglob("*") if path.is_file() and secret.encode() in path.read_bytes())


def test_an_operation_is_printed_and_what_failed_is_run_again(deidentify, dicom_deid, verb, few, source, tmp_path):
    finished = deidentify(source, tmp_path)
    assert (finished.code, finished.counts["written"], finished.counts["failed"]) == (1, 1, 1), finished.output
    code, output = verb("operation")
    assert (code, json.loads(output)) == (0, finished.operation)
    assert verb("operation", folder(finished).operation_id, "--wait") == (1, output)
    code, output = verb("operation", "none")
    assert (code, "there is no such operation" in output) == (2, True)

    published = finished.published()
    shutil.copy(few / "CT_small.dcm", source / "half.dcm")
    code, output = verb("retry")
    assert code == 0, output
    assert (finished.counts["written"], finished.counts["failed"], finished.outcomes) == (2, 0, [])
    assert published.items() < finished.published().items()
    assert verb("retry") == (0, "nothing failed\n")
    counts = folder(finished).counts_file
    counts.write_text(json.dumps(json.loads(counts.read_text()) | {"rows": 0}))  # as a kill leaves it, before the tables were built
    assert verb("retry")[0] == 0
    assert json.loads(counts.read_text())["rows"] == 3


def test_a_purge_leaves_nothing_of_an_operation_and_everything_of_others(deidentify, verb, few, source, tmp_path):
    apart, uids = tmp_path / "apart" / "first", tmp_path / "uids.csv"
    finished = deidentify(
        source, tmp_path, "--operation_id=first", "--table_files=ndjson", f"--quarantine={apart.parent}", f"--write_uid_map={uids}"
    )
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(few / "MR_small.dcm", other)
    (other / "half.dcm").write_bytes((few / "CT_small.dcm").read_bytes()[:2000])
    assert deidentify(other, tmp_path, "--operation_id=second").code == 1
    published, rows = finished.published(), finished.rows()
    assert {"fhir.sqlite", "provenance.duckdb", "Provenance.ndjson"} <= set(told(finished, NAME))
    assert verb("purge", "first")[0] == 2
    assert verb("purge", "none", "--yes")[0] == 2
    left, uids_left = finished.destination / "2.25.1" / "2.25.2" / "2.25.3.dcm", ["2.25.1", "2.25.2", "2.25.3"]
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left")  # by a run that broke off
    mark = json.dumps(["0" * 16, uids_left, hashlib.sha256(b"left").hexdigest()]).encode()
    replace(Workspace(str(finished.workspace)).operation("first").marks / "batch.ndjson", mark + b"\n")
    moved = apart.rename(tmp_path / "disk")
    apart.symlink_to(moved)
    (apart / "held.dcm").write_bytes(b"held")
    code, output = verb("purge", "first", "--yes")
    assert (code, "--quarantine: some of the held instances cannot be removed" in output) == (2, True), output
    assert not left.exists()
    apart.unlink()
    moved.rename(apart)

    code, output = verb("purge", "first", "--yes")
    assert code == 0, output
    assert "1 held instances, " in output
    assert f"kept: the mapping file {uids}, which says who was who" in output
    assert (apart.exists(), uids.exists()) == (False, True)
    assert told(finished, NAME) == told(finished, str(source)) == []
    assert not [path for path in finished.workspace.rglob("*") if "first" in path.name]
    assert finished.published() == published
    assert finished.provenance() == [one for one in finished.provenance() if one != "operation-first"]
    assert (rows, finished.rows(), len(finished.provenance())) == ((4, 4), (2, 2), 2)
    assert {line["operation"] for line in finished.outcomes} == {"second"}
    with sqlite3.connect(finished.workspace / "fhir.sqlite") as database:
        orphans = "SELECT count(*) FROM search_values WHERE resource NOT IN (SELECT seq FROM resources)"
        assert database.execute(orphans).fetchone() == (0,)
    assert verb("purge", "first", "--yes")[0] == 2

    assert (
        deidentify(source, tmp_path, "--operation_id=first", f"--write_uid_map={uids}").code == 1
    )  # it can be run anew, and finds its files published
    assert (finished.published(), finished.rows()) == (published, rows)


def test_one_of_two_runs_of_an_operation_is_refused_and_the_other_waited_for(dicom_deid, verb, plans, tmp_path):
    places = ["--source", plans, "--destination", tmp_path / "destination", "--workspace", tmp_path / "workspace"]
    command = ["run", *places, "--key_uri", "env:DEID_TEST_KEY", "--operation_id=nightly"]
    runs = [dicom_deid(*command) for _ in range(2)]
    state = tmp_path / "workspace" / "operations" / "nightly.json"
    deadline = time.monotonic() + 120
    while not state.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code, output = verb("operation", "nightly", "--wait")
    assert (code, json.loads(output)["metadata"]["outcomes"]["written"]) == (0, str(len(list(plans.iterdir()))))
    ended = {process.returncode: output for process in runs for output in [process.communicate(timeout=120)[0]]}
    assert sorted(ended) == [0, 2]
    assert "another run is at work in it" in ended[2]


def test_nobody_waits_for_a_run_that_was_killed(dicom_deid, verb, plans, tmp_path):
    places = ["--source", plans, "--destination", tmp_path / "destination", "--workspace", tmp_path / "workspace"]
    process = dicom_deid("run", *places, "--key_uri", "env:DEID_TEST_KEY", "--operation_id=nightly")
    state = tmp_path / "workspace" / "operations" / "nightly.json"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.05)
    code, output = verb("operation", "nightly")
    assert (code, json.loads(output)["done"]) == (0, False)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, output = verb("operation", "nightly", "--wait")
    assert (code, json.loads(output)["done"]) == (3, False)


def test_each_night_does_what_the_nights_before_have_not_done(deidentify, few, source, tmp_path):
    first = deidentify(source, tmp_path, "--operation_id=night-1")
    assert (first.code, first.counts_of("night-1")["written"]) == (1, 1), first.output
    published = first.published()
    shutil.copy(few / "CT_small.dcm", source / "half.dcm")  # what failed is whole now
    shutil.copy(few / "MR_small.dcm", source / "new.dcm")
    second = deidentify(source, tmp_path, "--operation_id=night-2", "--skip_done")
    assert second.code == 0, second.output
    assert second.counts_of("night-2") == {"listed": 3, "written": 2, "held": 0, "failed": 0, "skipped": 1}
    assert {line["code"] for line in second.outcomes if line["operation"] == "night-2"} == {"DONE_BEFORE"}
    assert published.items() < second.published().items()
    assert (len(second.published()), second.rows()) == (3, (5, 5))
    again = deidentify(source, tmp_path, "--operation_id=night-2", "--skip_done")
    assert (again.counts_of("night-2"), again.rows(), again.published()) == (second.counts_of("night-2"), (5, 5), second.published())
