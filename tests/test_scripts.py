"""Scripts say how they are used before they do anything."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), ([], 2), (["--project"], 2), (["p", "http://e", "x"], 2)])
def test_a_check_of_the_cloud_needs_a_project_and_asks_nobody_without_one(words, code):
    done = subprocess.run(["sh", SCRIPTS / "cloud-check", *words], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == code
    assert (done.stderr if code else done.stdout) == "usage: scripts/cloud-check PROJECT [ENDPOINT]\n"
