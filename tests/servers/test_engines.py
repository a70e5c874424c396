"""The whole graph on engines other than Beam's own: the same files, rows and Provenance, byte for byte; lost workers do no harm.

    python -m pytest tests/servers/test_engines.py -k same --engines_on_demo --timeout 7200

takes the files of the demo in place of a few. All is on a stand-in for Cloud Storage, which workers in whatever process see.
"""

import dataclasses
import json
import re
import runpy
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
import requests
from fhir_servers import INSTALLED
from pydicom.data import get_testdata_file
from worker_pools import WorkerPool

from pipeline.local.store_process import running_store
from transforms.model import gcs
from transforms.model.places import on_this_machine, place_of
from transforms.model.storage import create_if_absent, list_files, read_bytes, remove_all
from transforms.model.workspace import Workspace

NAMES = "MR_small MR_small_RLE SC_rgb_rle_2frame test-SR rtplan".split()
"""Tags only, one frame and several; two share a UID."""
AT_MOST = 3600
"""Seconds that a test of Flink may take: a run has many small steps there, and a machine that has other work draws each out."""
DEMO = Path(__file__).parents[2] / "scripts" / "demo_files.txt"
CLOCKED = re.compile(r'"(recorded|start|end|occurredDateTime|dateTime|lastUpdated)":"[^"]*"')
"""What clocks say: in a resource `recorded`, and `start` and `end` of occurredPeriod or occurredDateTime; in a row also `dateTime` of
`occurred`, and `lastUpdated`. Everything else is a matter of input, config and key (DESIGN 10)."""


@dataclasses.dataclass
class Engine:
    """Runs over the same files at the same places, so that all names and ids are the same too."""

    bucket: str
    folders: Path
    """For the FHIR store of each run."""
    code: int
    """With which a run ends."""
    options: tuple[str, ...] = ()

    def run(self, *options, meanwhile=None, after=((), None)):
        """All that a run left, which then goes; `meanwhile` has its process while it is at work.

        `after`: options of an earlier run, and what has its process.
        """
        kept = Workspace(str(self.folders / secrets.token_hex(4)))
        kept.make()
        with running_store(kept) as base:
            places = [f"--{name}={self.bucket}/{name}" for name in ("source", "destination", "workspace")]
            words = [*places, f"--key_uri={self.bucket}/keys/deid.key", f"--healthcare_endpoint={base}", *self.options, *options]
            command = [str(Path(sys.executable).with_name("dicom-deid")), "run", *words]
            earlier, interfere = after
            if interfere:
                interfere(_started([*command, *earlier]))
            process = _started(command)
            if meanwhile:
                meanwhile(process)
            output, _ = process.communicate(timeout=7000)  # pytest's own limit is the sooner one
            assert process.returncode == self.code, output
        with sqlite3.connect(kept.fhir_database) as store:
            told = store.execute("SELECT type, id, version, content FROM resources ORDER BY type, id").fetchall()
        return unclocked(told), *self._left()

    def published(self):
        """The names of the files in the destination."""
        return [name for name, _ in gcs.matches(f"{self.bucket}/destination/") if name.endswith(".dcm")]

    def state(self):
        """Of the operation."""
        (state,) = Workspace(f"{self.bucket}/workspace").operations.glob("*.json")
        return json.loads(state.read_text())

    def _left(self):
        """Rows, files, counts and outcomes."""
        workspace = Workspace(f"{self.bucket}/workspace")
        counts = self.state()["metadata"]["outcomes"]
        with on_this_machine(workspace.table_database) as file, duckdb.connect(str(file), read_only=True) as table:
            rows = table.execute("SELECT to_json(row) FROM Provenance AS row ORDER BY id").fetchall()
        files = {name: read_bytes(name) for name in self.published()}
        outcomes = sorted(workspace.outcomes_file.read_text().splitlines())
        for name in ("destination", "workspace"):
            remove_all(place_of(f"{self.bucket}/{name}"))
        return unclocked(rows), files, counts, outcomes


