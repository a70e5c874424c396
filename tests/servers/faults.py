"""An addon of mitmproxy: harms the requests that the rules in FAULTS_FOLDER/plan.json choose, and notes each in requests.ndjson.

A rule is an object with `fault` and what chooses requests: `method`; a part of the `path`, of the `body`; a bearer token that they do
not have, `unless`; `every`, and the number
`first` of the first one harmed, counted from 0 among the requests so chosen since the plan came; at most `times`. The first rule
that fits is taken. A request goes to the first server whose path its own begins with.
Faults, and what else a rule says for them:
  refuse  answered by us, the server never hears of it: `status`, `headers`
  hide    done by the server, its answer replaced: `status`, `headers`
  silent  done by the server, the connection closed in place of its answer
  cut     done by the server, the connection closed in the middle of its answer
  reset   the same, but reset (RST)
  halve   done by the server, half of its answer passed on as if it were whole
  slow    passed on unharmed after `seconds`
"""

import asyncio
import collections
import json
import os
import socket
import struct
import sys
import threading
from pathlib import Path

from mitmproxy import ctx, http

FOLDER = Path(os.environ["FAULTS_FOLDER"])
RULE = "rule"


class Faults:
    def __init__(self):
        self._plan, self._stamp = {"number": 0, "rules": []}, None
        self._seen, self._used = collections.Counter(), collections.Counter()

    def running(self):
        """Say where we listen, and end with standard input."""
        host, port, *_ = ctx.master.addons.get("proxyserver").listen_addrs()[0]
        print(f"http://{host}:{port}", flush=True)
        loop = asyncio.get_running_loop()
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(ctx.master.shutdown)), daemon=True).start()

    async def request(self, flow):
        self._read_plan()
        rule = self._due(flow.request)
        flow.metadata[RULE] = rule
        with (FOLDER / "requests.ndjson").open("a") as file:
            what = {"plan": self._plan["number"], "method": flow.request.method, "path": flow.request.path, "fault": rule.get("fault")}
            what["rule"] = next((index for index, known in enumerate(self._plan["rules"]) if known is rule), None)
            file.write(json.dumps(what) + "\n")
        host = flow.request.host_header
        server = next(server for path, server in self._plan["upstreams"] if flow.request.path.startswith(path))
        flow.request.host, flow.request.port = server.split(":")[0], int(server.split(":")[1])
        flow.request.host_header = host  # so that links in answers lead here
        if rule.get("fault") == "refuse":
            flow.response = answer(rule)
        elif rule.get("fault") == "slow":
            await asyncio.sleep(rule["seconds"])

    def response(self, flow):
        rule = flow.metadata[RULE]
        fault = rule.get("fault")
        if fault == "hide":
            flow.response = answer(rule)
        elif fault == "silent":
            flow.kill()
        elif fault == "halve":
            flow.response.raw_content = flow.response.raw_content[: len(flow.response.raw_content) // 2]
            flow.response.headers["Content-Length"] = str(len(flow.response.raw_content))
        elif fault in ("cut", "reset"):
            whole = flow.response.raw_content
            flow.response.raw_content = whole[: len(whole) // 2]
            flow.response.headers.pop("Transfer-Encoding", None)
            flow.response.headers["Content-Length"] = str(len(whole))
            flow.response.headers["Connection"] = "close"
            if fault == "reset":
                reset_when_closed(flow.client_conn)

    def _read_plan(self):
        stamp = (FOLDER / "plan.json").stat().st_mtime_ns
        if stamp != self._stamp:
            self._plan, self._stamp = json.loads((FOLDER / "plan.json").read_text()), stamp
            self._seen.clear()
            self._used.clear()

    def _due(self, request):
        chosen = {}
        for index, rule in enumerate(self._plan["rules"]):
            if not is_meant(rule, request):
                continue
            after = self._seen[index] - rule.get("first", 0)
            self._seen[index] += 1
            if not chosen and after >= 0 and after % rule.get("every", 1) == 0 and self._used[index] < rule.get("times", after + 1):
                self._used[index] += 1
                chosen = rule
        return chosen


def is_meant(rule, request):
    fits = rule.get("method", request.method) == request.method and rule.get("path", "") in request.path
    fits = fits and ("unless" not in rule or request.headers.get("Authorization") != f"Bearer {rule['unless']}")
    return fits and rule.get("body", "").encode() in (request.raw_content or b"")


def answer(rule):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "transient"}]}
    headers = {"Content-Type": "application/fhir+json", **rule.get("headers", {})}
    return http.Response.make(rule["status"], json.dumps(outcome), headers)


def reset_when_closed(client):
    """Closing a socket that does not linger sends RST in place of FIN."""
    connection = ctx.master.addons.get("proxyserver").connections[client.id]
    transport = connection.transports[client].writer
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


addons = [Faults()]
