"""The long-running operation's file, and the counts that must reconcile."""

import dataclasses
import datetime as dt
import json

import pytest

from pipeline.faults import ExitCode
from pipeline.local.sql import query
from pipeline.main import exit_code
from pipeline.operation import Counts, Operation
from pipeline.operation_row import CANCELLED, operation_row
from pipeline.tables import Tables
from transforms.model.errors import ConfigError, StoreError
from transforms.model.names import LOCAL_FHIR_STORE, Asked, OperationName
from transforms.model.spool import write_entries
from transforms.provenance.operation import operation_provenance
from transforms.write.destination import Folder

START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
LATER = START + dt.timedelta(minutes=5)
NEW = f"{1:016x}"
GOOD = Counts(listed=6, done=1, new=2, held=1, failed=1, skipped=1, proven=3, answered=3, rows=4)


@pytest.fixture
def operation(workspace):
    return Operation(OperationName("abc", "source", "destination", LOCAL_FHIR_STORE), workspace)


def state(operation):
    return json.loads(operation.folder.state_file.read_text())


def test_a_run_is_told_in_the_apis_words(operation):
    operation.begin(START)
    assert state(operation)["name"] == "projects/local/locations/local/datasets/local/operations/abc"
    assert (state(operation)["done"], state(operation)["metadata"]["createTime"]) == (False, "2026-01-02T03:04:05.000Z")
    operation.progress(2, 6)
    assert state(operation)["metadata"]["counter"]["pending"] == "4"
    operation.finish(GOOD, LATER)
    done = state(operation)
    assert done["metadata"]["endTime"] == "2026-01-02T03:09:05.000Z"
    assert done["metadata"]["counter"] == {"pending": "0", "success": "3", "failure": "2", "secondarySuccess": "3", "secondaryFailure": "0"}
    assert done["done"]
    assert "response" in done
    assert "error" not in done


def test_the_same_operation_keeps_its_start_and_a_run_that_adds_nothing_its_end(operation):
    operation.begin(START)
    operation.finish(GOOD, LATER)
    before = operation.folder.state_file.read_bytes()
    assert operation.begin(LATER + dt.timedelta(days=1)) == START
    operation.progress(1, 6)
    operation.finish(GOOD, LATER + dt.timedelta(days=1))
    assert operation.folder.state_file.read_bytes() == before


def test_times_of_pixels_and_waiting_add_up_over_runs_and_stay_through_what_follows(operation):
    operation.begin(START)
    operation.finish(GOOD, LATER)
    times = {
        "instances": 2,
        "seconds": {"decode": 0.1, "detect": 1.5},
        "longest": {"decode": 0.06, "detect": 1.1},
        "took": {"0.1": 0, "1": 2, "more": 0},
        "unread": 4,
    }
    operation.account(times, 7, None)
    operation.account(times, 7, operation.state())
    operation.account(None, 0, None)
    operation.finish(GOOD, LATER + dt.timedelta(days=1))
    assert (state(operation)["metadata"]["pixels"], state(operation)["metadata"]["endTime"]) == (times, "2026-01-02T03:09:05.000Z")
    operation.fail("the run broke off", LATER)
    operation.begin(LATER)
    operation.finish(dataclasses.replace(GOOD, held=0, new=3), LATER)
    one = {"decode": 0.2, "read": 3.0}
    took = {"0.1": 0, "1": 0, "more": 1}
    operation.account({"instances": 1, "seconds": one, "longest": one, "took": took, "unread": 1}, 2, None)
    assert state(operation)["metadata"]["throttledSeconds"] == 9
    assert state(operation)["metadata"]["pixels"] == {
        "instances": 3,
        "seconds": {"decode": 0.3, "detect": 1.5, "read": 3.0},
        "longest": {"decode": 0.2, "detect": 1.1, "read": 3.0},
        "took": {"0.1": 0, "1": 2, "more": 1},
        "unread": 5,
    }
    assert state(operation)["metadata"]["outcomes"]["held"] == "0"


def test_a_broken_run_says_so_and_can_go_on(operation):
    operation.begin(START)
    operation.fail("the run broke off", LATER)
    assert state(operation)["error"] == {"code": 13, "message": "the run broke off"}
    operation.finish(GOOD, LATER)
    assert "error" not in state(operation)


@pytest.mark.parametrize("field", ["listed", "new", "held", "failed", "skipped", "answered", "dead"])
def test_one_instance_too_many_or_too_few_is_noticed(field):
    assert GOOD.reconciled
    for change in (1, -1):
        wrong = dataclasses.replace(GOOD, **{field: getattr(GOOD, field) + change})
        assert not wrong.reconciled
        assert exit_code(wrong) is ExitCode.NOT_RECONCILED


def test_exit_codes():
    clean = Counts(listed=3, new=2, skipped=1, proven=2, answered=2, rows=3)
    assert exit_code(clean) is ExitCode.OK
    assert exit_code(GOOD) is ExitCode.NOT_ALL_PUBLISHED
    assert exit_code(Counts(listed=2, new=2, proven=2, answered=1, dead=1, rows=3)) is ExitCode.NOT_ALL_PUBLISHED


