import json

import pytest

from pipeline.local import fhir_bundle
from pipeline.local.fhir_resource import Refusal, check
from pipeline.local.quota import WriteQuota


@pytest.fixture
def execute(database, store):
    def run(kind: str, *entries: dict, quota: WriteQuota | None = None):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
        return fhir_bundle.execute(database, quota or WriteQuota(None), store, "https://h/v1/" + store, bundle)

    return run


@pytest.fixture
def ids(database, store):
    def read() -> list[str]:
        with database.read(store) as reader:
            return [one.resource["id"] for one in reader.all("Provenance")]

    return read


def put(resource: dict) -> dict:
    return {"request": {"method": "PUT", "url": f"Provenance/{resource['id']}"}, "resource": resource}


def statuses(answer: dict) -> list[str]:
    return [entry["response"]["status"] for entry in answer["entry"]]


def test_the_pages_bundle_keeps_the_clients_id_and_gives_its_own(execute, seed_page, ids):
    answer = execute("transaction", *seed_page("sample-bundle.json")["entry"])
    assert answer["type"] == "transaction-response"
    assert statuses(answer) == ["201 Created"] * 3
    assert "operation-123" in ids()
    assert answer["entry"][0]["response"]["location"].endswith("/fhir/Provenance/operation-123/_history/1")
    assert answer["entry"][0]["response"]["etag"] == 'W/"1"'


def test_a_transaction_with_one_bad_entry_leaves_nothing(execute, provenance, ids):
    with pytest.raises(Refusal, match=r"entry 1: Provenance.recorded") as refused:
        execute("transaction", put(provenance("a")), put(provenance("b", recorded="yesterday")), put(provenance("c")))
    assert refused.value.status == 400
    assert ids() == []


def test_entries_of_a_transaction_refer_to_each_other_by_urn(execute, provenance, database, store):
    def about(urn: str, identity: str = "") -> dict:
        return provenance(identity) | {"target": [{"reference": urn}]}

    first, second, third = (f"urn:uuid:00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    execute("batch", put(provenance("old", occurredDateTime="2026-11-22T09:00:00Z")))
    answer = execute(
        "transaction",
        {"fullUrl": first, "request": {"method": "POST", "url": "Provenance"}, "resource": about(second)},
        {"fullUrl": second, **put(about(first, "own"))},
        {"fullUrl": third, "request": {"method": "PUT", "url": "Provenance?when=2026"}, "resource": about("urn:uuid:of-no-entry")},
        put(about(third, "last")),
    )
    assert statuses(answer) == ["201 Created", "201 Created", "200 OK", "201 Created"]
    made = answer["entry"][0]["fullUrl"].rpartition("/")[2]
    with database.read(store) as reader:
        targets = {one.resource["id"]: one.resource["target"][0]["reference"] for one in reader.all("Provenance")}
    assert targets == {
        made: "Provenance/own",
        "own": f"Provenance/{made}",
        "old": "urn:uuid:of-no-entry",
        "last": "Provenance/old",
    }
    with pytest.raises(Refusal, match="same fullUrl"):
        execute("transaction", *[{"fullUrl": first, **put(provenance(one))} for one in "ab"])


def test_what_a_condition_finds_in_a_transaction_is_what_a_urn_means(execute, provenance, database, store):
    execute("batch", put(provenance("old")))
    urn = "urn:uuid:00000000-0000-4000-8000-000000000001"
    make = {"fullUrl": urn, "request": {"method": "POST", "url": "Provenance", "ifNoneExist": "_id=old"}, "resource": provenance("x")}
    execute("transaction", make, put(provenance("b") | {"target": [{"reference": urn}]}))
    with database.read(store) as reader:
        assert reader.get("Provenance", "b").resource["target"] == [{"reference": "Provenance/old"}]
    removed = {"request": {"method": "DELETE", "url": "Provenance/old"}}
    answer = execute("transaction", make, removed, put(provenance("b") | {"target": [{"reference": urn}]}))
    made = answer["entry"][0]["fullUrl"].rpartition("/")[2]
    assert made != "old"
    with database.read(store) as reader:
        assert reader.get("Provenance", "b").resource["target"] == [{"reference": f"Provenance/{made}"}]


def test_a_batch_goes_on_past_a_bad_entry(execute, provenance, ids):
    answer = execute("batch", put(provenance("a")), put(provenance("b", recorded="yesterday")), put(provenance("c")))
    assert statuses(answer) == ["201 Created", "400 Bad Request", "201 Created"]
    assert answer["entry"][1]["response"]["outcome"]["issue"][0]["code"] == "required"
    assert "yesterday" not in json.dumps(answer)
    assert ids() == ["a", "c"]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"request": "PUT"},
        {"request": {"method": "DELETE", "url": "Provenance"}},
        {"request": {"method": "PATCH", "url": "Provenance/a"}},
        {"request": {"method": "GET", "url": "Provenance?_id=a"}},
        {"request": {"method": "PUT", "url": "Provenance"}},
        {"request": {"method": "PUT", "url": "Provenance/a/b"}},
        {"request": {"method": "PUT", "url": "Patient/a"}, "resource": {"resourceType": "Patient", "id": "a"}},
        {"request": {"method": "PUT", "url": "Provenance/a"}},
        {
            "request": {"method": "PUT", "url": "Provenance/a"},
            "resource": {"resourceType": "Provenance", "id": "a", "text": {"div": "\ud800"}},
        },
        {"request": {"method": "GET", "url": "Provenance/none"}},
    ],
)
def test_no_entry_takes_the_others_with_it(execute, provenance, ids, entry):
    answer = execute("batch", put(provenance("x")), entry, put(provenance("y")))
    assert statuses(answer)[0] == statuses(answer)[2] == "201 Created"
    assert statuses(answer)[1].split()[0] in ("400", "404", "405")
    assert ids() == ["x", "y"]


