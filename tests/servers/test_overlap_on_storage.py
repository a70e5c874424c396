"""Where workers are not here: the launcher follows the spool on Cloud Storage, and takes turns with the engine's own writer by a lease."""

import subprocess
import sys
import threading
import time

import apache_beam as beam
import pytest
from worker_pools import ON_LOOPBACK, WorkerPool

from pipeline.delivery import Delivery
from pipeline.local.store_process import running_store
from pipeline.operation import find_operation
from pipeline.overlap import following
from transforms.fhir.transform import WriteToFhirStore
from transforms.model import gcs
from transforms.model.lease import leased
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.records import ShardRef
from transforms.model.storage import create_if_absent
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage")

LAUNCHER = ON_LOOPBACK + "from pipeline.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def folder(bucket):
    return Workspace(f"{bucket}/ws").operation("0123456789abcdef")


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_shards_there_are_delivered_as_they_appear_and_the_rest_by_the_engine(folder, spooled, embedded, kept):
    delivery, turn_file = Delivery(LOCAL_FHIR_STORE, embedded), str(folder.turn_file)
    with following(delivery, embedded, folder, turn_file, poll=0.1):
        spooled(20, size=10)
        until(lambda: len(list(folder.answered.glob("*"))) == 2)
    assert not folder.turn_file.exists()
    spooled(30, size=10)
    with beam.Pipeline(runner="FnApiRunner") as p:
        shards = p | beam.Create([]).with_output_types(ShardRef)
        _ = shards | WriteToFhirStore(embedded, folder, None, turn_file=turn_file)
    assert len(list(folder.answered.glob("*"))) == 3
    assert [version for version, _ in kept(embedded).values()] == ["1"] * 30


def test_nothing_is_sent_while_another_machine_has_the_turn(folder, spooled, embedded, kept):
    spooled(10)
    with leased(str(folder.turn_file), 1.5), following(Delivery(LOCAL_FHIR_STORE, embedded), embedded, folder, str(folder.turn_file), 0.1):
        time.sleep(1.0)
    assert kept(embedded) == {}


def test_a_lease_is_waited_for_where_that_is_asked(bucket):
    uri, ended = f"{bucket}/turn", []

    def hold():
        with leased(uri, 1.5):
            time.sleep(3)
            ended.append(time.monotonic())

    holder = threading.Thread(target=hold)
    holder.start()
    until(lambda: gcs.size(uri) is not None)
    with leased(uri, 1.5) as ours:
        assert not ours
    assert not ended
    with leased(uri, 1.5, wait=True) as ours:
        assert ours
        assert ended
    holder.join()
    assert gcs.size(uri) is None


def test_a_run_whose_workers_are_elsewhere_is_followed(bucket, workspace, real_file, kept):
    for name in ("rtplan.dcm", "test-SR.dcm"):
        create_if_absent(f"{bucket}/in/{name}", real_file(name).read_bytes())
    create_if_absent(f"{bucket}/keys/deid.key", b"6b" * 32)
    places = {"source": "in", "destination": "out", "workspace": "ws", "key_uri": "keys/deid.key"}
    words = [f"--{name}={bucket}/{place}" for name, place in places.items()]
    with running_store(workspace) as base, WorkerPool() as pool:
        engine = ["--runner=PortableRunner", "--job_endpoint=embed", *pool.options]
        command = [sys.executable, "-c", LAUNCHER, *words, *engine, f"--healthcare_endpoint={base}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found = kept(f"{base}/v1beta1/{LOCAL_FHIR_STORE}")
    assert [version for version, _ in found.values()] == ["1"] * 3
    operation = find_operation(Workspace(f"{bucket}/ws"), None)
    assert operation.counts().answered == 2
    assert not operation.folder.turn_file.exists()
