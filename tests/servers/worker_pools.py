"""Processes that start Beam's workers, as there is one on each machine of a cluster; its workers come and go as a test wants."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from held import HOST, free_port

ON_LOOPBACK = "import sys; from pipeline.loopback import listen_on_loopback; listen_on_loopback(); sys.argv[0] = 'x'; "
POOL = ON_LOOPBACK + "from apache_beam.runners.worker.worker_pool_main import main; main(sys.argv)"


class WorkerPool:
    """One such process on loopback, as a context."""

    def __enter__(self):
        port, path = free_port(), os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it starts `python`
        command = [sys.executable, "-c", POOL, f"--service_port={port}"]
        self._pool = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "PATH": path})
        self.options = ("--environment_type=EXTERNAL", f"--environment_config={HOST}:{port}")
        return self

    def __exit__(self, *_):
        self._pool.terminate()
        self._pool.wait()

    def workers(self):
        """The processes in which workers are."""
        threads = Path(f"/proc/{self._pool.pid}/task").glob("*/children")
        return {int(child) for thread in threads for child in thread.read_text().split()}

    def kill_workers(self):
        """They are gone from one moment to the next; which they were."""
        gone = self.workers()
        for worker in gone:
            os.kill(worker, signal.SIGKILL)
        return gone
