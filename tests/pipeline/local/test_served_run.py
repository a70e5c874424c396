"""A run that a server starts ends by itself, or with the server."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

import pytest

RUN = [sys.executable, "-m", "pipeline.local.served_run"]


@pytest.fixture
def refused(tmp_path):
    """The words of a run whose source does not exist."""
    return [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]


def test_a_refused_run_ends_with_its_own_code_while_the_server_is_there(refused):
    with subprocess.Popen([*RUN, *refused], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(60) == 2
        assert process.stderr.read().startswith(b"dicom-deid: --source: ")


def test_a_run_ends_with_a_server_that_ignores_interrupts(refused, tmp_path):
    """As one does that a script has started in the background: what it starts inherits that."""
    config = tmp_path / "config.json"
    os.mkfifo(config)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = subprocess.Popen([*RUN, *refused, f"--config={config}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with process, config.open("w") as begun:  # as soon as the run reads it
        begun.write("{")
        begun.flush()
        while fcntl.ioctl(begun, termios.FIONREAD, bytes(4)) != bytes(4):  # then it waits for the rest
            time.sleep(0.05)
        process.stdin.close()
        assert process.wait(120) == 130
        assert process.stderr.read().endswith(b"dicom-deid: interrupted; start the same command again to go on.\n")
