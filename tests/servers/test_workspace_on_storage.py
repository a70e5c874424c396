"""Source, destination and workspace on Cloud Storage: the same result as from a disk, and a lock that a kill does not leave for ever."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from html_tables import Tables

from pipeline.cli import main as cli
from pipeline.local.sql import ask, connected
from pipeline.local.store_process import running_store
from pipeline.lock import alone, alone_at, is_held
from pipeline.main import main
from transforms.model import gcs
from transforms.model.errors import PreflightError
from transforms.model.lease import leased
from transforms.model.places import GcsPath, is_empty, listed, on_this_machine, place_of, scratch, size
from transforms.model.storage import create_if_absent, list_files, move, read_bytes, remove_all
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage")

FILES = ("MR_small.dcm", "CT_small.dcm", "examples_palette.dcm", "README.txt")


@pytest.fixture
def sources(tmp_path, real_file, bucket):
    """The same files in a folder and in a bucket."""
    (tmp_path / "source").mkdir()
    for name in FILES:
        shutil.copyfile(real_file(name), tmp_path / "source" / name)
        create_if_absent(f"{bucket}/source/{name}", (tmp_path / "source" / name).read_bytes())
    return tmp_path / "source", f"{bucket}/source"


@pytest.fixture
def run(tmp_path, key_uri, workspace):
    """`run(source, destination, workspace, *options)`: the exit code of a run that writes to a FHIR store of its own process."""
    with running_store(workspace) as base:
        store = f"--healthcare_endpoint={base}"

        def start(source, destination, root, *options):
            places = {"source": source, "destination": destination, "workspace": root}
            return main([*(f"--{name}={at}" for name, at in places.items()), f"--key_uri={key_uri}", store, *options])

        yield start


def published(folder):
    return {name.removeprefix(f"{folder}/"): read_bytes(name) for name, _ in list_files(str(folder))}


def state(root):
    (file,) = listed(Workspace(root).operations, "*.json")
    return json.loads(file.read_bytes())


def test_buckets_and_folders_give_the_same_and_a_second_run_adds_nothing(run, sources, bucket, tmp_path, capsys):
    folder, objects = sources
    assert run(folder, tmp_path / "out", tmp_path / "work") == 0
    assert run(objects, f"{bucket}/out", f"{bucket}/work", "--table_files=ndjson") == 0
    assert published(f"{bucket}/out") == published(tmp_path / "out")
    assert state(f"{bucket}/work")["metadata"]["outcomes"] == {"listed": "4", "written": "3", "held": "0", "failed": "0", "skipped": "1"}

    before = {name: (size, gcs.read_generation(name).number) for name, size in list_files(f"{bucket}/out")}
    capsys.readouterr()
    assert run(objects, f"{bucket}/out", f"{bucket}/work", "--table_files=ndjson") == 0
    assert "3 written" in capsys.readouterr().out
    assert {name: (size, gcs.read_generation(name).number) for name, size in list_files(f"{bucket}/out")} == before
    assert gcs.size(f"{bucket}/work/lock") is None

    (tmp_path / "count.sql").write_text("SELECT COUNT(*) AS n FROM `p.d.Provenance`")
    assert cli(["query", "--workspace", f"{bucket}/work", "--sql_file", str(tmp_path / "count.sql"), "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["n", "4"]
    assert len(read_bytes(f"{bucket}/work/tables/Provenance.ndjson").splitlines()) == 4

    gcs.remove(f"{bucket}/work/provenance.duckdb")  # as after a run into BigQuery; it is built anew for whoever asks
    pages = []
    for at in (tmp_path / "work", f"{bucket}/work"):
        assert cli(["report", "--workspace", str(at), "--output", str(tmp_path / "report.html"), "--gallery"]) == 0
        pages.append((tmp_path / "report.html").read_text())
    shown, shown_there = (Tables(page).rows for page in pages)
    assert [row[:5] for row in shown_there["instances"]] == [row[:5] for row in shown["instances"]]
    assert shown_there["modalities"] == shown["modalities"]
    assert pages[1].count("data:image/jpeg") == pages[0].count("data:image/jpeg") > 0
    with connected(Workspace(f"{bucket}/work")) as table:  # one fetch for all questions
        gcs.remove(f"{bucket}/work/provenance.duckdb")
        assert [ask(table, "SELECT COUNT(*) FROM p.d.Provenance")[1] for _ in range(2)] == [[(4,)]] * 2

    (reference,) = [json.loads(line)["reference"] for line in read_bytes(f"{bucket}/work/outcomes.ndjson").splitlines()]
    assert cli(["which", "--workspace", f"{bucket}/work", reference]) == 0
    assert capsys.readouterr().out.strip() == f"{objects}/README.txt"


def test_what_is_held_waits_in_the_bucket(run, sources, bucket, tmp_path, real_file):
    source = f"{sources[1]}/twice"
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm")):
        content = real_file(name).read_bytes()
        create_if_absent(f"{source}/{number}.dcm", content)
    changed = bytearray(real_file("CT_small.dcm").read_bytes())
    changed[-200] ^= 1
    create_if_absent(f"{source}/2.dcm", bytes(changed))
    assert run(source, f"{bucket}/out", f"{bucket}/work", f"--quarantine={bucket}/held") == 1
    assert len(published(f"{bucket}/out")) == 1
    operation = Workspace(f"{bucket}/work").operation(state(f"{bucket}/work")["name"].rpartition("/")[2])
    quarantine = place_of(f"{bucket}/held") / operation.operation_id
    held = [place.stem for place in listed(quarantine, "*.dcm")]
    assert [json.loads((quarantine / f"{one}.json").read_text())["reasons"][0]["code"] for one in held] == ["UID_COLLISION"] * 2
    assert len(held) == 2
    assert gcs.size(f"{bucket}/work/deid.key") is None

    assert cli(["release", "--workspace", f"{bucket}/work", held[0], "--by", "Ada Example"]) == 1
    assert len(published(f"{bucket}/out")) == 2
    assert [place.stem for place in listed(quarantine, "*.dcm")] == [held[1]]
    assert cli(["release", "--workspace", f"{bucket}/work", "--all", "--by", "Ada Example"]) == 1  # its UID is taken now
    assert len(published(f"{bucket}/out")) == 2
    assert cli(["purge", "--workspace", f"{bucket}/work", operation.operation_id, "--yes"]) == 0
    assert [name for name, _ in gcs.matches(bucket) if operation.operation_id in name] == []


@pytest.mark.parametrize(
    ("option", "value", "at"),
    [
        ("destination", "{bucket}/source/out", "--destination"),
        ("workspace", "{bucket}/out/work", "--workspace"),
        ("destination", "{bucket}/work/out", "--destination"),
    ],
)
def test_places_are_kept_apart_on_cloud_storage_too(run, sources, bucket, option, value, at, capsys):
    places = {"source": sources[1], "destination": f"{bucket}/out", "workspace": f"{bucket}/work", option: value.format(bucket=bucket)}
    assert run(*places.values()) == 2
    assert capsys.readouterr().err.startswith(f"dicom-deid: {at}: ")


def test_what_a_workspace_there_cannot_have_is_refused_by_name(sources, bucket, key_uri, capsys):
    places = [f"--source={sources[1]}", f"--destination={bucket}/out", f"--workspace={bucket}/work"]
    assert main(places) == 2
    assert "--key_uri: a key is kept in a workspace on this machine only" in capsys.readouterr().err
    assert main([*places, "--key_uri", key_uri]) == 2
    assert "--fhir_store: the embedded FHIR store needs a workspace on this machine" in capsys.readouterr().err
    assert cli(["serve", "--workspace", f"{bucket}/work"]) == 2
    assert "--workspace: only a workspace on this machine" in capsys.readouterr().err
    assert is_empty(place_of(f"{bucket}/work"))


def test_a_destination_that_is_not_there_is_found_before_the_first_instance(run, sources, bucket, tmp_path, capsys):
    assert run(sources[1], f"{bucket}-none/out", tmp_path / "work") == 2
    assert "--destination" in capsys.readouterr().err


HOLDER = """
import sys, time
from pipeline.lock import alone
from transforms.model.workspace import Workspace
with alone(Workspace(sys.argv[1]), 1.5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_there_is_held_while_its_run_lives_and_taken_over_when_it_was_killed(bucket):
    workspace = Workspace(f"{bucket}/work")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, workspace.root], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert is_held(workspace, 1.5)
    with pytest.raises(PreflightError, match="another run"), alone(workspace, 1.5):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert not is_held(workspace, 1.5)
    with alone(workspace, 1.5):
        time.sleep(0.5)
        assert gcs.size(workspace.lock_file.uri) is not None
    assert gcs.size(workspace.lock_file.uri) is None


