"""What dicomweb-client does for us stays within what our own calls keep to: no redirect, no log, no half answer."""

import contextlib
import http.server
import json
import logging

import pytest
from on_loopback import Answering, listening

from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import StoreError
from transforms.model.quiet import quiet_libraries

UID = "1.2.840.99999.1"
FOUND = [{"0020000D": {"vr": "UI", "Value": [UID]}}]
STUDY = f"studies/{UID}/instances"


@contextlib.contextmanager
def client(*answers, token=None):
    """A client of a store that gives these answers (status, body, headers), its requests, and the seconds that it waited."""
    left, requests, waited = list(answers), [], [0.0]

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self)
            status, body, headers = left.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_DELETE(self):
            self.do_GET()

    def sleep(seconds):
        waited[0] += seconds

    with listening(Handler) as url:
        store = store_at("--source", f"{url}/dicom-web", None)
        yield DicomWebClient(store, token, sleep=sleep, clock=lambda: waited[0], chance=lambda: 0.0), requests, waited
    assert left == []


def test_a_search_says_which_host_and_port_it_means_and_who_asks():
    with client((200, json.dumps(FOUND).encode(), {}), (204, b"", {}), token=lambda fresh: f"swordfish-{fresh}") as (asking, requests, _):
        assert asking.search("studies", {"limit": "3", "offset": "0"}) == FOUND
        assert asking.search(f"studies/{UID}/series/a%2Fb%40c/instances", {"SOPInstanceUID": "1.2"}) == []
        paths = ["/dicom-web/studies?limit=3&offset=0", f"/dicom-web/studies/{UID}/series/a%2Fb%40c/instances?SOPInstanceUID=1.2"]
        assert [one.path for one in requests] == paths
        assert {one.headers["Host"] for one in requests} == {asking.store.url.split("/")[2]}
        assert {one.headers["Authorization"] for one in requests} == {"Bearer swordfish-False"}


@pytest.mark.parametrize("half", [b'[{"0020000D": {"vr', b"[", b"{"])
def test_half_an_answer_is_asked_for_again(half):
    with client((200, half, {}), (200, json.dumps(FOUND).encode(), {})) as (asking, requests, waited):
        assert asking.search(STUDY, {}) == FOUND
        assert (len(requests), waited) == (2, [1.0])


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"null", b"[1]", b'"studies"'])
def test_what_is_no_answer_to_a_search_is_told_at_once(body):
    with client((200, body, {})) as (asking, _, waited):
        with pytest.raises(StoreError, match="the answer is not DICOM JSON"):
            asking.search(STUDY, {})
        assert waited == [0.0]


def test_no_redirect_is_followed():
    with client((302, b"", {"Location": "/elsewhere"})) as (asking, requests, _):
        with pytest.raises(StoreError, match="HTTP 302"):
            asking.search(STUDY, {})
        assert len(requests) == 1


def test_retry_after_and_a_token_that_has_run_out_are_heeded_in_searches_and_deletions():
    renewed = []

    def token(fresh):
        renewed.extend([fresh] * fresh)
        return f"token-{len(renewed)}"

    answers = [(429, b"", {"Retry-After": "41"}), (401, b"", {}), (200, b"[]", {}), (503, b"", {}), (401, b"", {}), (200, b"", {})]
    with client(*answers, token=token) as (asking, requests, waited):
        assert asking.search("studies", {}) == []
        assert waited == [41.0]
        assert asking.delete(f"studies/{UID}/series/{UID}/instances/{UID}")
        assert waited == [42.0]
        expected = ["token-0", "token-0", "token-1", "token-1", "token-1", "token-2"]
        assert [one.headers["Authorization"] for one in requests] == [f"Bearer {name}" for name in expected]


@pytest.mark.parametrize(("status", "gone"), [(204, True), (404, True), (410, True), (405, False), (501, False)])
def test_what_a_store_has_not_is_deleted_and_one_that_cannot_delete_is_known(status, gone):
    with client((status, b"", {})) as (asking, requests, _):
        assert asking.delete(f"studies/{UID}/series/1.3/instances/1.4") is gone
        assert (requests[0].command, requests[0].path) == ("DELETE", f"/dicom-web/studies/{UID}/series/1.3/instances/1.4")


def test_no_uid_and_no_word_of_the_store_is_logged(caplog):
    quiet_libraries()
    said = {"Warning": '299 - "there are more results of DOE^JOHN"'}
    with caplog.at_level(logging.DEBUG), client((200, b"[]", said), (405, b"", {})) as (asking, _, _):
        quiet_libraries()
        asking.search(STUDY, {})
        asking.delete(f"studies/{UID}/series/{UID}/instances/{UID}")
    assert UID not in caplog.text
    assert "DOE" not in caplog.text
