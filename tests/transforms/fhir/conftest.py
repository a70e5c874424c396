"""A FHIR store that misbehaves on demand, over real HTTP; the well-behaved one is the embedded store."""

import contextlib
import http.server
import json
import socket
import struct
import threading

import pytest
from on_loopback import listening

from transforms.fhir.client import FhirClient
from transforms.model import spool

CUT, RESET = "cut", "reset"
"""Ways to answer badly after the work was done."""


class FaultyStore:
    """Keeps what it takes, version by version. `fault`, or `fault(ids, number)`, may name what happens to a request instead:

    a status for the whole, `(status, headers)`, CUT or RESET (taken, but the answer is lost), or by entry `{id: status}` or
    `{id: (status, diagnostics)}`.
    """

    def __init__(self):
        self.versions, self.requests, self.fault = {}, [], None
        self.lock = threading.Lock()

    def current(self):
        return {key: found[-1] for key, found in self.versions.items()}

    def answer(self, bundle):
        entries = bundle["entry"]
        ids = [entry["request"]["url"].removeprefix("Provenance/") for entry in entries]
        with self.lock:
            number = len(self.requests)
            self.requests.append(ids)
            fault = self.fault(ids, number) if callable(self.fault) else self.fault
            if isinstance(fault, int | tuple):
                status, headers = fault if isinstance(fault, tuple) else (fault, {})
                return status, headers, outcome("exception", "DOE^JOHN"), None
            answers = []
            for key, entry in zip(ids, entries, strict=True):
                harm = fault.get(key, 200) if isinstance(fault, dict) else 200
                status, text = harm if isinstance(harm, tuple) else (harm, "DOE^JOHN")
                if status == 200:
                    self.versions.setdefault(key, []).append(entry["resource"])
                    answers.append({"response": {"status": "200 OK"}})
                else:
                    answers.append({"response": {"status": f"{status} No", "outcome": outcome("invalid", text)}})
        return 200, {}, {"resourceType": "Bundle", "type": "batch-response", "entry": answers}, fault if isinstance(fault, str) else None


def outcome(code, text):
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


@contextlib.contextmanager
def serving(answer):
    """An HTTP server on a free loopback port; `answer(handler, body)` does the rest. Yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, *args):
            pass

        def reply(self, status, body, headers=None, lost=None):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            if lost == RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            for key, value in {"Content-Type": "application/fhir+json", "Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if lost == CUT else content)
            self.close_connection = lost == CUT

    for method in ("GET", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass

    with listening(Handler, Server) as url:
        yield url


@pytest.fixture
def http_server():
    """`serving`, for tests that answer by themselves."""
    return serving


@pytest.fixture
def store():
    """A FaultyStore with its `url`."""
    faulty = FaultyStore()

    def answer(handler, body):
        status, headers, content, lost = faulty.answer(json.loads(body))
        handler.reply(status, content, headers, lost)

    with serving(answer) as url:
        faulty.url = url
        yield faulty


@pytest.fixture
def client(store):
    client = FhirClient(store.url)
    yield client
    client.close()


@pytest.fixture
def folder(workspace):
    return workspace.operation("0123456789abcdef")


LOCAL = "projects/local/locations/local/datasets/local"


def provenance(number, text="DOE^JOHN"):
    return {
        "resourceType": "Provenance",
        "id": f"{number:032x}",
        "target": [{"identifier": {"value": f"{LOCAL}/dicomStores/t/dicomWeb/studies/1/series/2/instances/{number}"}}],
        "recorded": "2026-01-01T00:00:00.000Z",
        "agent": [{"who": {"identifier": {"value": f"{LOCAL}/fhirStores/provenance/fhir/Provenance/operation-0"}}}],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"value": f"{LOCAL}/dicomStores/s/dicomWeb/studies/1/series/2/instances/{number}"}},
                "extension": [
                    {
                        "url": "https://g.co/dicom-tags",
                        "extension": [
                            {"url": "tag-id", "valueString": "00100010", "extension": [{"url": "text-original", "valueString": text}]}
                        ],
                    }
                ],
            }
        ],
    }


@pytest.fixture
def spooled(folder):
    """Spool `count` resources in shards of `size`, in the folder of an operation; their references."""

    def fill(count, size=50, first=0, into=folder):
        shards = []
        for start in range(first, first + count, size):
            numbers = range(start, min(start + size, first + count))
            shards += spool.write_entries(into.spool, ((f"{n:016x}", {"provenance": provenance(n)}) for n in numbers))
        return shards

    return fill
