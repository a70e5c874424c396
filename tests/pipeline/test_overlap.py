"""While a run lasts, what it has spooled is delivered already; the graph's writer sends only what is left, and never at the same time."""

import shutil
import sqlite3
import time

import apache_beam as beam
import pytest

from pipeline.delivery import Delivery
from pipeline.local.store_process import running_store
from pipeline.main import main
from pipeline.overlap import following
from transforms.fhir.transform import WriteToFhirStore
from transforms.fhir.turn import turn
from transforms.model import spool
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.records import ShardRef
from transforms.write.destination import Folder


@pytest.fixture
def delivery(workspace):
    with running_store(workspace) as base:
        yield Delivery(LOCAL_FHIR_STORE, f"{base}/v1beta1/{LOCAL_FHIR_STORE}")


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answered(folder):
    return len(list(folder.answered.glob("*")))


def versions(workspace):
    with sqlite3.connect(workspace.fhir_database) as store:
        return [version for (version,) in store.execute("SELECT version FROM resources WHERE type = 'Provenance'")]


def write_rest(delivery, folder, turn_file):
    with beam.Pipeline(runner="FnApiRunner") as p:
        shards = p | beam.Create([]).with_output_types(ShardRef)
        _ = shards | WriteToFhirStore(delivery.url, folder, None, turn_file=turn_file)


def test_shards_are_delivered_as_they_appear_and_the_rest_by_the_graph(delivery, workspace, spool_operation, make_instance, tmp_path):
    turn_file = str(tmp_path / "turn")
    folder = spool_operation("op", [make_instance(1), make_instance(2)])
    with following(delivery, delivery.url, folder, turn_file, poll=0.02):
        until(lambda: answered(folder) == 1)  # nobody has said that the run is over
        assert versions(workspace) == [1, 1]
        spool_operation("op", [make_instance(3)])
        until(lambda: answered(folder) == 2)
    spool_operation("op", [make_instance(4)])
    write_rest(delivery, folder, turn_file)
    assert answered(folder) == 3
    assert versions(workspace) == [1, 1, 1, 1]


def test_a_run_is_followed(workspace, real_file, tmp_path, monkeypatch):
    """Nothing after the first instance is published before its Provenance is in the store."""
    source, publish, published = tmp_path / "in", Folder.put, []
    source.mkdir()
    for name in ("rtplan.dcm", "test-SR.dcm", "rtdose.dcm"):
        shutil.copyfile(real_file(name), source / name)

    def put(destination, target, content):
        if published:
            until(lambda: list(workspace.operations.glob("*/answered/*")))
        publish(destination, target, content)
        published.append(target)

    monkeypatch.setattr(Folder, "put", put)
    monkeypatch.setattr(spool, "MAX_ENTRIES", 1)
    assert main([f"--source={source}", f"--destination={tmp_path / 'out'}", f"--workspace={workspace.root}"]) == 0
    assert len(published) == 3
    assert versions(workspace) == [1] * 4


def test_nothing_is_sent_while_the_graph_has_the_turn(delivery, workspace, spool_operation, make_instance, tmp_path):
    turn_file = str(tmp_path / "turn")
    folder = spool_operation("op", [make_instance(1)])
    with turn(turn_file, wait=True) as ours, following(delivery, delivery.url, folder, turn_file, poll=0.02):
        assert ours
        time.sleep(0.5)
        assert answered(folder) == 0
    assert versions(workspace) == []


def test_shards_of_held_instances_wait(delivery, spool_operation, make_instance, tmp_path):
    folder = spool_operation("op", [make_instance(1)])
    (name,) = {path.stem for path in folder.spool.glob("*.ndjson")}
    for suffix in ("ndjson", "refs"):
        (folder.spool / f"{name}.{suffix}").rename(folder.spool / f"{spool.HELD}{name}.{suffix}")
    with following(delivery, delivery.url, folder, str(tmp_path / "turn"), poll=0.02):
        time.sleep(0.5)
    assert answered(folder) == 0


def test_a_run_that_ends_does_not_wait_for_the_quota(delivery, spool_operation, make_instance, tmp_path):
    slow = Delivery(delivery.name, delivery.url, write_ops_per_minute=6)
    folder = spool_operation("op", [make_instance(number) for number in range(1, 30)])
    with following(slow, slow.url, folder, str(tmp_path / "turn"), poll=0.02) as throttled:
        until(lambda: throttled.seconds > 0)  # and counts what it waits
    assert answered(folder) == 0  # the whole would take five minutes


def test_a_store_that_is_gone_does_not_end_the_run(delivery, spool_operation, make_instance, tmp_path):
    nowhere = Delivery(delivery.name, "http://127.0.0.1:9/fhir")
    folder = spool_operation("op", [make_instance(1)])
    with following(nowhere, nowhere.url, folder, str(tmp_path / "turn"), poll=0.02):
        time.sleep(0.3)
    assert answered(folder) == 0


def test_after_a_fault_that_passes_shards_are_delivered_during_the_run(
    delivery, workspace, spool_operation, make_instance, tmp_path, caplog
):
    folder = spool_operation("op", [make_instance(1)])
    folder.answered.write_text("no folder")  # so that nothing can be written down there
    with following(delivery, delivery.url, folder, str(tmp_path / "turn"), poll=0.02):
        until(lambda: "Provenance is not written during the run for a moment" in caplog.text)
        folder.answered.unlink()
        until(lambda: folder.answered.is_dir() and answered(folder) == 1)
        spool_operation("op", [make_instance(2)])
        until(lambda: answered(folder) == 2)
    assert versions(workspace) == [1, 1]