def test_outcomes_of_other_operations_stay(operation, workspace):
    workspace.outcomes_file.write_text('{"operation": "other", "reference": "1"}\n{"operation": "abc", "reference": "old"}\n')
    write_entries(operation.folder.outcomes, [(NEW, {"outcome": "failed", "stage": "read", "code": "TRUNCATED", "sentence": "s"})])
    operation.conclude([("listed", 1), ("failed", 1)], Folder(f"{workspace.root}-out"), Tables(workspace), lambda: START)
    lines = [json.loads(line) for line in workspace.outcomes_file.read_text().splitlines()]
    assert [(line["operation"], line["reference"]) for line in lines] == [("other", "1"), ("abc", NEW)]
    assert operation.counts() == Counts(listed=1, failed=1)
    operation.clear()
    assert operation.counts() is None


def test_a_run_that_goes_on_after_a_failure_is_under_way(operation):
    operation.begin(START)
    operation.fail("the run broke off", LATER)
    assert operation.begin(LATER) == START
    operation.progress(1, 6)
    assert (state(operation)["done"], state(operation)["metadata"]["counter"]["pending"]) == (False, "5")
    assert "error" not in state(operation)


def test_a_name_stands_for_one_request(operation):
    operation.hold_to(Asked("something", "some"))
    operation.bind(Asked("this", "some"))
    operation.hold_to(Asked("this", "some"))
    with pytest.raises(ConfigError, match="operation_id"):
        operation.hold_to(Asked("that", "some"))


def test_where_held_instances_are_told_each_must_be():
    counts = Counts(listed=3, new=2, held=1, proven=3, answered=3, held_too=True, rows=4)
    assert counts.reconciled
    assert not dataclasses.replace(counts, proven=2, answered=2).reconciled
    assert dataclasses.replace(counts, proven=2, answered=2, rows=3, held_too=False).reconciled
    assert not dataclasses.replace(counts, rows=3).reconciled
    assert dataclasses.replace(counts, rows=3, refused_rows=1).reconciled


def test_the_table_of_operations_tells_what_its_files_tell(operation, workspace):
    assert operation_row(operation.folder) is None
    made = operation_provenance(operation.name, '{"dicom": {}}', START, START)
    operation.folder.provenance_file.parent.mkdir(parents=True)
    operation.folder.provenance_file.write_text(json.dumps(made))
    operation.begin(START)
    assert operation_row(operation.folder)["state"] == "RUNNING"
    write_entries(operation.folder.outcomes, [(NEW, {"outcome": "failed", "stage": "read", "code": "TRUNCATED", "sentence": "s"})])
    operation.conclude([("listed", 1), ("failed", 1)], Folder(f"{workspace.root}-out"), Tables(workspace), lambda: LATER)
    expected = {
        "id": "operation-abc",
        "name": "projects/local/locations/local/datasets/local/operations/abc",
        "source": "source",
        "destination": "destination",
        "config": '{"dicom": {}}',
        "state": "DONE",
        "startTime": "2026-01-02T03:04:05.000Z",
        "endTime": "2026-01-02T03:09:05.000Z",
        **dict.fromkeys(("held", "skipped", "proven", "answered", "written", "deadLetters", "refusedRows"), 0),
        **dict.fromkeys(("listed", "failed"), 1),
        "outcomes": [{"outcome": "failed", "stage": "read", "code": "TRUNCATED", "instances": 1}],
    }
    assert operation_row(operation.folder) == expected
    assert operation.counts() == Counts(listed=1, failed=1, rows=1)
    told = "SELECT Seconds, Listed, Outcomes[OFFSET(0)].code FROM P.D.ProvenanceOperations WHERE State = 'DONE'"
    assert query(workspace, told)[1] == [(300.0, 1, "TRUNCATED")]
    operation.fail("interrupted", LATER, CANCELLED)
    assert (operation_row(operation.folder)["state"], operation_row(operation.folder)["error"]) == ("CANCELLED", "interrupted")


def test_what_is_in_other_hands_is_not_taken_for_killed(operation):
    operation.begin(START)
    assert not operation.is_elsewhere
    operation.submitted(b"{}")
    assert operation.is_elsewhere
    operation.clear()
    assert not operation.is_elsewhere
    operation.folder.request_file.write_text("{}")  # as a server keeps it until it has run it
    assert operation.is_elsewhere


def test_an_end_that_breaks_off_leaves_no_counts(operation):
    """Else its exit code and a retry would take it for done, though its tables do not tell of it."""

    class Broken(Tables):
        def update(self, folder, clock):
            assert folder.counts_file.exists()
            assert clock() == START
            raise StoreError("the table", "it is away", "start again")

    operation.begin(START)
    with pytest.raises(StoreError):
        operation.conclude(
            [("listed", 1), ("failed", 1)], Folder(f"{operation.workspace.root}-out"), Broken(operation.workspace), lambda: START
        )
    assert operation.counts() is None
