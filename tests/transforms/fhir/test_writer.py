import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.fhir.client import FhirClient
from transforms.fhir.ledger import ShardAnswer
from transforms.fhir.pacing import EASE
from transforms.fhir.writer import FhirWriter


def quick(attempt):
    """The back-off of these tests: the same growth, a hundredth of the time."""
    return min(0.01 * 2**attempt, 0.3)


@pytest.fixture
def write(client, folder):
    def write(shards, quota=None, patience=20.0, **options):
        return list(FhirWriter(client, folder, quota, patience=patience, backoff=quick, **options).write(shards))

    return write


def totals(answers):
    return sum(answer.answered for answer in answers), sum(answer.dead for answer in answers)


def letters(folder):
    return [json.loads(line) for file in sorted(folder.dead_letters.glob("*.ndjson")) for line in file.read_text().splitlines()]


def one(number):
    return f"{number:032x}"


def test_every_entry_is_sent_once_and_never_again(store, write, spooled):
    shards = spooled(230)
    answers = write(shards)
    assert totals(answers) == (230, 0)
    assert sorted(answer.shard for answer in answers) == sorted(shard.name for shard in shards)
    assert sorted(key for ids in store.requests for key in ids) == [one(n) for n in range(230)]
    assert max(len(ids) for ids in store.requests) == 100
    before = len(store.requests)
    assert totals(write(shards)) == (230, 0)
    assert len(store.requests) == before


def test_what_the_store_keeps_is_what_was_spooled(store, write, spooled):
    write(spooled(3))
    (resource,) = store.versions[one(2)]
    assert resource["entity"][0]["what"]["identifier"]["value"].endswith("/instances/2")
    assert resource["entity"][0]["extension"][0]["extension"][0]["extension"] == [{"url": "text-original", "valueString": "DOE^JOHN"}]


def test_one_bad_entry_becomes_one_dead_letter_and_the_rest_is_answered(store, write, spooled, folder):
    store.fault = {one(7): 422}
    shards = spooled(60)
    assert totals(write(shards)) == (59, 1)
    assert letters(folder) == [
        {"reference": f"{7:016x}", "id": one(7), "status": 422, "code": "invalid", "attempts": 1, "retryable": False}
    ]
    assert len([ids for ids in store.requests if one(7) in ids]) == 1
    store.fault = None
    before = len(store.requests)
    assert totals(write(shards)) == (60, 0)
    assert store.requests[before:] == [[one(7)]]
    assert letters(folder) == []


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_bundle_is_halved_until_the_bad_entry_is_alone(store, write, spooled, folder, status):
    store.fault = lambda ids, _: status if one(33) in ids else None
    assert totals(write(spooled(100))) == (99, 1)
    assert [(letter["id"], letter["status"]) for letter in letters(folder)] == [(one(33), status)]
    assert len(store.requests) <= 15
    assert all(len(versions) == 1 for versions in store.versions.values())


@pytest.mark.parametrize("lost", ["cut", "reset"])
def test_lost_answers_cost_a_repetition_but_no_copy(store, write, spooled, lost):
    store.fault = lambda _, number: lost if number % 2 == 0 and number < 6 else None
    assert totals(write(spooled(500))) == (500, 0)
    assert len(store.current()) == 500
    assert sum(len(ids) for ids in store.requests) > 500
    for versions in store.versions.values():
        assert versions == [versions[0]] * len(versions)


def test_only_the_entries_that_failed_are_sent_again(store, write, spooled):
    store.fault = lambda _, number: {one(3): 503, one(4): 500, one(5): 409} if number == 0 else None
    assert totals(write(spooled(20))) == (20, 0)
    assert store.requests[1:] == [[one(3), one(4), one(5)]]


def test_a_throttled_bundle_waits_as_long_as_it_is_told(store, write, spooled):
    times = []

    def fault(ids, number):
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}) if number == 0 else None

    store.fault = fault
    assert totals(write(spooled(20))) == (20, 0)
    assert times[1] - times[0] >= 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_an_entry_that_says_how_long_to_wait_is_obeyed(store, write, spooled, status):
    times = []

    def fault(ids, number):
        times.append(time.monotonic())
        return {one(3): (status, "not now; Retry-After: 1")} if number == 0 else None

    store.fault = fault
    assert totals(write(spooled(20))) == (20, 0)
    assert store.requests[1:] == [[one(3)]]
    assert times[1] - times[0] >= 1.0


