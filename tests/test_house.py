"""The house stands as drawn: who imports Beam, how long a module is, what the distribution carries."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for package in ("pipeline", "transforms") for path in (ROOT / package).rglob("*.py"))


def test_only_transform_modules_import_beam_below_transforms():
    importing = {path for path in MODULES if re.search(r"^\s*(import|from) apache_beam", path.read_text(), re.MULTILINE)}
    assert {path.name for path in importing if path.is_relative_to(ROOT / "transforms")} == {"transform.py"}


def test_modules_are_short():
    assert {str(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) >= 400} == {}


@pytest.mark.parametrize("name", ["pipeline", "transforms"])
def test_no_other_distribution_provides_our_packages(name):
    assert set(importlib.metadata.packages_distributions()[name]) == {"dicom-deid"}


def test_the_distribution_carries_its_data_and_nothing_of_the_tests(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "out", "build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, copy]
    subprocess.run([str(word) for word in command], check=True, timeout=120)
    (wheel,) = tmp_path.glob("dicom_deid-*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    data = {
        str(path.relative_to(ROOT))
        for package in ("pipeline", "transforms")
        for path in (ROOT / package).rglob("data/*.*")
        if path.suffix in {".json", ".sql", ".html", ".css", ".js"}
    }
    assert len(data) > 5
    assert data <= carried
    assert not [name for name in carried if name.startswith(("tests/", "scripts/", "templates/"))]


def test_every_pinned_version_is_exact():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert len(lines) > 100
    assert all(re.match(r"^[a-z0-9._-]+==[^ ]+( ; .+)?$", line) for line in lines)


def test_names_wanted_are_names_locked():
    wanted = {
        re.split(r"[\[=# ]", line)[0].replace(".", "-")
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and line[0] != "#"
    }
    locked = {line.split("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert wanted <= locked
