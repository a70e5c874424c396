"""Whole runs in processes of their own, over real files; what they leave is looked at from outside."""

import dataclasses
import hashlib
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pydicom
import pytest
from pydicom.data import get_testdata_file

from pipeline.cli import main as cli
from transforms.model.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

import gate as gates

KEY = "5a" * 32
NO_NETWORK = Path(__file__).parent / "only_loopback"
ROOT = Path(__file__).parents[2]


@dataclasses.dataclass
class Finished:
    """One run, after it ended."""

    code: int
    output: str
    destination: Path
    workspace: Path

    @property
    def outcomes(self):
        file = self.workspace / "outcomes.ndjson"
        return [json.loads(line) for line in file.read_text().splitlines()]

    @property
    def operation(self):
        (file,) = (self.workspace / "operations").glob("*.json")
        return json.loads(file.read_text())

    @property
    def counts(self):
        return _numbers(self.operation)

    def counts_of(self, operation_id):
        """Of one of several operations."""
        return _numbers(json.loads((self.workspace / "operations" / f"{operation_id}.json").read_text()))

    def published(self):
        """Relative path → digest of each published file."""
        files = (path for path in self.destination.rglob("*") if path.is_file())
        return {str(path.relative_to(self.destination)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def versions(self):
        """Type, id and current version of everything in the store, in order."""
        with sqlite3.connect(self.workspace / "fhir.sqlite") as database:
            return database.execute("SELECT type, id, version FROM resources ORDER BY type, id").fetchall()

    def rows(self):
        """Rows of the table, and how many different ids they have."""
        with duckdb.connect(str(self.workspace / "provenance.duckdb"), read_only=True) as table:
            return table.execute("SELECT count(*), count(DISTINCT id) FROM Provenance").fetchone()

    def provenance(self):
        """The ids of all Provenance in the store, in order."""
        return [identity for kind, identity, _ in self.versions() if kind == "Provenance"]


def _numbers(operation):
    return {name: int(number) for name, number in operation["metadata"]["outcomes"].items()}


@pytest.fixture(scope="session")
def dicom_deid(tmp_path_factory):
    """Run a command line of dicom-deid in a process group of its own; loopback only, or the audit hook notes it."""
    trace = tmp_path_factory.mktemp("network") / "attempts"

    def start(*arguments, env=None, **options):
        command = [str(Path(sys.executable).with_name("dicom-deid")), *map(str, arguments)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(NO_NETWORK), str(ROOT)]),
            "NETWORK_TRACE": str(trace),
            "DEID_TEST_KEY": KEY,
            **(env or {}),
        }
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options
        )

    start.trace = trace
    return start


@pytest.fixture(scope="session")
def deidentify(dicom_deid):
    """A whole run: `deidentify(source, folder, *options)`; destination and workspace lie in `folder`."""

    def run(source, folder, *options, key="env:DEID_TEST_KEY", env=None):
        destination, workspace = folder / "destination", folder / "workspace"
        places = ["--source", source, "--destination", destination, "--workspace", workspace]
        process = dicom_deid("run", *places, "--key_uri", key, *options, env=env)
        output, _ = process.communicate(timeout=800)
        return Finished(process.returncode, output, destination, workspace)

    return run


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """Everything that pydicom and pydicom-data ship as test files, the broken and the foreign too."""
    folder = tmp_path_factory.mktemp("shipped")
    for package, part in (("pydicom", "data"), ("data_store", "data")):
        origin = Path(importlib.util.find_spec(package).origin).parent / part
        shutil.copytree(origin, folder / package, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.pyc"))
    return folder


@pytest.fixture(scope="session")
def few(tmp_path_factory, shipped):
    """A dozen small files of many kinds."""
    folder = tmp_path_factory.mktemp("few")
    kinds = "CT_small MR_small MR_small_RLE MR_small_bigendian JPEG2000 JPGExtended image_dfl test-SR rtplan rtdose"
    for name in (*kinds.split(), "examples_rgb_color", "SC_rgb_rle_2frame"):
        shutil.copyfile(shipped / "pydicom" / "test_files" / f"{name}.dcm", folder / f"{name}.dcm")
    return folder


@pytest.fixture
def verb(tmp_path, capsys, monkeypatch):
    """`verb(*words)`: exit code and output of another verb of dicom-deid in the workspace of a run in `tmp_path`, in this process."""
    monkeypatch.setenv("DEID_TEST_KEY", KEY)

    def run(word, *words):
        capsys.readouterr()
        try:
            code = cli([word, "--workspace", str(tmp_path / "workspace"), *map(str, words)])
        except SystemExit as refused:
            code = refused.code
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def gate(tmp_path):
    """A Gate before a store outside the run's own workspace."""
    with gates.gated(Workspace(str(tmp_path / "elsewhere"))) as gate:
        yield gate


@pytest.fixture(scope="session")
def plans(tmp_path_factory):
    """120 treatment plans, alike but for their own UIDs."""
    folder, dataset = tmp_path_factory.mktemp("plans"), pydicom.dcmread(get_testdata_file("rtplan.dcm", download=False))
    for number in range(120):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        dataset.save_as(folder / f"{number}.dcm")
    return folder
