"""The writer and the client through mitmproxy, which harms requests on their way to the embedded store and answers on theirs back."""

import time

import pytest
import requests

from transforms.fhir.client import FhirClient
from transforms.fhir.writer import FhirWriter
from transforms.model.errors import StoreError

pytestmark = pytest.mark.servers("mitmproxy")

ONE_IN_TWENTY = 20
WAIT_ONE = {"Retry-After": "1"}


def deliver(url, folder, shards, **options):
    """Answered and dead, by the writer with a back-off that suits a test."""
    answers = list(FhirWriter(FhirClient(url), folder, None, backoff=lambda _: 0.2, **options).write(shards))
    return sum(answer.answered for answer in answers), sum(answer.dead for answer in answers)


def only_once(found):
    """Resources by id, every one in its first version."""
    assert {version for version, _ in found.values()} == {"1"}
    return {identity: resource for identity, (_, resource) in found.items()}


def test_the_faults_are_what_they_are_called(proxy, embedded):
    def outcome(**rule):
        url = proxy.before(embedded, rule)
        try:
            answer = requests.get(f"{url}/fhir/Provenance", timeout=10)
        except requests.RequestException as error:
            assert proxy.met(rule["fault"]) == 1
            return str(error)
        assert proxy.met(rule["fault"]) == 1
        return answer.status_code, answer.headers.get("Retry-After")

    assert outcome(fault="refuse", status=429, headers=WAIT_ONE) == (429, "1")
    assert outcome(fault="refuse", status=429) == (429, None)
    assert outcome(fault="hide", status=503) == (503, None)
    assert "Remote end closed connection without response" in outcome(fault="silent")
    assert "IncompleteRead" in outcome(fault="cut")
    assert "Connection reset by peer" in outcome(fault="reset")
    start = time.monotonic()
    assert outcome(fault="slow", seconds=1) == (200, None)
    assert time.monotonic() - start > 1


def test_with_one_answer_in_twenty_lost_and_as_many_503_and_429_everything_is_there_once(proxy, embedded, spooled, sent, folder, kept):
    shards = spooled(4000)
    faults = (
        {"fault": "silent", "first": 2},
        {"fault": "hide", "status": 503, "first": 7},
        {"fault": "refuse", "status": 429, "first": 11},
        {"fault": "refuse", "status": 429, "headers": WAIT_ONE, "first": 16},
    )
    url = proxy.before(embedded, *({"method": "POST", "every": ONE_IN_TWENTY, **fault} for fault in faults))
    assert deliver(url, folder, shards) == (4000, 0)
    assert min(proxy.met("silent"), proxy.met("hide")) >= 2
    assert proxy.met("refuse") >= 4
    assert only_once(kept(embedded)) == sent()
    assert deliver(url, folder, shards) == (4000, 0)
    assert not list(folder.dead_letters.glob("*"))


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "reset"},
        {"fault": "cut"},
        {"fault": "silent"},
        {"fault": "hide", "status": 503},
        {"fault": "hide", "status": 429, "headers": WAIT_ONE},
        {"fault": "refuse", "status": 429},
        {"fault": "slow", "seconds": 1.5},
    ],
    ids=lambda fault: f"{fault['fault']}{fault.get('status', '')}",
)
def test_every_third_request_may_come_to_harm(proxy, embedded, spooled, sent, folder, kept, fault):
    shards = spooled(600)
    url = proxy.before(embedded, {"method": "POST", "every": 3, "first": 1, **fault})
    assert deliver(url, folder, shards) == (600, 0)
    assert proxy.met(fault["fault"]) >= 2
    assert only_once(kept(embedded)) == sent()


def test_one_bad_entry_is_the_only_dead_letter_in_the_midst_of_faults(proxy, embedded, spooled, sent, folder, kept):
    def without_date(number, resource):
        return {name: value for name, value in resource.items() if number != 123 or name != "recorded"}

    shards = spooled(300, without_date)
    url = proxy.before(embedded, {"method": "POST", "every": 2, "first": 1, "fault": "reset"})
    assert deliver(url, folder, shards) == (299, 1)
    assert proxy.met("reset") >= 1
    assert sent().keys() - kept(embedded).keys() == {"copy-123"}


def test_a_token_that_expires_in_the_middle_is_asked_for_again(proxy, embedded, spooled, folder, kept):
    asked = []

    def token(fresh):
        asked.append(fresh)
        return "new" if True in asked else "old"

    url = proxy.before(embedded, {"method": "POST", "first": 3, "times": 1, "fault": "refuse", "status": 401})
    answers = list(FhirWriter(FhirClient(url, token), folder, None).write(spooled(600)))
    assert (sum(answer.answered for answer in answers), asked.count(True), proxy.met("refuse")) == (600, 1, 1)
    assert len(kept(embedded)) == 600


@pytest.mark.parametrize("status", [503, 403])
def test_a_store_that_refuses_all_but_the_operation_leaves_dead_letters_and_takes_them_later(
    proxy, embedded, spooled, google, folder, kept, status
):
    shards = spooled(250)
    url = proxy.before(embedded, {"method": "POST", "fault": "refuse", "status": status})
    assert FhirClient(url).put(google.operation)["id"] == google.operation["id"]
    assert deliver(url, folder, shards, patience=2) == (0, 250)
    assert kept(embedded).keys() == {google.operation["id"]}
    healed = proxy.before(embedded)
    assert deliver(healed, folder, shards) == (250, 0)
    assert len(kept(embedded)) == 251
    assert not list(folder.dead_letters.glob("*"))


def test_a_single_call_is_tried_again_when_its_answer_is_lost_and_says_so_when_it_always_is(proxy, embedded, google, kept):
    operation = google.operation
    url = proxy.before(embedded, {"method": "PUT", "times": 1, "fault": "reset"}, {"method": "PUT", "times": 1, "fault": "cut"})
    assert FhirClient(url, sleep=lambda _: None).put(operation)["id"] == operation["id"]
    assert (proxy.met("reset"), proxy.met("cut")) == (1, 1)
    assert only_once(kept(embedded)).keys() == {operation["id"]}
    url = proxy.before(embedded, {"method": "PUT", "fault": "cut"})
    passed = iter(range(0, 10_000, 30))
    with pytest.raises(StoreError) as raised:
        FhirClient(url, sleep=lambda _: None, clock=lambda: next(passed)).put(operation)
    assert "text-original" not in str(raised.value)


def test_a_whole_run_through_faults_ends_as_without_them(proxy, embedded, deidentify, google, kept):
    """The operation's PUT and the bundles meet every fault in turn; the run says nothing was lost, and the store agrees."""
    rules = [
        {"method": "PUT", "fault": "hide", "status": 503, "times": 1},
        {"method": "POST", "fault": "hide", "status": 503, "first": 1, "times": 1},
        {"method": "POST", "fault": "refuse", "status": 429, "headers": WAIT_ONE, "first": 2, "times": 1},
        {"method": "POST", "fault": "reset", "first": 3, "times": 1},
    ]
    done = deidentify("--fhir_store", proxy.before(embedded, *rules))
    assert done.code == 0, done.output
    assert [proxy.met(fault) for fault in ("hide", "refuse", "reset")] == [2, 1, 1]
    assert set(only_once(kept(embedded))) == {done.operation["id"], *(resource["id"] for resource in done.resources)}
    assert len(done.resources) == len(google.resources)
