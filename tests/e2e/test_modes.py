"""However a run is carried out, killed, repeated or gone on with, the same is in the destination and in the store."""

import os
import shutil
import signal
import time

import pytest

from transforms.model import spool
from transforms.model.workspace import Workspace

SAME = ("--operation_id=modes", "--on_uid_collision=distinct")  # some of the few share a UID
MODES = {
    "processes": ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
    "threads": ("--direct_num_workers=2", "--direct_running_mode=multi_threading"),
    "bundles repeated": ("--direct_runner_bundle_repeat=2",),
}


@pytest.fixture(scope="module")
def plain(deidentify, few, tmp_path_factory):
    finished = deidentify(few, tmp_path_factory.mktemp("plain"), *SAME)
    assert finished.code == 0, finished.output
    assert len(finished.published()) == len(list(few.iterdir()))
    return finished


def told(finished):
    return finished.published(), finished.versions(), finished.rows(), finished.counts, finished.code


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_comes_to_the_same(deidentify, few, tmp_path, plain, mode):
    assert told(deidentify(few, tmp_path, *SAME, *MODES[mode])) == told(plain)


def in_the_middle(dicom_deid, source, folder):
    """A run's process, as soon as it has written two instances."""
    places = ["--source", source, "--destination", folder / "destination", "--workspace", folder / "workspace"]
    process = dicom_deid("run", *places, "--key_uri", "env:DEID_TEST_KEY", *SAME)
    deadline = time.monotonic() + 120
    while len(list((folder / "destination").rglob("*.dcm"))) < 2:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_a_killed_run_started_again_ends_as_if_it_had_not_been(dicom_deid, deidentify, few, tmp_path, plain):
    process = in_the_middle(dicom_deid, few, tmp_path)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    partial = {str(path.relative_to(tmp_path / "destination")) for path in (tmp_path / "destination").rglob("*.dcm")}
    assert 2 <= len(partial) < len(plain.published())
    assert partial <= plain.published().keys()
    again = deidentify(few, tmp_path, *SAME)
    assert told(again) == told(plain)


def test_an_operation_goes_on_where_it_was(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    files = sorted(few.iterdir())
    for path in files[:3]:
        shutil.copy(path, source)
    first = deidentify(source, tmp_path)
    times = first.operation["metadata"]["pixels"]
    spooled = Workspace(str(first.workspace)).operation(first.operation["name"].rpartition("/")[2]).spool
    before = {shard.name for shard in spool.shards(spooled)}
    shutil.copy(files[3], source)
    second = deidentify(source, tmp_path)
    (new,) = {shard.name for shard in spool.shards(spooled)} - before
    assert spool.shard_ref(spooled, new).entries == 1  # finished instances were not done again
    assert second.counts["written"] == 4
    assert len(second.published()) == 4
    assert len(second.provenance()) == 5
    more = second.operation["metadata"]["pixels"]
    assert (times["instances"], more["instances"]) == (3, 4)
    assert sum(more["took"].values()) == 4
    assert all(more["seconds"][kind] > times["seconds"][kind] > 0 for kind in ("decode", "render", "detect"))


def test_broken_files_never_stop_a_run(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    whole = (few / "CT_small.dcm").read_bytes()
    for size in (0, 100, 131, 140, 300, 2000, len(whole) - 1000):
        (source / f"cut{size}.dcm").write_bytes(whole[:size])
    (source / "letter.txt").write_text("no image at all")
    (source / "syntax.dcm").write_bytes(whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0"))
    shutil.copy(few / "MR_small.dcm", source)
    finished = deidentify(source, tmp_path)
    assert finished.code == 1
    assert finished.counts == {
        "listed": 10,
        "written": 1,
        "held": 0,
        "failed": len(finished.outcomes) - finished.counts["skipped"],
        "skipped": finished.counts["skipped"],
    }
    assert "UNKNOWN_TRANSFER_SYNTAX" in {outcome["code"] for outcome in finished.outcomes}
    assert len(finished.published()) == 1


def test_instances_that_share_a_uid(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b"):
        shutil.copy(few / "CT_small.dcm", source / f"{name}.dcm")
    other = bytearray((few / "CT_small.dcm").read_bytes())
    other[-200] ^= 1
    (source / "c.dcm").write_bytes(other)
    held = deidentify(source, tmp_path / "hold")
    assert (held.counts["written"], held.counts["held"], held.counts["skipped"], held.published()) == (0, 2, 1, {})
    assert {(o["outcome"], o["code"]) for o in held.outcomes} == {("held", "UID_COLLISION"), ("skipped", "DUPLICATE")}
    assert len(list((held.workspace / "operations").rglob("quarantine/*.dcm"))) == 2
    distinct = deidentify(source, tmp_path / "distinct", "--on_uid_collision=distinct")
    assert (distinct.counts["written"], distinct.counts["skipped"], distinct.code) == (2, 1, 0)
    assert len(distinct.published()) == 2


def test_a_name_does_not_stand_for_two_requests(deidentify, few, tmp_path):
    first = deidentify(few / "rtplan.dcm", tmp_path / "one", "--operation_id=nightly")
    assert first.code == 0, first.output
    shutil.move(tmp_path / "one" / "workspace", tmp_path / "two" / "workspace")
    second = deidentify(few / "rtplan.dcm", tmp_path / "two", "--operation_id=nightly")
    assert (second.code, second.published()) == (2, {})
    assert "--operation_id" in second.output


def test_an_emptied_destination_does_not_count_as_written(deidentify, few, tmp_path):
    assert deidentify(few / "rtplan.dcm", tmp_path).code == 0
    shutil.rmtree(tmp_path / "destination")
    again = deidentify(few / "rtplan.dcm", tmp_path)
    assert again.code == 2
    assert "--destination" in again.output


def test_an_interrupted_run_says_so_and_goes_on(dicom_deid, deidentify, few, tmp_path, plain):
    process = in_the_middle(dicom_deid, few, tmp_path)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "dicom-deid: interrupted; start the same command again to go on." in output.splitlines()
    assert told(deidentify(few, tmp_path, *SAME)) == told(plain)


def test_a_run_asks_once_for_its_key(deidentify, few, tmp_path, key_services):
    version = "projects/p/secrets/deid/versions/1"
    key_services.secrets[version] = b"5b" * 32
    (tmp_path / "source").mkdir()
    for name in ("rtplan.dcm", "test-SR.dcm"):
        shutil.copyfile(few / name, tmp_path / "source" / name)
    done = deidentify(tmp_path / "source", tmp_path, key=f"secret:{version}")
    assert (done.code, len(done.published()), key_services.calls) == (0, 2, 1), done.output
