"""A run that is killed, at any moment and again and again, and started anew ends as if it had never been killed, whatever the stores.

The proxy in front of them tells a run to come back later, from one request on, and there it is killed.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from pipeline.local.sql import query
from pipeline.local.store_process import running_store
from pipeline.main import main
from transforms.model import gcs, spool
from transforms.model.places import listed, place_of
from transforms.model.storage import create_if_absent, read_bytes, remove_all
from transforms.model.workspace import Workspace
from transforms.write.transform import BATCH

pytestmark = pytest.mark.servers("orthanc", "storage", "mitmproxy")

FEW = 6
MANY = BATCH + 4
"""More than are published at a time."""
CONFIG = '{"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}'
"""No text is inspected, so that a run begins at once."""
LATER = {"fault": "refuse", "status": 503, "headers": {"Retry-After": "60"}}


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """A folder of a few plans, and one of many."""
    folders = few, many = [tmp_path_factory.mktemp(name) for name in ("few", "many")]
    plan = pydicom.dcmread(pydicom.data.get_testdata_file("rtplan.dcm", download=False))
    for number in range(1, MANY + 1):
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        plan.save_as(many / f"{number:03}.dcm")
        if number <= FEW:
            shutil.copy(many / f"{number:03}.dcm", few)
    return folders


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    file = tmp_path_factory.mktemp("key") / "test.key"
    file.write_text("6b" * 32)
    file.chmod(0o600)
    return f"file:{file}"


@pytest.fixture(scope="module")
def fhir(tmp_path_factory):
    """The base URL of the embedded store of a workspace apart."""
    workspace = Workspace(str(tmp_path_factory.mktemp("fhir")))
    workspace.make()
    with running_store(workspace) as base:
        yield f"{base}/v1beta1/projects/p/locations/l/datasets/d/fhirStores"


@pytest.fixture(scope="module")
def forked():
    """The process that forks runs."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("forked.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope="module")
def clean(plans, key, fhir, tmp_path_factory):
    """What runs over few and over many plans leave that nobody kills: the name of each published instance and its bytes."""

    def run(folder):
        place = tmp_path_factory.mktemp("clean")
        assert main([*words(folder, place / "out", place / "work", key), f"--fhir_store={fhir}/clean"]) == 0
        return {path.stem: path.read_bytes() for path in (place / "out").rglob("*.dcm")}

    return [run(folder) for folder in plans]


def words(source, destination, workspace, key):
    places = {"source": source, "destination": destination, "workspace": workspace, "key_uri": key}
    return [*(f"--{name}={at}" for name, at in places.items()), f"--config={CONFIG}", "--allow_identifiable"]


@dataclasses.dataclass
class Case:
    """A run that may be killed, through the proxy."""

    options: list
    workspace: Workspace
    published: Callable[[], dict]
    """The name of each published instance and its bytes."""
    fhir: str
    """Its FHIR store, past the proxy."""
    bring: Callable[[], None]
    """Makes the source what the folder `source` is."""
    hinder: Callable
    """With rules: these requests come no further; without: all do."""
    rules: dict
    """Moment → what hinders it then; nothing: see `another_operation`."""

    @property
    def folder(self):
        (state,) = listed(self.workspace.operations, "*.json")
        return self.workspace.operation(state.stem)

    def counters(self):
        state = json.loads(self.folder.state_file.read_bytes())
        return state["done"], state["metadata"]["counter"]

    def spooled(self):
        return {entry["provenance"]["id"]: entry["provenance"] for entry in spool.read_all(self.folder.spool)}


@pytest.fixture
def case(started, plans, key, fhir, proxy, bucket, tmp_path, monkeypatch):
    """`case(kind)`: few plans from the folder `source` to a bucket, or from a bucket, to which `bring` brings them, to a DICOM store, the
    workspace in a bucket too; or many from a DICOM store to a folder, since no folder tells anybody to come back later.
    """
    archive, store = started["orthanc"].source, started["orthanc"].destination
    few, many = plans
    shutil.copytree(few, tmp_path / "source")
    servers = [archive.url, store.url, fhir, os.environ["STORAGE_EMULATOR_HOST"]]
    from_archive, to_store, told, storage = proxy.before_all(servers)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage)

    def in_folder():
        return {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}

    def in_bucket():
        return {uri.rpartition("/")[2][:-4]: read_bytes(uri) for uri, _ in gcs.matches(f"{bucket}/out/") if uri.endswith(".dcm")}

    def bring():
        remove_all(place_of(f"{bucket}/source"))
        for path in (tmp_path / "source").iterdir():
            create_if_absent(f"{bucket}/source/{path.name}", path.read_bytes())

    def make(kind):
        source, work = tmp_path / "source", f"{bucket}/work"
        loading = [{**LATER, "path": "/upload/", "body": "provenance.duckdb"}]
        if kind == "folder":
            archive.clear()
            for path in many.iterdir():
                archive.put(path.read_bytes())
            work, loading = tmp_path / "work", []
            source, out, published = from_archive, tmp_path / "out", in_folder
            publishing = {"method": "GET", "path": "/instances/1.2.3.", "first": BATCH + 2}
        elif kind == "bucket":
            out, published = f"{bucket}/out", in_bucket
            publishing = {"path": "/upload/", "body": "out/2.25.", "first": 3}
        else:
            store.clear()
            bring()
            source, out, published = f"{bucket}/source", to_store, store.contents
            publishing = {"method": "POST", "path": "/dst/dicomWeb/studies", "first": 3}
        bundle = {"method": "POST", "path": "/fhirStores/", "body": '"batch"'}
        rules = {
            "begin": [{**LATER, "method": "PUT", "path": "/fhirStores/"}],
            "publish": [{**LATER, **publishing}],
            "prove": [{**bundle, "fault": "silent", "times": 1}, {**LATER, **bundle}],
            "load": loading,
        }
        options = [*words(source, out, work, key), f"--fhir_store={told}/{tmp_path.name}", "--direct_num_workers=1"]
        hinder = functools.partial(proxy.before_all, servers)
        return Case(options, Workspace(str(work)), published, f"{fhir}/{tmp_path.name}", bring, hinder, rules)

    return make


