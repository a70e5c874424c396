"""What became of an instance is read from the sequences of the store's answer (PS3.18 10.5.3), and then looked up in the store."""

import datetime as dt
import http.server
import io
import json
import types

import pydicom
import pytest
from on_loopback import Answering, listening

from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.names import OperationName
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.write import destination
from transforms.write.destination import SHOWN_WITHIN, Store
from transforms.write.marks import set_marks, take_back

NAME = "projects/p/locations/us/datasets/d/dicomStores/s"
UIDS = InstanceUids("1.2", "1.2.3", "1.2.3.4")
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HEAD = bytes(128) + b"DICM\2\0\0\0UL\4\0\x1a\0\0\0\2\0\x10\0UI\x12\0%-18b"
"""Of a file, with room for its transfer syntax."""
CONTENT, OTHER = HEAD % b"1.2.840.10008.1.2" + b" of ours", HEAD % b"1.2.840.10008.1.2" + b" of others"
COMPRESSED = HEAD % b"1.2.840.10008.1.2.5" + b" of ours"
STORED = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3.4"]}}]}}


def failed(reason):
    """FailedSOPSequence with this FailureReason."""
    item = {"00081155": {"vr": "UI", "Value": ["1.2.3.4"]}, "00081197": {"vr": "US", "Value": [reason]}}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


def warned(reason):
    """ReferencedSOPSequence with this WarningReason."""
    (item,) = STORED["00081199"]["Value"]
    return {"00081199": {"vr": "SQ", "Value": [{**item, "00081196": {"vr": "US", "Value": [reason]}}]}}


@pytest.fixture
def manner():
    """Whether the store has DELETE, how many GETs it has answered, and until when it shows nothing; seconds that were waited."""
    return types.SimpleNamespace(deletes=False, reads=0, hides_until=0.0, waited=0.0)


@pytest.fixture
def server(monkeypatch, manner):
    """A store of the Healthcare API's shape: what it `kept`, and its `answers` to STOW-RS, each (status, body, what it then keeps)."""
    kept, answers = {}, []

    def sleep(seconds):
        manner.waited += seconds

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            manner.reads += 1
            content = kept.get(self.path.partition("/dicomWeb/")[2]) if manner.waited >= manner.hides_until else None
            part = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + (content or b"") + b"\r\n--b--"
            self.answer(200 if content else 404, part, 'multipart/related; type="application/dicom"; boundary=b')

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == f"/v1/{NAME}/dicomWeb/studies"
            assert any(content in body for content in (CONTENT, COMPRESSED))
            status, said, keeps = answers.pop(0)
            if keeps:
                kept[UIDS.path] = keeps
            self.answer(status, json.dumps(said).encode(), "application/dicom+json")

        def do_DELETE(self):
            if manner.deletes:
                kept.pop(self.path.partition("/dicomWeb/")[2])
            self.answer(200 if manner.deletes else 405, b"{}", "application/json")

    with listening(Handler) as url:
        store = store_at("--destination", NAME, f"{url}/v1")
        client = DicomWebClient(store, sleep=sleep, clock=lambda: manner.waited)
        monkeypatch.setattr(destination, "client_of", lambda _: client)
        yield Store(store), kept, answers
    assert answers == []


@pytest.mark.parametrize(
    "answer",
    [
        [(200, STORED, CONTENT)],
        [(200, [STORED], CONTENT)],
        [(202, warned(0xB007), CONTENT)],  # it warns of the instance, and keeps it as it is
        [(200, {}, CONTENT)],  # it says nothing, and has it
        [(409, failed(0x0111), CONTENT)],  # another run of ours was quicker
        [(202, failed(0xA700), None), (202, failed(0xA7FF), None), (200, STORED, CONTENT)],  # out of resources for a moment
        [(503, {}, CONTENT), (409, failed(0x0111), None)],  # the first answer was lost on its way
    ],
)
def test_an_instance_that_is_there_as_it_was_sent_is_done(server, answer):
    store, kept, answers = server
    answers += answer
    store.publish(UIDS, CONTENT)
    assert kept == {UIDS.path: CONTENT}
    store.publish(UIDS, CONTENT)  # and is not sent again


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((202, failed(0x0110), None), "HTTP 202, failure reason 0110"),
        ((200, failed(0xC122), None), "HTTP 200, failure reason C122"),
        ((409, failed(0x0124), None), "HTTP 409, failure reason 0124"),
        ((409, {}, None), "HTTP 409"),
        ((400, "no JSON of DICOM", None), "HTTP 400"),
        ((200, STORED | failed(0x0110), None), "HTTP 200, failure reason 0110"),
    ],
)
def test_an_instance_that_is_not_there_is_refused_with_the_stores_reason(server, answer, said):
    store, kept, answers = server
    answers.append(answer)
    with pytest.raises(InstanceProblem) as refused:
        store.publish(UIDS, CONTENT)
    assert (refused.value.code, refused.value.kind) == ("STORE_REFUSES", OutcomeKind.FAILED)
    assert refused.value.sentence.endswith(f"({said})")
    assert kept == {}


