"""The embedded FHIR store in a process of its own beside a run, which so imports nothing of a server."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator

from transforms.model.errors import PreflightError
from transforms.model.workspace import Workspace

_START_SECONDS = 60
_STOP_SECONDS = 10


@contextlib.contextmanager
def running_store(workspace: Workspace, write_ops_per_minute: int | None = None) -> Iterator[str]:
    """The store in a process of its own on a free loopback port; yields its base URL, `http://127.0.0.1:PORT`.

    It is stopped at the end of the block, and stops by itself if this process dies. Raises PreflightError if it does not start.
    """
    command = [sys.executable, "-m", "pipeline.local.serve", "--workspace", workspace.root, "--stop_with_stdin"]
    if write_ops_per_minute is not None:
        command += ["--write_ops_per_minute", str(write_ops_per_minute)]
    process = subprocess.Popen(  # noqa: S603 - our own module, in a session of its own so that Ctrl-C leaves it to us to stop
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield _first_line(process)
    finally:
        _stop(process)


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
    url = process.stdout.readline().decode().strip() if ready else ""
    if not url:
        raise PreflightError("the embedded FHIR store", "it did not start", "see the lines above for the reason")
    return url


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
