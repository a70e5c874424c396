"""One run at a time in a workspace."""

import os
import signal
import subprocess
import sys

import pytest

from pipeline.lock import alone, alone_at, is_held
from transforms.model.errors import PreflightError
from transforms.model.workspace import Workspace

HOLDER = """
import sys, time
from pipeline.lock import alone, alone_at
from transforms.model.workspace import Workspace
workspace = Workspace(sys.argv[1])
with alone_at(sys.argv[2], "op", workspace) if len(sys.argv) > 2 else alone(workspace):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_is_gone_even_killed(workspace):
    assert not is_held(workspace)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, workspace.root], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert is_held(workspace)
    with pytest.raises(PreflightError, match="another run"), alone(workspace):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert not is_held(workspace)
    with alone(workspace):
        assert is_held(workspace)


def test_an_operation_is_run_from_one_workspace_at_a_time_and_leaves_no_file(workspace, tmp_path):
    other, destination = Workspace(str(tmp_path / "other")), tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, other.root, destination], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with (
        pytest.raises(PreflightError, match="--destination: a run of this operation with another"),
        alone_at(str(destination), "op", workspace),
    ):
        pass
    with alone_at(str(destination), "another", workspace):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with alone_at(str(destination), "op", workspace):
        assert [path.name for path in destination.iterdir()] == [".op.lock"]
        with pytest.raises(PreflightError), alone_at(str(destination), "op", other):
            pass
    assert list(destination.iterdir()) == []


def test_where_no_file_can_be_the_destination_is_named(workspace, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(PreflightError, match=r"--destination: it cannot be locked"), alone_at(str(tmp_path / "out"), "op", workspace):
        pass