def test_another_instance_of_that_name_holds_ours(server):
    store, kept, answers = server
    answers.append((409, failed(0x0111), OTHER))
    for _ in range(2):  # as the store has it now, it is not asked to take ours again
        with pytest.raises(InstanceProblem) as held:
            store.publish(UIDS, CONTENT)
        assert (held.value.code, held.value.kind) == ("DUPLICATE_INSTANCE", OutcomeKind.HELD)
    assert kept == {UIDS.path: OTHER}


@pytest.mark.parametrize("deletes", [True, False])
def test_what_a_store_changed_by_its_own_word_does_not_stay_unless_it_cannot_delete(server, manner, deletes):
    store, kept, answers = server
    manner.deletes = deletes
    answers.append((202, warned(0xB000), OTHER))
    with pytest.raises(InstanceProblem) as failed:
        store.publish(UIDS, CONTENT)
    assert (failed.value.code, failed.value.kind) == ("STORE_CHANGES", OutcomeKind.FAILED)
    assert ("remove it there" in failed.value.sentence) is not deletes
    assert kept.get(UIDS.path) == (None if deletes else OTHER)


def test_a_store_that_changes_what_it_is_given_and_does_not_say_so_is_found_out_each_time(server, manner):
    store, kept, answers = server
    manner.deletes = True
    for _ in range(2):
        answers.append((200, STORED, OTHER))
        with pytest.raises(InstanceProblem, match=r"STORE_CHANGES: .* remove it there"):
            store.publish(UIDS, CONTENT)
        assert kept.pop(UIDS.path) == OTHER  # for all that is known it is somebody's who came between


def test_a_store_is_read_back_until_an_instance_of_the_syntax_was_seen_to_stand_there_as_it_was_given(server, manner):
    store, kept, answers = server
    for content, reads in ((CONTENT, 2), (CONTENT, 1), (COMPRESSED, 2), (CONTENT, 1), (COMPRESSED, 1)):  # one before it is stored
        kept.clear()
        before = manner.reads
        answers.append((200, STORED, content))
        store.publish(UIDS, content)
        assert manner.reads - before == reads


def test_a_store_that_transcodes_one_syntax_is_found_out_though_it_keeps_another(server):
    store, kept, answers = server
    answers += [(200, STORED, CONTENT), (200, STORED, OTHER)]
    store.publish(UIDS, CONTENT)
    kept.clear()
    with pytest.raises(InstanceProblem, match="STORE_CHANGES"):
        store.publish(UIDS, COMPRESSED)


@pytest.mark.parametrize(("shown_after", "done"), [(SHOWN_WITHIN / 2, True), (SHOWN_WITHIN + 1, False)])
def test_what_a_store_says_it_stored_is_waited_for_and_its_word_alone_is_not_taken(server, manner, shown_after, done):
    store, kept, answers = server
    manner.hides_until = shown_after
    answers.append((200, STORED, CONTENT))
    if done:
        store.publish(UIDS, CONTENT)
    else:
        with pytest.raises(InstanceProblem) as failed:
            store.publish(UIDS, CONTENT)
        assert (failed.value.code, failed.value.kind) == ("NOT_STORED", OutcomeKind.FAILED)
    assert kept == {UIDS.path: CONTENT}
    assert manner.waited <= SHOWN_WITHIN


@pytest.mark.parametrize("there", [CONTENT, OTHER, None])
def test_what_stands_there_after_a_kill_leaves_or_counts_until_it_is_gone(server, manner, workspace, there):
    """The kill came before the store was read back. Bytes that are not ours may be the store's version of them."""
    store, kept, _ = server
    manner.deletes, folder = True, workspace.operation("op")
    opened = OpenInstance(InstanceRef("0" * 16, "", 1), UIDS, pydicom.FileDataset(io.BytesIO(), {}), START)
    set_marks(folder, [ScrubbedInstance(opened, UIDS, CONTENT, ())])
    if there:
        kept[UIDS.path] = there
    name = OperationName("op", "in", NAME, "fhir")
    assert take_back(folder, name, store) == (there == OTHER)
    assert kept == ({UIDS.path: OTHER} if there == OTHER else {})
    assert folder.marks.exists() == (there == OTHER)
    kept.clear()
    assert take_back(folder, name, store) == 0
    assert not folder.marks.exists()
