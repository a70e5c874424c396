"""The model of `docs/scale.md`: instances an hour against cores and quota, and what a million costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale import MILLION, an_hour, cores_fed, model_rows, planned
from benchmarks.ten_million import paced
from transforms.fhir.pacing import bundle_entries


@pytest.mark.parametrize(
    ("seconds", "cores", "quota", "hourly", "waits"),
    [
        (0.036, 1, 6_000, 100_000, False),
        (0.036, 8, 6_000, 360_000, True),  # 800,000 by the cores
        (0.036, 8, 60_000, 800_000, False),
        (7.2, 128, 6_000, 64_000, False),
    ],
)
def test_instances_an_hour_are_those_of_the_nearer_bound(seconds, cores, quota, hourly, waits):
    plan = planned(seconds, cores, quota)
    assert an_hour(plan) == pytest.approx(hourly, rel=1e-5)  # the operation itself is one write more
    assert plan.waits_for_quota is waits


def test_where_the_launcher_leaves_both_times_add_up():
    """Eight cores de-identify 800,000 an hour, and the quota lets 360,000 through: 1.25 h and 2.78 h for a million."""
    assert an_hour(planned(0.036, 8, 6_000, is_left=True)) == pytest.approx(1e6 / (1.25 + 1e6 / 360_000), rel=1e-5)


@given(st.floats(0.001, 100), st.integers(60, 100_000))
def test_the_cores_that_a_quota_feeds_are_just_enough(seconds, quota):
    cores = cores_fed(seconds, quota)
    assert planned(seconds, cores, quota).deidentifying <= MILLION / quota * (1 + 1e-9)
    assert cores == 1 or planned(seconds, cores - 1, quota).deidentifying > MILLION / quota * (1 - 1e-9)
    assert an_hour(planned(seconds, 2 * cores, quota)) == pytest.approx(60 * quota, rel=1e-5)


def test_the_tables_say_it_for_each_kind_and_in_money():
    head, plan, hours, many, left, fewer = model_rows({"plan": 0.036}, 0.1)
    assert head.count("|") == plan.count("|") == 7
    assert plan == "| plan | 0.036 s | 100,000 | 10 | 1.00 | 4 |"
    assert hours.count("|") == many.count("|") == 10
    assert many.split("|")[2:6] == [" 200,000 ", " 360,000* ", " 360,000* ", " 360,000* "]
    assert (left.count("|"), fewer.split("|")[2:4]) == (10, [" 128,571 ", " 248,276* "])


def test_pacing_uses_the_whole_quota_and_no_more():
    minutes, bundles = paced(60_000, 6_000)
    assert 9.9 < minutes <= 10.01
    assert bundles == 60_000 / bundle_entries(6_000)