def test_throttled_entries_are_sent_again_however_often(store, write, spooled):
    store.fault = lambda ids, _: dict.fromkeys(ids[1:], 429)
    assert totals(write(spooled(12))) == (12, 0)
    assert all(len(versions) == 1 for versions in store.versions.values())


def test_a_bundle_larger_than_the_stores_bucket_gets_through_in_parts(store, write, spooled):
    store.fault = lambda ids, _: 429 if len(ids) > 10 else None
    assert totals(write(spooled(40))) == (40, 0)


def test_an_entry_that_brings_the_store_down_is_found_and_given_up(store, write, spooled, folder):
    store.fault = lambda ids, _: 500 if one(5) in ids else None
    answers = write(spooled(400))
    assert totals(answers) == (399, 1)
    assert [(letter["id"], letter["status"], letter["code"], letter["retryable"]) for letter in letters(folder)] == [
        (one(5), 500, "exception", True)
    ]


def test_a_single_entry_that_always_fails_is_given_up_while_the_store_answers(store, write, spooled, folder):
    store.fault = {one(5): 503}
    assert totals(write(spooled(10))) == (9, 1)
    (letter,) = letters(folder)
    assert (letter["id"], letter["status"], letter["attempts"], letter["retryable"]) == (one(5), 503, 8, True)


def test_a_closed_store_makes_dead_letters_that_another_run_delivers(store, write, spooled, folder):
    store.fault = 403
    shards = spooled(250)
    assert totals(write(shards)) == (0, 250)
    assert len(store.requests) == 3
    assert {(letter["status"], letter["retryable"]) for letter in letters(folder)} == {(403, True)}
    store.fault = None
    assert totals(write(shards)) == (250, 0)
    assert len(store.current()) == 250


def test_a_store_that_is_gone_is_given_up_after_a_while_and_nothing_is_lost(spooled, folder, store):
    shards = spooled(2000)
    nobody = FhirClient("http://127.0.0.1:1")
    start = time.monotonic()
    answers = list(FhirWriter(nobody, folder, None, patience=1.0, backoff=quick).write(shards))
    assert time.monotonic() - start < 10
    assert totals(answers) == (0, 2000)
    assert len(letters(folder)) == 2000
    assert {letter["retryable"] for letter in letters(folder)} == {True}
    client = FhirClient(store.url)
    assert totals(list(FhirWriter(client, folder, None, backoff=quick).write(shards))) == (2000, 0)
    assert sorted(store.current()) == [one(n) for n in range(2000)]


def test_a_store_that_comes_back_gets_everything(store, write, spooled):
    store.fault = lambda _, number: 503 if number < 25 else None
    assert totals(write(spooled(700))) == (700, 0)
    assert all(len(versions) == 1 for versions in store.versions.values())


def test_writing_keeps_to_the_quota_and_reports_its_waiting(store, write, spooled):
    waited = []
    start = time.monotonic()
    assert totals(write(spooled(100), quota=1200, throttled=waited.append)) == (100, 0)
    seconds = time.monotonic() - start
    assert max(len(ids) for ids in store.requests) == 20
    assert 3.9 <= seconds < 5
    assert 3 <= sum(waited) <= seconds


def test_a_broken_off_run_is_taken_up_where_shards_were_answered(store, client, folder, spooled):
    shards = spooled(200)
    partly = FhirWriter(client, folder, 3000).write(shards)
    first = next(partly)
    partly.close()
    done = {path.name for path in folder.answered.iterdir()}
    assert first.shard in done
    store.requests.clear()
    answers = list(FhirWriter(client, folder, None).write(shards))
    assert totals(answers) == (200, 0)
    assert sum(len(ids) for ids in store.requests) == 50 * (4 - len(done))
    assert len(store.current()) == 200


def test_an_answer_that_is_no_bundle_is_not_taken_for_success(http_server, folder, spooled):
    with http_server(lambda handler, _: handler.reply(200, b"<html>welcome</html>")) as url:
        answers = list(FhirWriter(FhirClient(url), folder, None, patience=0.5, backoff=quick).write(spooled(5)))
    assert totals(answers) == (0, 5)


def test_no_shards_no_answers(write):
    assert write([]) == []


def test_an_answer_is_small():
    assert ShardAnswer("a" * 32, 500, 499, 1) == ShardAnswer(shard="a" * 32, entries=500, answered=499, dead=1)


