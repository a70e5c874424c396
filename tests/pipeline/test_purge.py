"""A purge that is killed leaves an operation that nobody goes on with, and is carried to its end by the next one."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.cli import main as cli
from pipeline.main import main

CONFIG = '{"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}'
"""No text is inspected, so that a run begins at once."""
MANY = 20_000
"""Files that take a while to be removed."""


@pytest.fixture
def run(tmp_path, workspace, key_uri, real_file):
    places = [f"--source={real_file('rtplan.dcm')}", f"--destination={tmp_path / 'out'}", f"--workspace={workspace.root}"]
    return lambda: main([*places, f"--key_uri={key_uri}", f"--config={CONFIG}", "--allow_identifiable", "--operation_id=op"])


@pytest.fixture
def kill(workspace):
    """`kill(reached)`: a purge begins, and is killed when that is so."""

    def be_killed(reached):
        command = [str(Path(sys.executable).with_name("dicom-deid")), "purge", "--workspace", workspace.root, "op", "--yes"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            deadline = time.monotonic() + 200
            while not reached():
                assert process.poll() is None
                assert time.monotonic() < deadline
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL

    return be_killed


def test_a_purge_that_was_killed_is_done_again_and_until_then_nothing_else_is(run, kill, folder, workspace, capsys):
    assert run() == 0
    words = ["--workspace", workspace.root, "--operation", "op"]

    def refused():
        capsys.readouterr()
        assert run() == 2
        assert "a purge of it broke off; start that again" in capsys.readouterr().err
        return [cli([verb, *words]) for verb in ("retry", "replay")] == [2, 2]

    handles = []

    def stores_are_done():  # and the outcomes are read, which nobody writes
        with contextlib.suppress(OSError):
            handles.append(os.open(workspace.outcomes_file, os.O_WRONLY | os.O_NONBLOCK))
        return handles

    workspace.outcomes_file.unlink()
    os.mkfifo(workspace.outcomes_file)
    kill(stores_are_done)
    os.close(handles[0])
    workspace.outcomes_file.unlink()
    assert (folder.state_file.exists(), folder.spool.exists()) == (True, True)
    assert refused()

    for number in range(MANY):
        (folder.answered / f"{number}").touch()
    kill(lambda: sum(1 for _ in folder.answered.glob("*")) < MANY)
    assert Path(folder.root).exists()
    assert refused()

    assert cli(["purge", "--workspace", workspace.root, "op", "--yes"]) == 0
    assert [path.name for path in workspace.operations.iterdir()] == []
    assert run() == 0
