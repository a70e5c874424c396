import itertools
import json

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from transforms.fhir.bundles import (
    CONTENTION,
    Entry,
    EntryAnswer,
    Verdict,
    bundle,
    is_answer,
    outcome_code,
    pack,
    read_answers,
    resource_bytes,
    verdict,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


def entry(number, size=10):
    return Entry("shard", f"{number:016x}", f"{number:032x}", b"x" * size)


@given(st.lists(st.integers(1, 60)), st.integers(1, 7), st.integers(1, 100))
def test_packing_keeps_all_in_order_and_within_bounds(sizes, most, max_bytes):
    entries = [entry(number, size) for number, size in enumerate(sizes)]
    groups = list(pack(entries, most, max_bytes))
    assert [one for group in groups for one in group] == entries
    for group in groups:
        assert 1 <= len(group) <= most
        assert len(group) == 1 or sum(len(one.body) for one in group) <= max_bytes
    for left, right in itertools.pairwise(groups):
        assert len(left) == most or sum(len(one.body) for one in left) + len(right[0].body) > max_bytes


def test_a_bundle_is_a_valid_batch_of_puts():
    resource = {
        "resourceType": "Provenance",
        "id": "a1",
        "target": [{"identifier": {"value": "ü"}}],
        "recorded": "2026-01-01T00:00:00.000Z",
        "agent": [{"who": {"identifier": {"value": "w"}}}],
    }
    body = bundle([Entry("s", "r", "a1", resource_bytes(resource)), Entry("s", "r2", "a2", resource_bytes({**resource, "id": "a2"}))])
    Bundle.model_validate_json(body)
    assert json.loads(body) == {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "PUT", "url": "Provenance/a1"}, "resource": resource},
            {"request": {"method": "PUT", "url": "Provenance/a2"}, "resource": {**resource, "id": "a2"}},
        ],
    }


@pytest.mark.parametrize(
    ("statuses", "meaning"),
    [
        ((200, 201, 204), Verdict.DONE),
        ((0, 408, 409, 423, 425, 500, 502, 503, 504), Verdict.AGAIN),
        ((429,), Verdict.THROTTLED),
        ((400, 412, 413, 415, 422), Verdict.REFUSED),
        ((301, 302, 401, 403, 404, 405, 410), Verdict.CLOSED),
    ],
)
def test_statuses_and_what_they_mean(statuses, meaning):
    assert {verdict(status) for status in statuses} == {meaning}


def test_answers_are_read_entry_by_entry():
    refusal = {"resourceType": "OperationOutcome", "issue": [{"code": "invalid", "diagnostics": "DOE^JOHN"}]}
    body = {
        "resourceType": "Bundle",
        "entry": [
            {"response": {"status": "201 Created"}},
            {"response": {"status": "400", "outcome": refusal}},
            {"response": {"status": "422 Unprocessable"}, "resource": refusal},
            {"response": {"status": "ok"}},
            {},
        ],
    }
    assert is_answer(body)
    assert read_answers(body, 7) == [
        EntryAnswer(201),
        EntryAnswer(400, "invalid"),
        EntryAnswer(422, "invalid"),
        EntryAnswer(0),
        EntryAnswer(0),
        EntryAnswer(0),
        EntryAnswer(0),
    ]


def test_an_entry_may_say_itself_how_long_to_wait():
    def answer(**response):
        return {"resourceType": "Bundle", "entry": [{"response": {"status": "429", **response}}]}

    def outcome(*texts):
        return {"resourceType": "OperationOutcome", "issue": [{"code": "throttled", "diagnostics": text} for text in texts]}

    for texts, seconds in (
        (["RESOURCE_EXHAUSTED; Retry-After: 7"], 7.0),
        (["retry-after:3", "Retry-After: 5"], 5.0),
        (["Retry-After: soon"], None),
        ([17], None),
        ([], None),
    ):
        assert read_answers(answer(outcome=outcome(*texts)), 1) == [EntryAnswer(429, "throttled" if texts else "", seconds)]
    beside = {"resourceType": "Bundle", "entry": [{"response": {"status": "503"}, "resource": outcome("Retry-After: 2")}]}
    assert read_answers(beside, 1) == [EntryAnswer(503, "throttled", 2.0)]


def test_no_text_of_the_store_passes_for_a_code():
    for code in ("Doe John", "DOE", 7, None, "x" * 41, ["invalid"]):
        assert outcome_code({"resourceType": "OperationOutcome", "issue": [{"code": code}]}) == ""


@given(JSON, st.integers(0, 5))
def test_whatever_comes_back_is_read(body, count):
    assert outcome_code(body) == ""
    if is_answer({"resourceType": "Bundle", "entry": body}):
        assert len(read_answers({"resourceType": "Bundle", "entry": body}, count)) == count


@pytest.mark.parametrize(
    ("issue", "code"),
    [
        ({"code": "too-costly"}, CONTENTION),
        ({"code": "throttled", "details": {"text": "operation_too_costly"}}, CONTENTION),
        ({"code": "processing", "details": {"coding": [{"code": "operation_too_costly"}]}}, CONTENTION),
        ({"code": "throttled", "diagnostics": "operation_too_costly"}, "throttled"),
    ],
)
def test_contention_is_told_from_a_used_up_quota(issue, code):
    assert outcome_code({"resourceType": "OperationOutcome", "issue": [issue]}) == code