def test_while_the_store_asks_to_wait_nothing_else_is_sent(store, write, spooled):
    times = []

    def fault(_, number):
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}) if number == 0 else None

    store.fault = fault
    assert totals(write(spooled(6000, size=500))) == (6000, 0)
    asked = times[0]
    assert [moment - asked for moment in times if 0.4 < moment - asked < 0.95] == []
    assert times[-1] - asked > 0.95


def test_a_store_that_is_down_is_not_read_for_without_end(store, client, folder, spooled):
    store.fault = 503
    writer = FhirWriter(client, folder, None, patience=1.0, backoff=lambda _: 5.0)
    assert totals(list(writer.write(spooled(5000, size=500)))) == (0, 5000)
    assert len({key for ids in store.requests for key in ids}) <= 2000


def test_a_refusal_slows_the_writing_down(store, write, spooled):
    times = []

    def fault(_, number):
        times.append(time.monotonic())
        return 429 if number == 0 else None

    store.fault = fault
    assert totals(write(spooled(80), quota=1200)) == (80, 0)
    assert times[2] - times[1] > 1.1


def test_two_who_each_think_the_quota_theirs_both_come_to_an_end(store, client, workspace, spooled):
    """A bucket of 60 a second, 60 of them at once; both write at 60 a second until they are refused."""
    bucket, lock = [60.0, time.monotonic()], threading.Lock()
    refused = []

    def fault(ids, _):
        with lock:
            now = time.monotonic()
            bucket[:] = min(60.0, bucket[0] + 60 * (now - bucket[1])), now
            if bucket[0] >= len(ids):
                bucket[0] -= len(ids)
                return None
            refused.append(len(ids))
            return 429

    store.fault = fault
    writers = []
    for number in range(2):
        folder = workspace.operation(f"{number:016x}")
        shards = spooled(150, first=1000 * number, into=folder)
        writers.append((FhirWriter(client, folder, 3600, backoff=lambda attempt: min(0.1 * 2**attempt, 1.0)), shards))
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda one: totals(list(one[0].write(one[1]))), writers))
    assert ended == [(150, 0), (150, 0)]
    assert len(store.versions) == 300
    assert {len(versions) for versions in store.versions.values()} == {1}
    assert refused


CONTENDING = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "too-costly"}]}


def taken(entries):
    """The answer of a store that has taken so many."""
    return {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "200"}}] * entries}


def test_contention_takes_requests_out_of_the_way(http_server, folder, spooled):
    """A store whose requests contend as soon as two are under way, and that answers each after a while."""
    lock, under_way, most, refused, kept = threading.Lock(), [0], [], [], []

    def answer(handler, body):
        entries = json.loads(body)["entry"]
        with lock:
            under_way[0] += 1
            most.append(under_way[0])
            crowded = under_way[0] > 1
        time.sleep(0.1)
        with lock:
            under_way[0] -= 1
            (refused if crowded else kept).extend(entry["request"]["url"] for entry in entries)
        handler.reply(429 if crowded else 200, CONTENDING if crowded else taken(len(entries)))

    with http_server(answer) as url:
        writer = FhirWriter(FhirClient(url), folder, 60_000, backoff=quick)
        start = time.monotonic()
        assert totals(list(writer.write(spooled(3000, size=500)))) == (3000, 0)
        rounds = 1 + (time.monotonic() - start) / EASE
    assert sorted(kept) == sorted(f"Provenance/{one(number)}" for number in range(3000))
    assert 0 < len(refused) / 100 <= 2 * max(most) + 2 * rounds  # those under way at first, halved and halved; then each round one more


def test_contention_leaves_the_rate(http_server, folder, spooled):
    """Of a quota of 20 a second no more than a second is waited for each 20 entries; at a lowered rate it is more."""
    sent, waited = [], []

    def answer(handler, body):
        sent.append(len(json.loads(body)["entry"]))
        handler.reply(429 if len(sent) == 1 else 200, CONTENDING if len(sent) == 1 else taken(sent[-1]))

    with http_server(answer) as url:
        writer = FhirWriter(FhirClient(url), folder, 1200, waited.append, backoff=quick)
        assert totals(list(writer.write(spooled(60)))) == (60, 0)
    assert sent == [20] * 4
    assert sum(waited) <= 3.1
