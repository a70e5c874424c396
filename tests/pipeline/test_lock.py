"""One run at a time in a workspace."""

import os
import signal
import subprocess
import sys

import pytest

from pipeline.lock import alone, is_held
from transforms.model.errors import PreflightError

HOLDER = """
import sys, time
from pipeline.lock import alone
from transforms.model.workspace import Workspace
with alone(Workspace(sys.argv[1])):
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
