"""A Flink cluster of real processes on loopback, with Beam's job server before it; its task managers come and go as a test wants."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

from fhir_servers import HERE, INSTALLED, START_SECONDS, Server
from held import HOST, free_port

JAVA = "java -Xmx512m -XX:MaxDirectMemorySize=512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp".split()
CONFIG = """
jobmanager.rpc.address: {host}
jobmanager.rpc.port: {port}
jobmanager.bind-host: {host}
rest.address: {host}
rest.bind-address: {host}
taskmanager.host: {host}
taskmanager.bind-host: {host}
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: 128m
taskmanager.memory.network.min: 128m
taskmanager.memory.network.max: 128m
taskmanager.memory.jvm-metaspace.size: 128m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
taskmanager.network.sort-shuffle.min-buffers: 16
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 20
restart-strategy.fixed-delay.delay: 1 s
heartbeat.interval: 1000
heartbeat.timeout: 10000
io.tmp.dirs: {folder}
"""


class Flink:
    """A job manager, one task manager to begin with, and the job server."""

    def __init__(self, folder):
        self._folder = folder
        (folder / "flink-conf.yaml").write_text(CONFIG.format(host=HOST, port=free_port(), folder=folder))
        manager = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._manager = self._held(manager, "--configDir", folder, "-D", "rest.port={port}")
        rest = self._manager.url.removeprefix("http://")
        where = ["--flink-master", rest, "--flink-conf-dir", folder, "--job-host", HOST, "--artifacts-dir", folder / "artifacts"]
        ports = ["--job-port", "{port}", "--artifact-port", "0", "--expansion-port", "-1"]
        self._jobs = self._held("org.apache.beam.runners.flink.FlinkJobServerDriver", *where, *ports)
        self._workers = []
        self.start_worker()

    def _java(self, *words):
        return [*JAVA, f"{INSTALLED / 'flink' / 'lib'}/*", *map(str, words)]

    def _held(self, *words):
        return Server([sys.executable, HERE / "held.py", *self._java(*words)], self._folder)

    @property
    def endpoint(self):
        """HOST:PORT of the job server."""
        return self._jobs.url.removeprefix("http://")

    def start_worker(self):
        """One more task manager, ready for work."""
        expected = self._registered() + 1
        words = self._java("org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", self._folder)
        with (self._folder / "worker.log").open("ab") as log:
            self._workers.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=self._folder))
        deadline = time.monotonic() + START_SECONDS
        while self._registered() < expected:
            assert time.monotonic() < deadline, (self._folder / "worker.log").read_text()[-2000:]
            time.sleep(0.2)

    def kill_worker(self):
        """The oldest task manager is gone from one moment to the next; the job manager has noticed."""
        before = self._registered()
        worker = self._workers.pop(0)
        worker.kill()
        worker.wait()
        deadline = time.monotonic() + START_SECONDS
        while self._registered() >= before:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def cancel(self):
        """Every job that has not ended, at Flink itself."""
        for job in self._asked("jobs/overview")["jobs"]:
            if job["state"] in ("RUNNING", "RESTARTING"):
                wanted = urllib.request.Request(f"{self._manager.url}/jobs/{job['jid']}", method="PATCH")
                urllib.request.urlopen(wanted, timeout=30).close()

    def _registered(self):
        return len(self._asked("taskmanagers")["taskmanagers"])

    def _asked(self, path):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self._manager.url}/{path}", timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError:  # 503 while the job manager starts
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def stop(self):
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._jobs.stop()
        self._manager.stop()


def flink(folder):
    """Started; the job server answers when `endpoint` is asked for."""
    return Flink(folder)