def _started(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def unclocked(rows):
    """Texts without what differs from run to run."""
    return [tuple(CLOCKED.sub(r'"\1"', part) if isinstance(part, str) else part for part in row) for row in rows]


@pytest.fixture(scope="module")
def engine(tmp_path_factory, request, started):
    name, folder = f"engines-{secrets.token_hex(6)}", tmp_path_factory.mktemp("engine")
    demo = request.config.getoption("--engines_on_demo")
    sources = [Path(get_testdata_file(f"{name}.dcm", download=False)) for name in NAMES]
    if demo:
        runpy.run_path(str(DEMO.with_name("gather_demo.py")))["gather"](DEMO, folder / "source")
        sources = [path for path in (folder / "source").rglob("*") if path.is_file()]
    with pytest.MonkeyPatch.context() as patched:
        url = started["storage"].fake.url
        patched.setenv("STORAGE_EMULATOR_HOST", url)
        requests.post(f"{url}/storage/v1/b?project=none", json={"name": name}, timeout=10).raise_for_status()
        for number, path in enumerate(sources):
            create_if_absent(f"gs://{name}/source/{number}/{path.name}", path.read_bytes())
        create_if_absent(f"gs://{name}/keys/deid.key", b"5a" * 32)
        yield Engine(f"gs://{name}", folder, 0, ("--on_uid_collision=distinct",)) if demo else Engine(f"gs://{name}", folder, 1)


@pytest.fixture(scope="module")
def plain(engine):
    found = engine.run()
    _, rows, files, counts, _ = found
    assert int(counts["listed"]) == sum(1 for _ in list_files(f"{engine.bucket}/source"))
    assert int(counts["written"]) == len(files) == len(rows) - 1 > 2
    return found


def on(flink, *environment):
    return "--runner=PortableRunner", f"--job_endpoint={flink.endpoint}", *environment


def until(condition, process):
    """Wait for it, while the run goes on."""
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.servers("flink", "storage")
@pytest.mark.timeout(AT_MOST)
def test_flink_comes_to_the_same(engine, plain, flink):
    assert engine.run(*on(flink, "--environment_type=LOOPBACK")) == plain


@pytest.mark.servers("flink", "storage")
@pytest.mark.timeout(AT_MOST)
def test_killed_workers_and_task_managers_change_nothing(engine, plain, flink):
    """Workers are processes of their own, as on a cluster; first they are killed in mid-run, then the task manager that drives them."""
    with WorkerPool() as pool:

        def kill(process):
            until(engine.published, process)
            gone = pool.kill_workers()
            assert gone
            until(lambda: pool.workers() - gone, process)
            flink.kill_worker()
            assert process.poll() is None
            flink.start_worker()

        assert engine.run(*on(flink, *pool.options), meanwhile=kill) == plain


@pytest.mark.servers("flink", "storage")
@pytest.mark.timeout(AT_MOST)
def test_an_interrupted_run_publishes_nothing_more_and_can_be_begun_again(engine, plain, flink):
    """Its workers are on a cluster, where Beam's job server lets the job go on though it was cancelled: it is at work beside the next."""
    with WorkerPool() as pool:

        def interrupt(process):
            until(engine.published, process)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
            assert process.returncode == 130, output
            published = engine.published()
            time.sleep(3)  # in which the others came, and the job's last step, before it looked whose run it is
            assert (engine.published(), engine.state()["error"]["code"]) == (published, 1)  # CANCELLED

        try:
            assert engine.run(after=(on(flink, *pool.options), interrupt)) == plain
        finally:
            flink.cancel()


@pytest.mark.servers("prism", "storage")
def test_prism_comes_to_the_same(engine, plain):
    assert engine.run("--runner=PrismRunner", f"--prism_location={INSTALLED / 'prism' / 'prism'}") == plain
