"""Whole runs whose store or workers fail: what is in the store in the end is what a clean run leaves there."""

import os
import signal
import time
from pathlib import Path

import pytest
from gate import AFTER, LOST

from transforms.model import spool
from transforms.model.workspace import Workspace

SAME = ("--operation_id=faults",)
TWO = ("--direct_num_workers=2",)  # so that there are two shards
ONE_IN_TWENTY = 20
HARMS = {3: AFTER, 9: 503, 15: 429}


@pytest.fixture(scope="module")
def plain(deidentify, plans, tmp_path_factory):
    finished = deidentify(plans, tmp_path_factory.mktemp("plain"), *SAME)
    assert finished.code == 0, finished.output
    return finished


def folder(workspace):
    return Workspace(str(workspace)).operation("faults")


def begun(dicom_deid, source, tmp_path, *options):
    """A run that is under way."""
    places = ["--source", source, "--destination", tmp_path / "destination", "--workspace", tmp_path / "workspace"]
    return dicom_deid("run", *places, "--key_uri", "env:DEID_TEST_KEY", *SAME, *options)


def wait_for(process, condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_with_one_answer_in_twenty_lost_and_as_many_503_and_429_nothing_is_missing_or_there_twice(deidentify, plans, tmp_path, gate, plain):
    met, done = [], set()

    def harm(number, ids):
        """Of 20 entries one each, the first time they come; the third bundle's answer is lost as a whole, the fifth is refused."""
        if number in (2, 4):
            met.append(LOST if number == 2 else 429)
            return met[-1]
        harmed = {}
        for identity in ids:
            if identity not in done:
                done.add(identity)
                if due := HARMS.get(len(done) % ONE_IN_TWENTY):
                    harmed[identity] = due
        met.extend(harmed.values())
        return harmed

    gate.harm = harm
    gate.put_harm = lambda number: LOST if number == 0 else None
    finished = deidentify(plans, tmp_path, *SAME, "--fhir_store", gate.url, "--fhir_write_ops_per_minute=1200")
    assert finished.code == 0, finished.output
    count = len(list(plans.iterdir()))
    assert [met.count(one) for one in (AFTER, 503)] == [count // ONE_IN_TWENTY] * 2
    assert met.count(429) == count // ONE_IN_TWENTY + 1
    assert met.count(LOST) == 1
    assert gate.entries > count
    assert gate.versions() == dict.fromkeys(plain.provenance(), 1)
    assert list(folder(finished.workspace).dead_letters.glob("*")) == []
    counter = finished.operation["metadata"]["counter"]
    assert (counter["success"], counter["secondarySuccess"], counter["secondaryFailure"]) == (str(count), str(count), "0")


def test_a_run_killed_while_it_writes_to_the_store_sends_only_what_was_not_answered(dicom_deid, deidentify, plans, tmp_path, gate, plain):
    options = ("--fhir_store", gate.url, "--fhir_write_ops_per_minute=1200", *TWO)
    process = begun(dicom_deid, plans, tmp_path, *options)
    answered = folder(tmp_path / "workspace").answered
    wait_for(process, lambda: answered.is_dir() and any(answered.iterdir()))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    spooled = folder(tmp_path / "workspace").spool
    ids = {shard.name: {entry["provenance"]["id"] for entry in spool.read_shard(spooled, shard.name)} for shard in spool.shards(spooled)}
    finished = {path.name for path in answered.iterdir()}
    assert finished < ids.keys()
    known = len(gate.bundles)
    again = deidentify(plans, tmp_path, *SAME, *options)
    assert (again.code, again.published(), again.counts) == (0, plain.published(), plain.counts)
    assert gate.versions() == dict.fromkeys(plain.provenance(), 1)
    assert gate.operations == 1
    sent_again = [identity for bundle in gate.bundles[known:] for identity in bundle]
    assert sorted(sent_again) == sorted(identity for name, found in ids.items() if name not in finished for identity in found)


def test_a_token_that_expires_in_the_middle_is_taken_up_where_it_was_renewed(deidentify, plans, tmp_path, gate, plain):
    file, old, new = tmp_path / "token", "swordfish-0123456789", "trombone-9876543210"
    file.write_text(old)
    gate.token = old

    def expire(number, _ids):
        if number == 0:
            gate.token = new

    gate.harm = expire
    gate.turned_away = lambda: file.write_text(new)  # whoever renews it does so too late for one request
    options = ("--fhir_store", gate.url, "--fhir_token_uri", f"file:{file}", "--fhir_write_ops_per_minute=1800")
    finished = deidentify(plans, tmp_path, *SAME, *options)
    assert finished.code == 0, finished.output
    assert gate.closed >= 1
    assert gate.versions() == dict.fromkeys(plain.provenance(), 1)
    told = [path.read_bytes() for path in finished.workspace.rglob("*") if path.is_file()]
    assert [secret for secret in (old, new) if secret in finished.output or any(secret.encode() in content for content in told)] == []


def children(process):
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        yield from map(int, task.read_text().split())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for the workers among Linux's processes")
def test_a_worker_killed_in_the_middle_ends_the_run_and_the_next_completes_it(dicom_deid, deidentify, plans, tmp_path, plain):
    process = begun(dicom_deid, plans, tmp_path, *TWO, "--direct_running_mode=multi_processing")
    wait_for(process, lambda: len(list((tmp_path / "destination").rglob("*.dcm"))) >= 2)
    shells = [child for child in children(process.pid) if "sdk_worker_main" in Path(f"/proc/{child}/cmdline").read_text()]
    workers = [worker for shell in shells for worker in children(shell)]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 3, output
    assert "the run broke off" in output
    again = deidentify(plans, tmp_path, *SAME)
    assert again.code == 0, again.output
    assert (again.published(), again.versions(), again.rows()) == (plain.published(), plain.versions(), plain.rows())
