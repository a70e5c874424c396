"""The DICOMweb client through mitmproxy, which harms requests on their way to Orthanc and answers on theirs back."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pydicom
import pytest

from transforms.model.credentials import GoogleToken
from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient, client_of
from transforms.model.errors import InstanceProblem, OutcomeKind, StoreError
from transforms.model.records import InstanceUids
from transforms.read import origin
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


def test_googles_token_goes_with_each_call_and_is_renewed_once_where_it_is_refused(
    behind, stores, instance, uids, service_account, monkeypatch
):
    file, given = service_account
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    stores.source.put(instance)
    unauthorized = {"fault": "refuse", "status": 401}
    client, clock = behind(stores.source, {**unauthorized, "unless": "token-1"}, token=GoogleToken())
    assert [client.retrieve(uids.path) for _ in range(3)] == [instance] * 3
    assert (given, clock.passed) == (["token-0", "token-1"], 0)  # the first has run out at the store, though not by its own date
    client, _ = behind(stores.source, unauthorized, token=GoogleToken())
    with pytest.raises(StoreError, match="--dicom_token_uri"):
        client.retrieve(uids.path)
    assert given[2:] == ["token-2", "token-3"]


@pytest.fixture
def many(stores, put_plans):
    """Ten instances of one series in the source store; their UIDs."""
    return put_plans(stores.source, 10)


@pytest.fixture
def listing(stores, many, monkeypatch):
    """`listing(client)`: the UIDs that the source store lists, three a page, when it is asked by this client."""

    def listed(client):
        monkeypatch.setattr(origin, "PAGE", 3)
        monkeypatch.setattr(origin, "client_of", lambda _: client)
        return [uri.rpartition("/")[2] for uri, _ in origin.Store(client.store).instances()]

    return listed


HALF_PAGES = [{"fault": fault} for fault in ("silent", "cut", "reset", "halve")]
NO_PAGES = [{"fault": "refuse", "status": status} for status in (429, 503)]


@pytest.mark.parametrize("fault", [*HALF_PAGES, *NO_PAGES], ids=lambda fault: fault["fault"] + str(fault.get("status", "")))
def test_a_page_that_does_not_come_whole_is_asked_for_again_and_never_ends_a_listing(behind, stores, many, listing, proxy, fault):
    client, _ = behind(stores.source, {**fault, "path": "/instances?", "first": 1, "times": 2})
    assert set(listing(client)) == many
    assert proxy.met(fault["fault"]) == 2
    client, clock = behind(stores.source, {**fault, "path": "/instances?", "first": 2})
    with pytest.raises(StoreError, match=r"HTTP 429|HTTP 503|no whole answer"):
        listing(client)
    assert 200 < clock.passed <= 300


class Restless(DicomWebClient):
    """A store at which somebody does something after each page of instances that we read."""

    def __init__(self, store, happen):
        super().__init__(store)
        self._happen = happen

    def search(self, path, parameters):
        found = super().search(path, parameters)
        if path.endswith("/instances"):
            self._happen(found)
        return found


def test_what_goes_while_pages_are_read_takes_nothing_else_from_the_listing(stores, many, listing):
    gone = []

    def remove(page):
        if len(gone) < 3:
            gone.append(page[0]["00080018"]["Value"][0])
            stores.source.remove(gone[-1])

    assert set(listing(Restless(store_at("--source", stores.source.url, None), remove))) == many - set(gone)
    assert len(set(gone)) == 3


def test_a_store_that_never_stays_the_same_is_told(stores, many, listing):
    def swap(page):
        uid = page[-1]["00080018"]["Value"][0]
        content = stores.source.contents()[uid]
        stores.source.remove(uid)
        stores.source.put(content)

    with pytest.raises(StoreError, match="its pages do not fit together"):
        listing(Restless(store_at("--source", stores.source.url, None), swap))


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
    assert store.digest(uids) == hashlib.sha256(instance).hexdigest()
    with pytest.raises(InstanceProblem, match="CANNOT_WITHDRAW"):
        store.withdraw(uids)


def test_source_and_destination_together_keep_to_the_quota(stores, proxy):
    urls = proxy.before_all([stores.source.url, stores.destination.url])
    start, clients = time.monotonic(), [client_of(store_at("--source", url, None, ops_per_minute=1200.0)) for url in urls]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: clients[number % 2].search("studies", {}), range(40)))
    assert len(proxy.requests) == 40
    assert time.monotonic() - start > 39 * 60 / 1200
