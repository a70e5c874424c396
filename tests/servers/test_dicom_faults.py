"""The DICOMweb client through mitmproxy, which harms requests on their way to Orthanc and answers on theirs back."""

import time

import pydicom
import pytest

from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import InstanceProblem, OutcomeKind, StoreError
from transforms.model.records import InstanceUids
from transforms.write import destination

pytestmark = pytest.mark.servers("orthanc", "mitmproxy")


class Clock:
    """Time that passes by waiting, in the client's eyes, and hardly in ours."""

    def __init__(self):
        self.passed = 0.0

    def sleep(self, seconds):
        self.passed += seconds
        time.sleep(min(seconds, 0.05))

    def now(self):
        return self.passed


class Bearer:
    """A token that is renewed when it is asked for afresh."""

    def __init__(self):
        self.renewed = 0

    def __call__(self, fresh):
        self.renewed += fresh
        return f"token-{self.renewed}"


@pytest.fixture
def instance(real_file):
    return real_file("MR_small.dcm").read_bytes()


@pytest.fixture
def uids(real_file):
    header = pydicom.dcmread(real_file("MR_small.dcm"), stop_before_pixels=True)
    return InstanceUids(header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)


@pytest.fixture
def behind(proxy):
    """`behind(store, *rules)`: a client of the store whose calls and answers are harmed, and its clock."""

    def client(store, *rules, token=None):
        clock = Clock()
        url = proxy.before(store.url, *rules)
        return DicomWebClient(store_at("--source", url, None), token, sleep=clock.sleep, clock=clock.now, chance=lambda: 0.0), clock

    return client


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "refuse", "status": 503},
        {"fault": "refuse", "status": 429},
        {"fault": "hide", "status": 500},
        {"fault": "silent"},
        {"fault": "cut"},
        {"fault": "reset"},
        {"fault": "halve"},
        {"fault": "slow", "seconds": 1},
    ],
    ids=lambda fault: fault["fault"] + str(fault.get("status", "")),
)
def test_what_is_read_is_whole_whatever_happens_twice_on_the_way(behind, stores, instance, uids, proxy, fault):
    stores.source.put(instance)
    client, _ = behind(stores.source, {**fault, "times": 2})
    assert client.retrieve(uids.path) == instance
    assert proxy.met(fault["fault"]) == (1 if fault["fault"] == "slow" else 2)


def test_a_store_that_is_away_for_minutes_is_waited_for_and_one_for_ever_is_told(behind, stores, instance, uids):
    stores.source.put(instance)
    client, clock = behind(stores.source, {"fault": "refuse", "status": 503, "times": 8})
    assert client.retrieve(uids.path) == instance
    assert 60 < clock.passed < 300
    client, clock = behind(stores.source, {"fault": "refuse", "status": 503})
    with pytest.raises(StoreError, match="HTTP 503"):
        client.retrieve(uids.path)
    assert clock.passed <= 300


def test_retry_after_is_obeyed(behind, stores, instance, uids):
    stores.source.put(instance)
    client, clock = behind(stores.source, {"fault": "refuse", "status": 429, "headers": {"Retry-After": "41"}, "times": 1})
    assert client.retrieve(uids.path) == instance
    assert clock.passed == pytest.approx(41)


def test_a_token_that_has_run_out_is_renewed_once(behind, stores, instance, uids):
    stores.source.put(instance)
    bearer = Bearer()
    client, clock = behind(stores.source, {"fault": "refuse", "status": 401, "times": 1}, token=bearer)
    assert client.retrieve(uids.path) == instance
    assert (bearer.renewed, clock.passed) == (1, 0)
    client, _ = behind(stores.source, {"fault": "refuse", "status": 401}, token=bearer)
    with pytest.raises(StoreError, match="--dicom_token_uri"):
        client.retrieve(uids.path)
    assert bearer.renewed == 2


@pytest.fixture
def publishing(behind, stores, monkeypatch):
    """`publishing(*rules)`: the destination store, whose calls are harmed."""

    def make(*rules):
        client, _ = behind(stores.destination, *rules)
        monkeypatch.setattr(destination, "client_of", lambda _: client)
        return destination.Store(client.store)

    return make


@pytest.mark.parametrize("fault", ["silent", "cut", "reset", "halve"])
def test_an_instance_whose_answer_was_lost_is_there_once(publishing, stores, instance, uids, fault):
    publishing({"fault": fault, "method": "POST", "times": 1}).publish(uids, instance)
    assert stores.destination.contents() == {uids.instance: instance}


def test_a_conflict_is_done_where_the_bytes_agree_and_a_refusal_where_there_is_nothing(publishing, stores, instance, uids):
    publishing({"fault": "hide", "method": "POST", "status": 409}).publish(uids, instance)
    assert stores.destination.contents() == {uids.instance: instance}
    stores.destination.clear()
    with pytest.raises(InstanceProblem, match=r"STORE_REFUSES.*HTTP 409"):
        publishing({"fault": "refuse", "method": "POST", "status": 409}).publish(uids, instance)


def test_a_conflict_with_another_instance_holds_ours(publishing, stores, instance, uids):
    stores.destination.put(instance)
    with pytest.raises(InstanceProblem, match="DUPLICATE_INSTANCE") as held:
        publishing().publish(uids, instance.replace(b"TOSHIBA", b"ANOTHER"))
    assert held.value.kind is OutcomeKind.HELD
    assert stores.destination.contents() == {uids.instance: instance}


def test_a_destination_that_stays_away_is_an_outcome_and_nothing_is_half_there(publishing, stores, instance, uids):
    with pytest.raises(InstanceProblem, match=r"CANNOT_WRITE.*HTTP 503"):
        publishing({"fault": "refuse", "method": "POST", "status": 503}).publish(uids, instance)
    assert stores.destination.contents() == {}


def test_what_an_unfinished_run_published_cannot_be_taken_back_where_there_is_no_delete(publishing, stores, instance, uids):
    stores.destination.put(instance)
    store = publishing()
    assert store.has(uids, instance)
    assert not store.has(uids, instance + b"\0")
    with pytest.raises(InstanceProblem, match="CANNOT_WITHDRAW"):
        store.withdraw(uids)
