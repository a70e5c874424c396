import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fhir.pacing import EASE, MAX_IN_FLIGHT, MAX_PAUSE, MIN_IN_FLIGHT, Crowd, Pacer, bundle_entries, in_flight
from transforms.model.backoff import MAX_DELAY


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def send(pacer, clock, entries, late=0.0):
    clock.now += pacer.wait() + late
    pacer.took(entries)
    return clock.now


def test_a_quota_is_used_and_never_passed(clock):
    pacer = Pacer(600, clock)
    start = clock.now
    for sent in range(20, 2001, 20):
        passed = send(pacer, clock, 20) - start
        assert sent - 20 <= passed * 10 + 1e-6
    assert clock.now - start == pytest.approx(198)


def test_a_late_sender_catches_up_but_does_not_burst(clock):
    pacer = Pacer(600, clock)
    start = clock.now
    for _ in range(50):
        send(pacer, clock, 20, late=0.3)
    assert clock.now - start == pytest.approx(98, abs=0.7)
    clock.now += 3600
    send(pacer, clock, 10)
    send(pacer, clock, 10)
    assert pacer.wait() == pytest.approx(1.0)


def test_without_a_quota_nothing_waits_but_for_the_store(clock):
    pacer = Pacer(None, clock)
    assert pacer.rate is None
    pacer.took(10**6)
    assert pacer.wait() == 0
    pacer.refused()
    pacer.pause(7)
    assert pacer.wait() == 7


def test_a_refusal_lowers_the_rate_once_a_round_and_it_recovers(clock):
    pacer = Pacer(600, clock)
    for _ in range(5):
        pacer.refused()
    assert pacer.rate == pytest.approx(8)
    clock.now += 6
    assert pacer.rate == pytest.approx(9)
    pacer.refused()
    assert pacer.rate == pytest.approx(7.2)
    clock.now += 60
    assert pacer.rate == pytest.approx(10)


def test_the_rate_never_dies(clock):
    pacer = Pacer(600, clock)
    for _ in range(200):
        pacer.refused()
        clock.now += 5
        assert 0.5 <= pacer.rate <= 10


def test_a_pause_is_obeyed_and_bounded(clock):
    pacer = Pacer(600, clock)
    pacer.pause(30)
    pacer.pause(10)
    assert pacer.wait() == 30
    clock.now += 30
    assert pacer.wait() == 0
    pacer.pause(86400)
    assert pacer.wait() == MAX_PAUSE


@given(st.integers(1, 10**6))
def test_a_bundle_is_at_most_a_second_of_quota(quota):
    entries = bundle_entries(quota)
    assert 1 <= entries <= 100
    assert entries <= max(1, quota / 60)


@pytest.mark.parametrize(
    ("quota", "entries", "latencies", "expected"),
    [
        (None, 100, [9.0], MIN_IN_FLIGHT),
        (60_000, 100, [], MIN_IN_FLIGHT),
        (60_000, 100, [0.5] * 100, 10),
        (60_000, 100, [0.1] * 95 + [0.9] * 5, MIN_IN_FLIGHT),
        (60_000, 100, [0.1] * 94 + [0.9] * 6, 18),
        (60_000, 100, [60.0], MAX_IN_FLIGHT),
    ],
)
def test_requests_under_way_follow_the_stores_latency(quota, entries, latencies, expected):
    assert in_flight(quota, entries, latencies) == expected


def test_the_longest_back_off_is_shorter_than_the_longest_pause():
    assert MAX_DELAY < MAX_PAUSE


def test_contention_halves_what_is_under_way_once_a_round_and_calm_gives_it_back(clock):
    crowd = Crowd(clock)
    assert crowd.limit(16) == 16
    sent = clock.now
    clock.now += 0.2
    for _ in range(5):
        crowd.contended(16, sent)
    assert crowd.limit(16) == 8
    for expected in (4, 2, 1, 1):
        crowd.contended(16, sent=clock.now)
        clock.now += 0.1
        assert crowd.limit(16) == expected
    clock.now += EASE * 3
    assert crowd.limit(16) == 4
    clock.now += 3600
    assert crowd.limit(16) == 16
