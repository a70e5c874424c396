"""A gate before a real FHIR store: counts what is written through it, and may harm it on its way there and back."""

import contextlib
import http.server
import json
import sqlite3
import threading

import requests
from on_loopback import listening

from pipeline.local.store_process import running_store
from transforms.model.names import LOCAL_FHIR_STORE

LOST = "lost"
"""What came was done, but the connection ends without an answer."""
AFTER = "after"
"""An entry was done, but its answer says 503."""


class Gate:
    """Stands before the store at `store`, whose file is `database`; callers go to `url`.

    `refuse` makes it answer bundles by this status. `harm(number, ids)` may name what happens to a bundle, the first of them 0:
    LOST, a status for the whole, or `{id: status or AFTER}` by entry. `put_harm` is the same for single PUTs. What is
    refused is not passed on. `token` is what callers have to bring; `turned_away` is called where they do not.
    """

    def __init__(self, store, database):
        self.store, self.database = store, database
        self.refuse = self.harm = self.put_harm = self.token = self.turned_away = None
        self.bundles, self.operations, self.closed = [], 0, 0
        self.lock = threading.Lock()

    @property
    def entries(self):
        """How many entries of bundles have come."""
        return sum(map(len, self.bundles))

    def versions(self):
        """Id to number of versions of every Provenance that the store keeps."""
        query = "SELECT id, version FROM resources WHERE type = 'Provenance' AND content IS NOT NULL"
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return {key: int(version) for key, version in database.execute(query)}

    def pass_on(self, handler):
        """Status and content of the answer to a request; None: no answer."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            self.closed += 1
            if self.turned_away:
                self.turned_away()
            return 401, b"{}"
        harm = None
        if handler.command == "PUT":
            with self.lock:
                harm = self.put_harm(self.operations) if self.put_harm else None
                self.operations += 1
        elif handler.command == "POST" and handler.path.endswith("/fhir"):
            ids = [entry["resource"]["id"] for entry in json.loads(body)["entry"]]
            with self.lock:
                harm = self.refuse or (self.harm(len(self.bundles), ids) if self.harm else None)
                self.bundles.append(ids)
        if isinstance(harm, int):
            return harm, b"{}"
        if isinstance(harm, dict):
            return 200, self._part(handler, json.loads(body), harm)
        answer = self._send(handler, body)
        return None if harm == LOST else (answer.status_code, answer.content)

    def _part(self, handler, bundle, harm):
        """Pass on the entries that are not refused, and put the answers together."""
        entries = bundle["entry"]
        bundle["entry"] = [entry for entry in entries if not isinstance(harm.get(entry["resource"]["id"]), int)]
        answers = iter(self._send(handler, json.dumps(bundle).encode()).json()["entry"])
        told = []
        for entry in entries:
            due = harm.get(entry["resource"]["id"])
            done = None if isinstance(due, int) else next(answers)
            told.append({"response": {"status": str(503 if due == AFTER else due)}} if due else done)
        return json.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": told}).encode()

    def _send(self, handler, body):
        headers = {"Content-Type": handler.headers["Content-Type"]} if body else {}
        return requests.request(handler.command, self.store + handler.path, data=body, headers=headers, timeout=60)


@contextlib.contextmanager
def gated(workspace):
    """A Gate in front of the embedded store of a workspace of its own."""
    with running_store(workspace) as store:
        gate = Gate(store, workspace.fhir_database)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                answer = gate.pass_on(self)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # of a caller who was killed
                    self.wfile.write(answer[1])

            def log_message(self, *args):
                pass

        for method in ("GET", "PUT", "POST", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        with listening(Handler) as url:
            gate.url = f"{url}/v1/{LOCAL_FHIR_STORE}"
            yield gate
