"""What another operation of the same request has written, the table says; one of another key, config or state says nothing."""

import dataclasses
import datetime as dt
import json
import pickle

import pytest

from pipeline.done_before import find_done
from pipeline.local.table import build
from pipeline.operation import Counts, Operation
from pipeline.tables import Tables
from transforms.model.errors import InstanceProblem, OutcomeKind, PreflightError
from transforms.model.keys import KeyReference
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, Asked, OperationName
from transforms.model.records import InstanceRef, InstanceUids
from transforms.write.destination import Folder

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
ASKED = Asked("with this list", "this")
STORES = tuple(f"{LOCAL_DATASET}/dicomStores/{store}" for store in ("aaaa", "bbbb"))


@pytest.fixture
def finished(workspace, spool_operation):
    """A function that makes a finished operation of these instances."""

    def make(name, *instances, asked=ASKED, ended=True):
        spool_operation(name, instances)
        operation = Operation(OperationName(name, *STORES, LOCAL_FHIR_STORE), workspace)
        operation.begin(NOW)
        operation.bind(asked)
        count = len(instances)
        Tables(workspace).save(operation.folder)
        if ended:
            operation.settle(Counts(listed=count, new=count, proven=count, answered=count), Tables(workspace), lambda: NOW)

    return make


@pytest.fixture
def find(workspace, key_uri, tmp_path):
    """A function to what `second` leaves out, loaded from its pickled reference; None if nothing."""
    (tmp_path / "out" / "2.25.1" / "2.25.2").mkdir(parents=True)
    (tmp_path / "out" / "2.25.1" / "2.25.2" / "some.dcm").touch()

    def done(key=key_uri):
        second = Operation(OperationName("second", *STORES, LOCAL_FHIR_STORE), workspace)
        found = find_done(second, Asked("another list", "this"), KeyReference(key), Folder(str(tmp_path / "out")), lambda: NOW)
        return None if found is None else pickle.loads(pickle.dumps(found)).load()

    return done


def instance(number, **ref):
    return InstanceRef("00" * 8, "/elsewhere.dcm", 1, **ref), InstanceUids("1.2.3", "1.2.3.4", f"1.2.3.4.{number}")


def test_what_was_written_is_skipped_and_nothing_else(finished, find, make_instance):
    assert find() is None
    finished("first", make_instance(1), dataclasses.replace(make_instance(2), held="RESIDUAL_TOKEN"))
    finished("third", make_instance(3))
    done = find()
    for number in (1, 3):
        with pytest.raises(InstanceProblem, match="DONE_BEFORE") as skipped:
            done(*instance(number))
        assert skipped.value.kind is OutcomeKind.SKIPPED
    for number in (2, 4):  # held then; never seen
        ref, source = instance(number)
        assert done(ref, source) is ref


@pytest.mark.parametrize("changed", [{"asked": Asked("that", "that")}, {"ended": False}])
def test_another_request_or_one_that_is_not_finished_says_nothing(finished, find, make_instance, changed, workspace):
    finished("first", make_instance(1), **changed)
    build(workspace)
    assert find() is None


def test_another_key_finds_nothing(finished, find, make_instance, tmp_path):
    finished("first", make_instance(1))
    (tmp_path / "other.key").write_text("2a" * 32)
    (tmp_path / "other.key").chmod(0o600)
    ref, source = instance(1)
    assert find(f"file:{tmp_path / 'other.key'}")(ref, source) is ref


def test_where_two_share_the_uids_nobody_knows_which_was_done(finished, find, make_instance):
    finished("first", make_instance(1), dataclasses.replace(make_instance(2), ref=InstanceRef(f"{2:016x}", "/x", 1, distinct="ab")))
    done = find()
    held, source = instance(1, hold="UID_COLLISION")
    assert done(held, source) is held
    apart = done(*instance(1, distinct="cd"))
    assert (apart.hold, apart.distinct) == ("UID_COLLISION", "")
    with pytest.raises(InstanceProblem, match="DONE_BEFORE"):
        done(*instance(2, distinct="ab"))
    assert done(*instance(2, distinct="cd")).distinct == "cd"


def test_counts_that_do_not_reconcile_prove_nothing(finished, find, make_instance, workspace):
    finished("first", make_instance(1))
    file = workspace.operation("first").counts_file
    file.write_text(json.dumps(json.loads(file.read_text()) | {"listed": 2}))
    assert find() is None


def test_an_emptied_destination_is_noticed(finished, find, make_instance, tmp_path):
    finished("first", make_instance(1))
    (tmp_path / "out" / "2.25.1" / "2.25.2" / "some.dcm").unlink()
    with pytest.raises(PreflightError, match="--destination"):
        find()
