"""The whole graph on engines other than Beam's own: the same files and the same Provenance, byte for byte; lost workers do no harm.

    python -m pytest tests/servers/test_engines.py -k same --engines_on_demo --timeout 7200

takes the files of the demo in place of a few.
"""

import dataclasses
import hashlib
import json
import os
import runpy
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from fhir_servers import INSTALLED
from pydicom.data import get_testdata_file

NAMES = "MR_small MR_small_RLE SC_rgb_rle_2frame test-SR rtplan".split()
"""Tags only, one frame and several; two share a UID."""
DEMO = Path(__file__).parents[2] / "scripts" / "demo_files.txt"
CLOCKED = ("recorded", "occurredPeriod", "occurredDateTime", "meta")
"""What a clock or a server says; everything else is a matter of input, config and key (DESIGN 10)."""


@dataclasses.dataclass
class Engine:
    """Runs over the same files at the same places, so that all names and ids are the same too."""

    folder: Path
    code: int
    """With which a run ends."""
    options: tuple[str, ...] = ()

    def start(self, *options):
        """A run's process."""
        places = [word for name in ("source", "destination", "workspace") for word in (f"--{name}", str(self.folder / name))]
        command = [
            str(Path(sys.executable).with_name("dicom-deid")),
            "run",
            *places,
            "--key_uri",
            "env:DEID_TEST_KEY",
            *self.options,
            *options,
        ]
        environment = {**os.environ, "DEID_TEST_KEY": "5a" * 32}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, process):
        """All that the run left, which then goes."""
        output, _ = process.communicate(timeout=7000)  # pytest's own limit is the sooner one
        assert process.returncode == self.code, output
        destination, workspace = self.folder / "destination", self.folder / "workspace"
        files = {str(path.relative_to(destination)): hashlib.sha256(path.read_bytes()).hexdigest() for path in destination.rglob("*.dcm")}
        with sqlite3.connect(workspace / "fhir.sqlite") as store:
            told = store.execute("SELECT type, id, content FROM resources ORDER BY type, id").fetchall()
        with duckdb.connect(str(workspace / "provenance.duckdb"), read_only=True) as table:
            rows = table.execute("SELECT id FROM Provenance ORDER BY id").fetchall()
        (state,) = (workspace / "operations").glob("*.json")
        counts = json.loads(state.read_text())["metadata"]["outcomes"]
        outcomes = sorted((workspace / "outcomes.ndjson").read_text().splitlines())
        shutil.rmtree(destination)
        shutil.rmtree(workspace)
        return files, [(kind, name, unclocked(content)) for kind, name, content in told], rows, counts, outcomes

    def run(self, *options):
        """Started and finished."""
        return self.finish(self.start(*options))


def unclocked(content):
    """A resource without what differs from run to run."""
    return {name: value for name, value in json.loads(content).items() if name not in CLOCKED}


@pytest.fixture(scope="module")
def engine(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("engine")
    if request.config.getoption("--engines_on_demo"):
        runpy.run_path(str(DEMO.with_name("gather_demo.py")))["gather"](DEMO, folder / "source")
        return Engine(folder, 0, ("--on_uid_collision=distinct",))
    (folder / "source").mkdir()
    for name in NAMES:
        shutil.copy(get_testdata_file(f"{name}.dcm", download=False), folder / "source")
    return Engine(folder, 1)  # for those that are held


@pytest.fixture(scope="module")
def plain(engine):
    found = engine.run()
    files, _, rows, counts, _ = found
    assert int(counts["listed"]) == sum(path.is_file() for path in (engine.folder / "source").rglob("*"))
    assert int(counts["written"]) == len(files) == len(rows) - 1 > 2
    return found


def on(flink):
    return "--runner=PortableRunner", f"--job_endpoint={flink.endpoint}", "--environment_type=LOOPBACK"


@pytest.mark.servers("flink")
def test_flink_comes_to_the_same(engine, plain, flink):
    assert engine.run(*on(flink)) == plain


@pytest.mark.servers("flink")
def test_a_killed_task_manager_changes_nothing(engine, plain, flink):
    process = engine.start(*on(flink))
    deadline = time.monotonic() + 300
    while not list((engine.folder / "destination").rglob("*.dcm")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    flink.kill_worker()
    assert process.poll() is None
    flink.start_worker()
    assert engine.finish(process) == plain


@pytest.mark.servers("prism")
def test_prism_comes_to_the_same(engine, plain):
    assert engine.run("--runner=PrismRunner", f"--prism_location={INSTALLED / 'prism' / 'prism'}") == plain
