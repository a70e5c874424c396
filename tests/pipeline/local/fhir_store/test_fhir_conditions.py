"""Conditional interactions, deletion, settings of a store and its count of writes, over HTTP."""

import json

import pytest
import requests

BUNDLE = {"resourceType": "Bundle", "type": "batch"}


@pytest.fixture
def call(base):
    """A function that sends one request to the test's own store."""

    def send(method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, base + path, json=body, headers=named, timeout=30)

    return send


def issue(response: requests.Response) -> str:
    return response.json()["issue"][0]["code"]


def statuses(response: requests.Response) -> list[str]:
    return [entry["response"]["status"][:3] for entry in response.json()["entry"]]


def entry(method: str, url: str, resource: object = None, **conditions: str) -> dict:
    return {"request": {"method": method, "url": url, **conditions}, **({"resource": resource} if resource else {})}


def test_if_match_updates_the_named_version_only(call, provenance):
    assert call("PUT", "/fhir/Provenance/a", provenance("a"), If_Match='W/"1"').status_code == 412
    assert call("PUT", "/fhir/Provenance/a", provenance("a")).status_code == 201
    assert call("PUT", "/fhir/Provenance/a", provenance("a", "4"), If_Match='W/"1"').headers["ETag"] == 'W/"2"'
    refused = call("PUT", "/fhir/Provenance/a", provenance("a", "5"), If_Match='W/"1"')
    assert (refused.status_code, issue(refused)) == (412, "conflict")
    assert call("DELETE", "/fhir/Provenance/a", If_Match='W/"1"').status_code == 412
    assert call("GET", "/fhir/Provenance/a").json()["meta"]["versionId"] == "2"


def test_if_none_match_creates_only(call, provenance):
    assert call("PUT", "/fhir/Provenance/a", provenance("a"), If_None_Match="*").status_code == 201
    assert call("PUT", "/fhir/Provenance/a", provenance("a", "4"), If_None_Match="*").status_code == 412
    assert call("PUT", "/fhir/Provenance/a", provenance("a", "4"), If_None_Match='W/"1"').status_code == 412
    assert call("PUT", "/fhir/Provenance/a", provenance("a", "4"), If_None_Match='W/"9"').status_code == 200


