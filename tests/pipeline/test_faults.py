"""Every verb ends in an exit code and a sentence, whatever stops it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DICOM_DEID = str(Path(sys.executable).with_name("dicom-deid"))


@pytest.fixture
def state(workspace):
    """The file of an operation that has begun."""
    file = workspace.operation("op").state_file
    file.parent.mkdir()
    file.write_text("{}")
    return file


@pytest.fixture
def verb(workspace):
    """The words of a verb that reads it."""
    return [DICOM_DEID, "operation", "--workspace", workspace.root, "op"]


def test_a_verb_that_is_interrupted_says_so(verb, state):
    state.unlink()
    os.mkfifo(state)
    reading = subprocess.Popen(verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with state.open("w"):  # as soon as it reads, and until it has ended
        reading.send_signal(signal.SIGINT)
        assert reading.communicate(timeout=120) == ("", "dicom-deid: interrupted; start the same command again to go on.\n")
    assert reading.returncode == 130


def test_a_verb_that_cannot_read_a_file_says_why_without_its_name(verb, state):
    state.unlink()
    state.mkdir()
    done = subprocess.run(verb, capture_output=True, text=True, timeout=60, check=False)
    said = "dicom-deid: a file or folder that it needs cannot be used (Is a directory); mend that, and start again.\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)


def test_a_reader_that_leaves_early_is_no_fault(verb, state):
    done = subprocess.run(["sh", "-c", '"$@" | true', "sh", *verb], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
