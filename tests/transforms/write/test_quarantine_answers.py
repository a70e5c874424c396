"""A store's word that it has a held instance is not taken: what stands there is looked at, and what is not the instance leaves it."""

import hashlib
import http.server
import json
import types

import pytest
from on_loopback import Answering, listening

from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import InstanceProblem
from transforms.model.records import InstanceUids
from transforms.write import quarantine
from transforms.write.quarantine import FolderQuarantine, StoreQuarantine

UIDS = InstanceUids("1.2", "1.2.3", "1.2.3.4")
HEAD = bytes(128) + b"DICM"
CONTENT, CHANGED = HEAD + b" of ours", HEAD + b" of the store"
ONE, TWO = "1" * 16, "2" * 16
SAID = {"reasons": [{"code": "RESIDUAL_TEXT"}]}
WARNING = {"00081196": {"vr": "US", "Value": [0xB000]}}


@pytest.fixture
def server():
    """What the store `kept`, what it `makes` of what it is given (None: nothing), whether it `warns`, `deletes`, and is `closed` to us."""
    return types.SimpleNamespace(kept={}, makes=lambda content: content, warns=False, deletes=True, closed=False)


@pytest.fixture
def held(server, tmp_path, monkeypatch):
    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = server.kept.get(self.path.removeprefix("/pacs/"))
            part = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + (content or b"") + b"\r\n--b--"
            self.answer(403 if server.closed else 200 if content else 404, part, 'multipart/related; type="application/dicom"; boundary=b')

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if (made := server.makes(body[body.index(HEAD) : body.rindex(b"\r\n--")])) is not None:
                server.kept[UIDS.path] = made
            stored = {"00081155": {"vr": "UI", "Value": [UIDS.instance]}, **(WARNING if server.warns else {})}
            said = {"00081199": {"vr": "SQ", "Value": [stored]}}
            self.answer(202 if server.warns else 200, json.dumps(said).encode(), "application/dicom+json")

        def do_DELETE(self):
            if server.deletes:
                server.kept.pop(self.path.removeprefix("/pacs/"))
            self.answer(200 if server.deletes else 405, b"{}")

    now = [0.0]
    with listening(Handler) as url:
        store = store_at("--quarantine", f"{url}/pacs", None)
        client = DicomWebClient(store, sleep=lambda seconds: now.append(now[-1] + seconds), clock=lambda: now[-1])
        monkeypatch.setattr(quarantine, "client_of", lambda _: client)
        yield StoreQuarantine(store, FolderQuarantine(str(tmp_path / "beside")))


def said_of(held, reference=ONE):
    return json.loads(held.beside.reasons(reference).read_bytes())


def known(content):
    return {"path": UIDS.path, "sha256": hashlib.sha256(content).hexdigest()}


def test_what_the_store_has_is_not_kept_twice(held, server):
    held.keep(ONE, UIDS, CONTENT, SAID)
    assert (server.kept, held.beside.waiting()) == ({UIDS.path: CONTENT}, set())
    assert said_of(held) == SAID | known(CONTENT) | {"store": held.store.name}
    assert held.content(ONE) == CONTENT
    assert held.clear() == []
    assert server.kept == {}


@pytest.mark.parametrize("made", [None, CHANGED])
@pytest.mark.parametrize("warns", [False, True])
def test_what_the_store_lost_or_changed_is_kept_beside_it(held, server, made, warns):
    held.keep(ONE, UIDS, CONTENT, SAID)  # of an earlier run, when the store did as it said
    server.kept.clear()
    server.makes, server.warns = (lambda _: made), warns
    for _ in range(2):  # a run, and the same again
        held.keep(ONE, UIDS, CONTENT, SAID)
        assert (server.kept, said_of(held)) == ({}, SAID)
        assert held.content(ONE) == CONTENT


@pytest.mark.parametrize("warns", [False, True])
def test_what_a_store_that_cannot_delete_made_of_it_stays_known(held, server, warns):
    server.makes, server.warns, server.deletes = (lambda _: CHANGED), warns, False
    for _ in range(2):
        held.keep(ONE, UIDS, CONTENT, SAID)
        assert held.content(ONE) == CONTENT
        assert said_of(held).items() >= (SAID | known(CHANGED)).items()
    held.remove(ONE)
    assert (held.waiting(), held.beside.waiting()) == (set(), set())
    assert held.clear() == [UIDS.path]
    assert server.kept == {UIDS.path: CHANGED}


def test_it_leaves_the_store_as_soon_as_that_can_delete(held, server):
    server.makes, server.deletes = (lambda _: CHANGED), False
    held.keep(ONE, UIDS, CONTENT, SAID)
    server.deletes = True
    assert held.clear() == []
    assert server.kept == {}


@pytest.mark.parametrize("deletes", [False, True])
def test_what_could_not_be_looked_at_is_known_and_looked_at_by_the_next_run(held, server, deletes):
    """As after a kill."""

    def make(_):
        server.closed = True
        return CHANGED

    server.makes, server.deletes = make, deletes
    with pytest.raises(InstanceProblem, match="CANNOT_WRITE"):
        held.keep(ONE, UIDS, CONTENT, SAID)
    server.closed = False
    assert server.kept == {UIDS.path: CHANGED}
    server.makes = lambda _: CHANGED
    held.keep(ONE, UIDS, CONTENT, SAID)
    assert held.content(ONE) == CONTENT
    assert held.clear() == ([] if deletes else [UIDS.path])
    assert server.kept == ({} if deletes else {UIDS.path: CHANGED})


def test_what_another_reference_put_there_meanwhile_is_never_taken_for_the_stores_version(held, server):
    """Two that share a UID: both were told that nothing is there, and the store has thrown the second away."""
    theirs = HEAD + b" of the other"
    held.beside.tell(TWO, SAID | known(theirs))
    server.makes = lambda _: theirs
    held.keep(ONE, UIDS, CONTENT, SAID)
    assert (held.content(ONE), held.content(TWO)) == (CONTENT, theirs)
    assert server.kept == {UIDS.path: theirs}
