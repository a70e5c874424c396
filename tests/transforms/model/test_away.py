"""A DICOM store that is away is waited for, but not by each call anew, and not for longer than it was asked to be waited for."""

import contextlib
import http.server
import json

import pytest
from on_loopback import Answering, listening

from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DEADLINE, DicomWebClient
from transforms.model.errors import StoreError

FULL = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}
STORED = {"00081199": {"vr": "SQ", "Value": [{}]}}


class Server:
    """A store in whose eyes time passes by its client's waiting: away until then, or full; `meanwhile` is called at each wait."""

    def __init__(self):
        self.now, self.away_until, self.full_until, self.asked = 0.0, 0.0, 0.0, 0
        self.meanwhile = lambda: None

    def sleep(self, seconds):
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def client(server):
    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            self.answer(503 if server.now < server.away_until else 200, b"[]")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            server.asked += 1
            self.answer(200, json.dumps(FULL if server.now < server.full_until else STORED).encode())

    with listening(Handler) as url:
        yield DicomWebClient(store_at("--source", url, None), sleep=server.sleep, clock=lambda: server.now, chance=lambda: 0.0)


def asked_in_vain(client, server, times):
    """The seconds that so many searches took, and how often they asked."""
    start, asked = server.now, server.asked
    for _ in range(times):
        with contextlib.suppress(StoreError):
            client.search("studies", {})
    return server.now - start, server.asked - asked


def test_a_store_that_is_away_for_good_is_waited_for_once(client, server):
    server.away_until = float("inf")
    waited, asked = asked_in_vain(client, server, 1)
    assert DEADLINE - 32 <= waited <= DEADLINE
    assert asked > 5
    waited, asked = asked_in_vain(client, server, 100)
    assert (waited < 32, asked < 110) == (True, True)


def test_a_store_that_is_back_is_waited_for_as_before(client, server):
    server.away_until = server.now + 2 * DEADLINE
    asked_in_vain(client, server, 1)
    server.now = server.away_until
    assert client.search("studies", {}) == []
    server.away_until = server.now + DEADLINE / 2
    assert client.search("studies", {}) == []


def test_what_another_call_was_answered_meanwhile_counts(client, server):
    """Of two threads one waits in vain; the other, which is answered while that waits, shows that the store is there."""

    def meanwhile():
        if server.now > DEADLINE / 2:
            server.meanwhile, server.away_until = (lambda: None), 0.0
            assert client.search("studies", {}) == []
            server.away_until = float("inf")

    server.away_until, server.meanwhile = float("inf"), meanwhile
    waited, _ = asked_in_vain(client, server, 1)
    assert waited <= DEADLINE
    waited, _ = asked_in_vain(client, server, 1)
    assert waited > DEADLINE / 4


def test_a_store_without_room_is_waited_for_once(client, server):
    server.full_until = float("inf")
    assert client.put(b"DICM") == (False, "HTTP 200, failure reason A700")
    assert server.now >= DEADLINE - 32
    start = server.now
    assert [client.put(b"DICM").stored for _ in range(100)] == [False] * 100
    assert server.now - start < 32
    server.full_until = server.now
    assert client.put(b"DICM") == (True, "")