def test_an_unchanged_resource_is_not_read_again(call, provenance):
    tag = call("PUT", "/fhir/Provenance/a", provenance("a")).headers["ETag"]
    unchanged = call("GET", "/fhir/Provenance/a", If_None_Match=tag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert call("GET", "/fhir/Provenance/a", If_None_Match='W/"7"').status_code == 200


def test_a_conditional_create_adds_nothing_where_one_matches(call, provenance):
    condition = {"If_None_Exist": "recorded=2026-11-22T10:00:00.000Z"}
    made = call("POST", "/fhir/Provenance", provenance("x"), **condition)
    again = call("POST", "/fhir/Provenance", provenance("y", "4"), **condition)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    call("POST", "/fhir/Provenance", provenance("z", "5"))
    several = call("POST", "/fhir/Provenance", provenance("y", "4"), **condition)
    assert (several.status_code, issue(several)) == (412, "multiple-matches")
    for criteria in ("", "no-such=1", "_count=1", "recorded=x"):
        assert call("POST", "/fhir/Provenance", provenance("y"), If_None_Exist=criteria).status_code == 400
    assert call("GET", "/fhir/Provenance").json()["total"] == 2


def test_an_update_by_query_creates_or_updates_the_one_match(call, provenance):
    def resource(instance: str, **more) -> dict:
        return {name: value for name, value in provenance("", instance).items() if name != "id"} | more

    path = "/fhir/Provenance?when=2026-11-22"
    occurred = {"occurredDateTime": "2026-11-22T09:00:00Z"}
    made = call("PUT", path, resource("3", **occurred))
    changed = call("PUT", path, resource("4", **occurred))
    assert (made.status_code, changed.status_code) == (201, 200)
    assert changed.json()["id"] == made.json()["id"]
    assert changed.json()["meta"]["versionId"] == "2"
    assert call("PUT", path, resource("4", id="other", **occurred)).status_code == 400
    own = call("PUT", "/fhir/Provenance?when=2027", resource("4", id="own", occurredDateTime="2027-01-01T00:00:00Z"))
    assert (own.status_code, own.json()["id"]) == (201, "own")
    assert call("PUT", "/fhir/Provenance?when=2028", resource("4", id="own")).status_code == 409
    call("PUT", "/fhir/Provenance/third", resource("5", id="third", **occurred))
    assert call("PUT", path, resource("6", **occurred)).status_code == 412
    assert call("PUT", "/fhir/Provenance", resource("6")).status_code == 400


def test_a_deleted_resource_is_gone_but_its_versions_stay(call, provenance):
    call("PUT", "/fhir/Provenance/a", provenance("a"))
    assert [call("DELETE", f"/fhir/Provenance/{name}").status_code for name in ("a", "a", "never")] == [200, 200, 200]
    gone = call("GET", "/fhir/Provenance/a")
    assert (gone.status_code, issue(gone)) == (410, "deleted")
    assert call("GET", "/fhir/Provenance/never").status_code == 404
    for query in ("", "?_id=a", "?agent:missing=false", "?target:missing=true"):
        assert call("GET", f"/fhir/Provenance{query}").json()["total"] == 0
    history = call("GET", "/fhir/Provenance/a/_history").json()["entry"]
    assert [one["request"]["method"] for one in history] == ["DELETE", "PUT"]
    assert "resource" not in history[0]
    assert [call("GET", f"/fhir/Provenance/a/_history/{number}").status_code for number in (1, 2)] == [200, 410]
    back = call("PUT", "/fhir/Provenance/a", provenance("a"))
    assert (back.status_code, back.json()["meta"]["versionId"]) == (201, "3")


def test_a_deletion_by_query_takes_what_matches_a_page_at_most(call, provenance):
    for number in range(5):
        call("PUT", f"/fhir/Provenance/p{number}", provenance(f"p{number}", occurredDateTime="2026-11-22T09:00:00Z"))
    call("PUT", "/fhir/Provenance/other", provenance("other"))
    for criteria in ("", "_count=2", "no-such=1", "when=2026&_sort=when", "when=2026&_count=0"):
        assert call("DELETE", f"/fhir/Provenance?{criteria}").status_code == 400
    assert call("DELETE", "/fhir/Provenance?when=2026&_count=2").status_code == 200
    assert call("GET", "/fhir/Provenance?when=2026").json()["total"] == 3
    entries = [entry("DELETE", "Provenance?when=2026"), entry("DELETE", "Provenance?when=2027"), entry("DELETE", "Provenance")]
    assert statuses(call("POST", "/fhir", {**BUNDLE, "entry": entries})) == ["200", "200", "400"]
    assert [one["resource"]["id"] for one in call("GET", "/fhir/Provenance").json()["entry"]] == ["other"]
    counted = {one["resourceType"]: one["writes"] for one in call("GET", ":getFHIRStoreMetrics").json()["metrics"]}
    assert counted["Provenance"] == str(6 + 5 + 1)
    assert call("GET", "/fhir/metadata").json()["rest"][0]["resource"][0]["conditionalDelete"] == "multiple"


def test_a_history_comes_in_pages_and_by_time(call, provenance):
    for number in range(5):
        call("PUT", "/fhir/Provenance/a", provenance("a", str(number)))
    call("DELETE", "/fhir/Provenance/a")
    seen, url = [], "/fhir/Provenance/a/_history?_count=4"
    while url:
        page = call("GET", url).json()
        assert page["total"] == 6
        seen.append([one["response"]["etag"] for one in page["entry"]])
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = links["next"][links["next"].index("/fhir/") :] if "next" in links else None
    assert seen == [['W/"6"', 'W/"5"', 'W/"4"', 'W/"3"'], ['W/"2"', 'W/"1"']]
    whole = call("GET", "/fhir/Provenance/a/_history").json()["entry"]
    moments = [one["response"]["lastModified"] for one in whole]
    later = call("GET", f"/fhir/Provenance/a/_history?_since={moments[2]}").json()
    assert later["total"] == len([one for one in moments if one >= moments[2]])
    then = call("GET", f"/fhir/Provenance/a/_history?_at={moments[-1]}").json()["entry"]
    assert then[-1]["response"]["etag"] == 'W/"1"'
    assert call("GET", "/fhir/Provenance/a/_history?_at=2020").json()["total"] == 0
    assert call("GET", "/fhir/Provenance/a/_history?_at=2020").json().get("entry") is None
    for query in ("_count=0", "_since=yesterday", "_at=x", "_page_token=x"):
        assert call("GET", f"/fhir/Provenance/a/_history?{query}").status_code == 400


def test_the_entries_of_a_bundle_take_the_same_conditions(call, provenance):
    call("PUT", "/fhir/Provenance/a", provenance("a"))
    entries = [
        entry("PUT", "Provenance/a", provenance("a", "4"), ifNoneMatch="*"),
        entry("PUT", "Provenance/a", provenance("a", "4"), ifMatch='W/"1"'),
        entry("POST", "Provenance", provenance("x"), ifNoneExist="_id=a"),
        entry("PUT", "Provenance?_id=a", provenance("a", "5")),
        entry("GET", "Provenance/a", ifNoneMatch='W/"3"'),
        entry("DELETE", "Provenance/a"),
        entry("GET", "Provenance/a"),
    ]
    assert statuses(call("POST", "/fhir", {**BUNDLE, "entry": entries})) == ["412", "200", "200", "200", "304", "200", "410"]


def test_a_transaction_deletes_before_it_creates_and_undoes_all_if_a_condition_fails(call, provenance):
    call("PUT", "/fhir/Provenance/a", provenance("a"))
    change = [entry("POST", "Provenance", provenance("b"), ifNoneExist="_id=a"), entry("DELETE", "Provenance/a")]
    failing = [*change, entry("PUT", "Provenance/c", provenance("c"), ifMatch='W/"1"')]
    refused = call("POST", "/fhir", {**BUNDLE, "type": "transaction", "entry": failing})
    assert (refused.status_code, "entry 2" in refused.json()["issue"][0]["diagnostics"]) == (412, True)
    assert call("GET", "/fhir/Provenance/a").status_code == 200
    assert statuses(call("POST", "/fhir", {**BUNDLE, "type": "transaction", "entry": change})) == ["201", "200"]
    assert call("GET", "/fhir/Provenance").json()["total"] == 1


def test_a_store_without_update_create_gives_the_ids_itself(call, provenance):
    on = call("PATCH", "?updateMask=enableUpdateCreate", {"enableUpdateCreate": False}).json()
    assert on["enableUpdateCreate"] is False
    refused = call("PUT", "/fhir/Provenance/a", provenance("a"))
    assert (refused.status_code, issue(refused)) == (405, "not-supported")
    assert statuses(call("POST", "/fhir", {**BUNDLE, "entry": [entry("PUT", "Provenance/a", provenance("a"))]})) == ["405"]
    made = call("POST", "/fhir/Provenance", provenance("a")).json()
    assert made["id"] != "a"
    assert call("PUT", f"/fhir/Provenance/{made['id']}", {**provenance(made["id"], "4")}).status_code == 200
    assert call("GET", "/fhir/metadata").json()["rest"][0]["resource"][0]["updateCreate"] is False


def test_a_store_may_be_strict_by_itself(call):
    assert call("PATCH", "?updateMask=defaultSearchHandlingStrict", {"defaultSearchHandlingStrict": True}).status_code == 200
    assert call("GET", "/fhir/Provenance?no-such=1").status_code == 400
    assert call("GET", "/fhir/Provenance?no-such=1", Prefer="handling=lenient").status_code == 200


@pytest.mark.parametrize(
    ("mask", "body"),
    [
        ("disableReferentialIntegrity", {"disableReferentialIntegrity": False}),
        ("enableUpdateCreate", {}),
        ("enableUpdateCreate", {"enableUpdateCreate": "no"}),
        ("labels", {"labels": {}}),
        ("", {"enableUpdateCreate": False}),
        ("enableUpdateCreate", {"enableUpdateCreate": False, "version": "R5"}),
    ],
)
def test_what_cannot_be_set_is_refused(call, mask, body):
    assert call("PATCH", f"?updateMask={mask}", body).status_code == 400
    assert call("GET", "").json()["enableUpdateCreate"] is True


@pytest.fixture
def enforcing(server, provenance):
    """The URL of a store that enforces referential integrity, and how to send to it."""
    dataset = f"{server}/v1beta1/projects/p/locations/l/datasets/enforcing"
    url = f"{dataset}/fhirStores?fhirStoreId=strict"
    made = requests.post(url, json={"version": "R4", "disableReferentialIntegrity": False}, timeout=30)
    assert (made.status_code, made.json()["disableReferentialIntegrity"]) == (200, False)
    assert requests.post(url, json={}, timeout=30).status_code == 409
    return f"{dataset}/fhirStores/strict/fhir"


def test_references_lead_somewhere_in_a_store_that_enforces_them(enforcing, provenance):
    def put(identity: str, target: str) -> requests.Response:
        resource = provenance(identity) | {"target": [{"reference": target}]}
        return requests.put(f"{enforcing}/Provenance/{identity}", json=resource, timeout=30)

    def delete(identity: str) -> requests.Response:
        return requests.delete(f"{enforcing}/Provenance/{identity}", timeout=30)

    assert [put("a", target).status_code for target in ("Provenance/none", "Patient/1", f"{enforcing}/Provenance/none")] == [400] * 3
    assert requests.get(f"{enforcing}/Provenance/a", timeout=30).status_code == 404
    assert [put("a", target).status_code for target in ("https://elsewhere.example/fhir/Patient/1", "#x", "urn:uuid:1")] == [201, 200, 200]
    assert requests.put(f"{enforcing}/Provenance/own", json=provenance("own"), timeout=30).status_code == 201
    assert put("b", "Provenance/a/_history/1").status_code == 201
    refused = delete("a")
    assert (refused.status_code, issue(refused)) == (409, "conflict")
    entries = [
        entry("PUT", f"Provenance/{one}", provenance(one) | {"target": [{"reference": f"Provenance/{other}"}]})
        for one, other in ("cd", "dc")
    ]
    for kind, due in (("batch", ["400", "400"]), ("transaction", ["201", "201"])):
        assert statuses(requests.post(enforcing, json={**BUNDLE, "type": kind, "entry": entries}, timeout=30)) == due
    assert put("b", "Provenance/c").status_code == 200
    by_query = requests.delete(f"{enforcing}/Provenance?_id=c,own", timeout=30)
    assert (by_query.status_code, issue(by_query)) == (409, "conflict")
    assert requests.get(f"{enforcing}/Provenance/own", timeout=30).status_code == 200
    assert delete("a").status_code == 200
    assert [delete(name).status_code for name in "cb"] == [409, 200]


def test_elsewhere_a_reference_may_lead_nowhere(call, provenance):
    assert call("PUT", "/fhir/Provenance/a", provenance("a") | {"target": [{"reference": "Provenance/none"}]}).status_code == 201


def test_the_server_counts_the_writes_it_carried_out(call, provenance, seed_page):
    def writes() -> dict[str, tuple[str, str]]:
        return {one["resourceType"]: (one["count"], one["writes"]) for one in call("GET", ":getFHIRStoreMetrics").json()["metrics"]}

    assert writes() == {"Provenance": ("0", "0"), "SearchParameter": ("0", "0")}
    entries = [entry("PUT", f"Provenance/{name}", provenance(name)) for name in "abc"]
    call("POST", "/fhir", {**BUNDLE, "entry": [*entries, entry("PUT", "Provenance/x"), entry("GET", "Provenance/a")]})
    assert writes()["Provenance"] == ("3", "3")
    call("PUT", "/fhir/Provenance/a", provenance("a"))
    call("PUT", "/fhir/Provenance/a", provenance("a", "4"))
    call("DELETE", "/fhir/Provenance/b")
    call("PUT", "/fhir/Provenance/a", {})
    call("POST", "/fhir", {**BUNDLE, "type": "transaction", "entry": [*entries, entry("PUT", "Provenance/x")]})
    call("POST", "/fhir/SearchParameter", seed_page("search-parameter-lookup-source.json"))
    assert writes() == {"Provenance": ("2", "6"), "SearchParameter": ("1", "1")}
    size = call("GET", ":getFHIRStoreMetrics").json()["metrics"][0]["structuredStorageSizeBytes"]
    assert int(size) > 2 * 400


def test_numbers_come_back_as_they_were_written(base, call, provenance):
    text = json.dumps(provenance("a", bottoms=(0.25,))).replace("0.25", "0.250").replace('"valueDecimal": 1}', '"valueDecimal": 1.0E+2}')
    headers = {"Content-Type": "application/fhir+json"}
    made = requests.put(f"{base}/fhir/Provenance/a", data=text, headers=headers, timeout=30)
    found = [made, call("GET", "/fhir/Provenance/a"), call("GET", "/fhir/Provenance"), call("GET", "/fhir/Provenance/a/_history")]
    for answer in found:
        assert '"valueDecimal":0.250}' in answer.text
        assert '"valueDecimal":1.0E+2}' in answer.text
    assert requests.put(f"{base}/fhir/Provenance/a", data=text, headers=headers, timeout=30).headers["ETag"] == 'W/"1"'
    shorter = text.replace("0.250", "0.25")
    assert requests.put(f"{base}/fhir/Provenance/a", data=shorter, headers=headers, timeout=30).headers["ETag"] == 'W/"2"'