def test_half_a_surrogate_pair_is_refused_in_its_entry_only(execute, provenance, ids):
    answer = execute("batch", put(provenance("x") | {"policy": ["\ud800"]}), put(provenance("y")))
    assert statuses(answer) == ["400 Bad Request", "201 Created"]
    assert ids() == ["y"]


def test_a_transaction_reads_what_it_wrote(execute, provenance):
    answer = execute("transaction", {"request": {"method": "GET", "url": "Provenance/a"}}, put(provenance("a")))
    assert statuses(answer) == ["200 OK", "201 Created"]
    assert answer["entry"][0]["resource"]["id"] == "a"


def test_a_transaction_may_not_write_a_resource_twice(execute, provenance, ids):
    with pytest.raises(Refusal, match="same resource"):
        execute("transaction", put(provenance("a")), put(provenance("a", "9")))
    assert ids() == []


def test_sent_again_nothing_is_added(execute, provenance):
    entries = [put(provenance("a")), put(provenance("b"))]
    first, again = execute("batch", *entries), execute("batch", *entries)
    assert statuses(again) == ["200 OK", "200 OK"]
    assert [entry["response"]["etag"] for entry in again["entry"]] == [entry["response"]["etag"] for entry in first["entry"]]


def test_entries_past_the_quota_are_refused_one_by_one_in_a_batch(execute, provenance, ids, clock):
    quota = WriteQuota(2, clock.seconds)
    entries = [{"request": {"method": "GET", "url": "Provenance/a"}}, *(put(provenance(name)) for name in "abc")]
    assert statuses(execute("batch", *entries, quota=quota)) == ["404 Not Found", "201 Created", "201 Created", "429 Too Many Requests"]
    with pytest.raises(Refusal) as refused:
        execute("batch", put(provenance("c")), quota=quota)
    assert (refused.value.status, refused.value.retry_after) == (429, 30)
    clock.advance(30)
    assert statuses(execute("batch", put(provenance("c")), quota=quota)) == ["201 Created"]
    assert ids() == ["a", "b", "c"]


def test_a_transaction_past_the_quota_is_refused_as_a_whole(execute, provenance, ids, clock):
    quota = WriteQuota(2, clock.seconds)
    execute("transaction", put(provenance("a")), quota=quota)
    with pytest.raises(Refusal) as refused:
        execute("transaction", put(provenance("b")), put(provenance("c")), quota=quota)
    assert refused.value.status == 429
    assert ids() == ["a"]


@pytest.mark.parametrize(
    "change",
    [
        {"resourceType": "Patient"},
        {"id": "other"},
        {"target": []},
        {"target": None},
        {"recorded": "2026-11-22"},
        {"recorded": "2026-11-22T10:00:00"},
        {"agent": [{}]},
        {"agent": "x"},
        {"entity": []},
        {"entity": [{"role": "SOURCE", "what": {"identifier": {"value": "x"}}}]},
        {"entity": [{"role": "source"}]},
        {"meta": "x"},
    ],
)
def test_what_r4_requires_of_a_provenance_is_checked(provenance, change):
    check(provenance("a"), "Provenance", "a")
    with pytest.raises(Refusal) as refused:
        check(provenance("a") | change, "Provenance", "a")
    assert refused.value.status == 400


@pytest.mark.parametrize("identity", ["", "a_b", "a/b", "x" * 65, "é"])
def test_ids_are_r4_ids(provenance, identity):
    with pytest.raises(Refusal):
        check(provenance(identity), "Provenance", identity)


def test_a_search_parameter_is_validated_in_full(seed_page):
    resource = seed_page("search-parameter-lookup-source.json")
    check(resource, "SearchParameter", None)
    for element in ("url", "name", "status", "description", "code", "base", "type"):
        with pytest.raises(Refusal, match=f"SearchParameter.{element} "):
            check({key: value for key, value in resource.items() if key != element}, "SearchParameter", None)