STALLED = """
import sys, time
from pipeline.lock import alone
from transforms.model.workspace import Workspace
try:
    with alone(Workspace(sys.argv[1]), 3):
        print("held", flush=True)
        time.sleep(120)
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""


@pytest.mark.servers("mitmproxy")
def test_who_cannot_write_his_lock_there_gives_it_up_before_another_takes_it_over(bucket, proxy):
    workspace, direct = Workspace(f"{bucket}/work"), os.environ["STORAGE_EMULATOR_HOST"]
    stalling = {"fault": "slow", "seconds": 60, "method": "POST", "path": "/upload/", "body": "work/lock", "first": 2}
    environment = {**os.environ, "STORAGE_EMULATOR_HOST": proxy.before(direct, stalling)}
    with subprocess.Popen([sys.executable, "-c", STALLED, workspace.root], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout.readline() == b"held\n"
        with leased(workspace.lock_file.uri, 3, wait=True) as ours:
            taken = time.monotonic()
            assert ours
        assert float(holder.communicate(timeout=60)[0]) < taken


def test_a_lock_of_an_operation_there_is_another_workspace_s_until_it_was_killed(bucket):
    mine, other = Workspace(f"{bucket}/work"), Workspace(f"{bucket}/other")
    holding = f'import time; from pipeline.lock import *; w = Workspace("{other.root}")\n'
    holding += f'with alone_at("{bucket}/out", "op", w, 1.5): print("held", flush=True); time.sleep(60)'
    holder = subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(PreflightError, match="--destination: a run of this operation"), alone_at(f"{bucket}/out", "op", mine, 1.5):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with alone_at(f"{bucket}/out", "op", other, 600):  # it knows its own as dead at once
        assert [name for name, _ in gcs.matches(f"{bucket}/out")] == [f"{bucket}/out/.op.lock"]
    assert gcs.size(f"{bucket}/out/.op.lock") is None


def test_places_there_answer_as_paths_do(bucket, tmp_path):
    assert create_if_absent(f"{bucket}/w[1]/a/x.refs", b"one\ntwo")
    folder = place_of(f"{bucket}/w[1]")
    assert isinstance(folder, GcsPath)
    assert listed(folder, "*/*.refs") == [folder / "a" / "x.refs"]
    assert listed(folder, "*.refs") == []
    file = folder / "a" / "x.refs"
    assert (file.name, file.stem, str(file.parent), file.with_suffix(".ndjson").name) == ("x.refs", "x", f"{folder}/a", "x.ndjson")
    assert (file.read_text(), list(file.open("rb")), size(file), file.exists()) == ("one\ntwo", [b"one\n", b"two"], 7, True)
    assert not folder.exists()
    with on_this_machine(file) as copy:
        assert copy.read_bytes() == b"one\ntwo"
    with scratch(folder) as beside:
        (beside / "made").write_bytes(b"made")
        move(beside / "made", folder / "made")
    assert (folder / "made").read_bytes() == b"made"
    with pytest.raises(FileNotFoundError):
        size(folder / "none")
    remove_all(folder / "a")
    assert [name for name, _ in list_files(str(folder / "made"))] == [f"{folder}/made"]
    assert listed(folder, "a/*") == []
    with pytest.raises(FileNotFoundError):
        file.unlink()
    file.unlink(missing_ok=True)