def until(condition, log):
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.fixture
def kill(forked, proxy, tmp_path):
    """`kill(case, moment)`: a run begins, and is killed at that moment."""

    def be_killed(case, moment):
        case.hinder(*case.rules[moment])
        log, environment = tmp_path / "log", {"STORAGE_EMULATOR_HOST": os.environ["STORAGE_EMULATOR_HOST"]}
        with contextlib.nullcontext(lambda: proxy.used[-1]) if case.rules[moment] else another_operation(case.workspace) as reached:
            forked.stdin.write(json.dumps({"words": case.options, "environment": environment, "log": str(log)}) + "\n")
            forked.stdin.flush()
            process = int(forked.stdout.readline())
            until(reached, log)
            os.kill(process, signal.SIGKILL)
            assert int(forked.stdout.readline()) == -signal.SIGKILL, log.read_text()
        case.hinder()
        if case.workspace.is_remote:
            case.workspace.lock_file.unlink()  # as a minute later

    return be_killed


@contextlib.contextmanager
def another_operation(workspace):
    """The workspace has another operation, whose spool lets nobody go on who reads it, as who loads the table does; whether one does."""
    workspace.make()
    folder = workspace.operation("another")
    folder.spool.mkdir(parents=True)
    folder.provenance_file.write_text('{"occurredDateTime": "2026-01-02T03:04:05Z"}')
    (folder.spool / "0.refs").touch()
    shard, handles = folder.spool / "0.ndjson", []
    os.mkfifo(shard)

    def is_read():
        with contextlib.suppress(OSError):  # as long as nobody does
            handles.append(os.open(shard, os.O_WRONLY | os.O_NONBLOCK))
        return handles

    yield is_read
    os.close(handles[0])
    shutil.rmtree(folder.root)


@pytest.mark.parametrize("kind", ["folder", "bucket", "store"])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(case, kill, kept, clean, capsys, kind):
    run, whole = case(kind), clean[kind == "folder"]
    for moment in ("begin", "publish", "prove", "load"):
        kill(run, moment)
        half, answered = run.published(), listed(run.folder.answered, "*")
        assert half.items() <= whole.items()
        assert (moment, len(half), len(run.spooled()), len(kept(run.fhir)), bool(answered), run.counters()[0]) in {
            ("begin", 0, 0, 0, False, False),
            ("publish", min(max(len(half), 1), len(whole) - 1), 0, 1, False, False),
            ("prove", len(whole), len(whole), len(whole) + 1, False, False),
            ("load", len(whole), len(whole), len(whole) + 1, True, True),
        }

    capsys.readouterr()
    assert main(run.options) == 0
    assert f"{len(whole)} listed = {len(whole)} written + 0 held" in capsys.readouterr().out
    assert run.published() == whole
    done, counter = run.counters()
    assert (done, counter["success"], counter["secondarySuccess"]) == (True, str(len(whole)), str(len(whole)))
    told = {identity: resource for identity, (_, resource) in kept(run.fhir).items()}
    own = json.loads(run.folder.provenance_file.read_bytes())
    assert told == {**run.spooled(), own["id"]: own}
    assert {one["target"][0]["identifier"]["value"].rpartition("/")[2] for one in run.spooled().values()} == whole.keys()
    assert query(run.workspace, "SELECT COUNT(*), COUNT(DISTINCT id) FROM `p.d.Provenance`")[1] == [(len(whole) + 1, len(whole) + 1)]
    assert listed(run.folder.marks, "*") == []


@pytest.mark.parametrize(("kind", "left"), [("bucket", 0), ("store", 3)])
def test_what_a_killed_run_published_is_taken_back_if_its_source_changed(case, kill, clean, plans, tmp_path, capsys, kind, left):
    """Some are gone, some damaged, some have a second file of their UID by then; this DICOM store has no DELETE."""
    run, whole, source = case(kind), clean[False], tmp_path / "source"
    kill(run, "publish")
    half = run.published()
    assert len(half) == 3
    for number, path in enumerate(sorted(source.iterdir())):
        if number % 3 == 0:
            path.unlink()
        elif number % 3 == 1:
            path.write_bytes(path.read_bytes()[:-100])
        else:
            path.with_suffix(".twin.dcm").write_bytes(path.read_bytes().replace(b"Last^First", b"Last^Fir2t"))
    run.bring()
    capsys.readouterr()
    assert main(run.options) == (3 if left else 1)
    said = capsys.readouterr().out
    assert f"6 listed = 0 written + {FEW // 3 * 2} held + {FEW // 3} failed" in said
    assert (f"without Provenance in the destination: {left} instances" in said) is bool(left)
    assert len(run.published()) == left
    assert bool(listed(run.folder.marks, "*")) is bool(left)

    shutil.rmtree(source)
    shutil.copytree(plans[0], source)
    run.bring()
    assert main(run.options) == 0
    assert f"{FEW} listed = {FEW} written + 0 held" in capsys.readouterr().out
    assert run.published() == whole
    assert listed(run.folder.marks, "*") == []
