import urllib.parse

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.local import fhir_match, fhir_search
from pipeline.local.fhir_resource import Refusal

BOTTOM = "relative-x-coordinate-bottom-left"
SOURCE = "lookup-source-instance"


@pytest.mark.parametrize(
    ("query", "due"),
    [
        (f"{BOTTOM}=le0.05", ["a"]),
        (f"{BOTTOM}=lt0.05", []),
        (f"{BOTTOM}=0.05", ["a"]),
        (f"{BOTTOM}=0.5", ["a"]),
        (f"{BOTTOM}=eq0.450", ["a"]),
        (f"{BOTTOM}=ge0.45", ["a", "c"]),
        (f"{BOTTOM}=gt0.45", ["c"]),
        (f"{BOTTOM}=1", ["c"]),
        (f"{BOTTOM}=ne0.05", ["a", "c"]),
        (f"{BOTTOM}=0.05,1", ["a", "c"]),
        (f"{BOTTOM}=ge0.05&{BOTTOM}=le0.5", ["a"]),
        (f"{BOTTOM}=eb0.46", ["a"]),
        (f"{BOTTOM}=sa0.45", ["c"]),
        (f"{BOTTOM}=ap0.49", ["a"]),
        (f"{BOTTOM}=ap0.6", []),
        (f"{BOTTOM}=ap1", ["c"]),
        (f"{BOTTOM}=lt0.05,gt0.45", ["c"]),
        (f"{BOTTOM}:missing=true", ["b"]),
        (f"{BOTTOM}:missing=false", ["a", "c"]),
    ],
)
def test_a_number_matches_if_any_of_its_values_does(filled, found, query, due):
    assert found(query) == due


@pytest.mark.parametrize(
    ("query", "due"),
    [
        (f"{SOURCE}:contains=studies/1/series/2/instances/3", ["a"]),
        (f"{SOURCE}:contains=INSTANCES/4", ["b", "c"]),
        (f"{SOURCE}=Projects/Local", ["a", "b", "c"]),
        (f"{SOURCE}=projects local,, locations".replace(",,", " /"), ["a", "b", "c"]),
        (f"{SOURCE}=.projects", ["a", "b", "c"]),
        (f"{SOURCE}=projectslocal", []),
        (f"{SOURCE}=studies/1", []),
        (f"{SOURCE}:contains=studies.1/series", []),
        (f"{SOURCE}:contains=/4", ["b", "c"]),
        (f"{SOURCE}:missing=true", []),
        (f"{SOURCE}:exact=projects/local/locations/local/datasets/local/dicomStores/aaaa/dicomWeb/studies/1/series/2/instances/4", ["b"]),
        (f"{SOURCE}:exact=Projects/local/locations/local/datasets/local/dicomStores/aaaa/dicomWeb/studies/1/series/2/instances/4", []),
        (f"{SOURCE}:contains=instances/3,instances/40", ["a", "c"]),
        (f"{SOURCE}:contains=instances/4&{SOURCE}:contains=instances/40", ["c"]),
        (f"{SOURCE}:contains=no\\,comma", []),
        (f"{SOURCE}:contains=no\\\\,instances/40", ["c"]),
    ],
)
def test_strings_match_by_prefix_part_or_whole(filled, found, query, due):
    assert found(query) == due


@pytest.mark.parametrize(
    ("query", "due"),
    [
        ("recorded=2010-11-08", ["a", "b"]),
        ("recorded=2010-11-08T12:39:24Z", ["a"]),
        ("recorded=gt2010-11-08T12:39:24Z", ["b", "c"]),
        ("recorded=ge2010-11-08T12:39:25Z", ["b", "c"]),
        ("recorded=lt2010-11-08T12:39:25Z", ["a"]),
        ("recorded=le2010-11-08T12:39:25Z", ["a", "b"]),
        ("recorded=ne2010", ["c"]),
        ("recorded=sa2010", ["c"]),
        ("recorded=eb2020", ["a", "b"]),
        ("recorded=ap2020", ["c"]),
        ("recorded=ap2010-11", ["a", "b"]),
        ("recorded=eq2010-11-08T08:39-04:00", ["a", "b"]),
        ("when=2010-11-08", ["b"]),
        ("when=ap2011", ["b"]),
        ("when=2010-11-08T12:30Z", []),
        ("when=gt2010-11-08T12:30Z", ["b"]),
        ("_lastUpdated=2026-11-22T10:00:01Z", ["b"]),
        ("_lastUpdated=ge2026-11-22T10:00:01Z", ["b", "c"]),
        ("_lastUpdated=gt2026-11-22T10:00:01.000Z", ["c"]),
        ("_lastUpdated=le2026-11-22T10:00:01.000Z", ["a", "b"]),
    ],
)
def test_dates_match_as_ranges(filled, found, query, due):
    assert found(query) == due


@pytest.mark.parametrize(
    ("query", "due"),
    [
        ("_id=b", ["b"]),
        ("_id=b,c,none", ["b", "c"]),
        ("agent:identifier=projects/local/fhirStores/provenance/fhir/Provenance/operation-1", ["a", "b", "c"]),
        ("agent:identifier=|projects/local/fhirStores/provenance/fhir/Provenance/operation-1", ["a", "b", "c"]),
        ("agent:identifier=other|projects/local/fhirStores/provenance/fhir/Provenance/operation-1", []),
        ("target:identifier=projects/local/locations/local/datasets/local/dicomStores/bbbb/dicomWeb/studies/1/series/2/instances/4", ["b"]),
        ("target=Patient/1", []),
    ],
)
def test_ids_and_references_match(filled, found, query, due):
    assert found(query) == due


def test_literal_references_match_by_id_and_by_type_and_id(database, store, provenance, found):
    with database.write(store) as writer:
        writer.put("Provenance", "a", provenance("a") | {"target": [{"reference": "https://h/fhir/Patient/12"}]})
    for matching in ("target=12", "target=Patient/12", "target=https://h/fhir/Patient/12", "target:Patient=12"):
        assert found(matching) == ["a"]
    for other in ("target=2", "target=Patient/1", "target:Group=12", "target:Patient=2"):
        assert found(other) == []


def test_a_token_is_found_by_what_it_is_displayed_as(database, store, provenance, found):
    roles = {
        "a": {"coding": [{"system": "s", "code": "x", "display": "The Author"}]},
        "b": {"text": "the author's friend"},
        "c": {"coding": [{"code": "author"}]},
    }
    for name, role in roles.items():
        agent = {"who": {"display": "w"}, "role": [role]}
        with database.write(store) as writer:
            writer.put("Provenance", name, provenance(name, agent=[agent]))
    assert found("agent-role:text=the author") == ["a", "b"]
    assert found("agent-role:text=friend") == []
    assert found("agent-role=s|") == ["a"]
    assert found("agent-role=|author") == ["c"]
    assert found("agent-role:not=s|x") == ["b", "c"]
    assert found("agent-role:missing=false") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("sort", "due"),
    [
        ("recorded", ["a", "b", "c"]),
        ("-recorded", ["c", "b", "a"]),
        (BOTTOM, ["a", "c", "b"]),
        (f"-{BOTTOM}", ["c", "a", "b"]),
        (f"-{SOURCE}", ["c", "b", "a"]),
        ("-_lastUpdated", ["c", "b", "a"]),
        ("-_id", ["c", "b", "a"]),
        ("when,-recorded", ["b", "c", "a"]),
        (f"-{BOTTOM},{SOURCE}", ["c", "a", "b"]),
    ],
)
def test_results_are_sorted_by_the_first_value_and_without_one_come_last(filled, found, sort, due):
    assert found(f"_sort={sort}") == due


def test_an_unknown_sort_key_is_ignored_unless_strict(filled, found):
    assert found("_sort=no-such,-_id", strict=False) == ["c", "b", "a"]
    with pytest.raises(Refusal, match="_sort"):
        found("_sort=no-such", strict=True)


def test_sorted_pages_hold_each_resource_once(filled, database, store):
    query, seen = "_sort=-recorded&_count=1", []
    while query:
        with database.read(store) as reader:
            bundle = fhir_search.search(reader, "Provenance", urllib.parse.parse_qsl(query), "base")
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        query = next((link["url"].partition("?")[2] for link in bundle["link"] if link["relation"] == "next"), "")
    assert seen == ["c", "b", "a"]


def test_elements_and_total_are_as_asked(filled, database, store):
    with database.read(store) as reader:
        bundle = fhir_search.search(
            reader, "Provenance", [("_elements", "entity,x"), ("_total", "none"), ("_count", "1")], "base", strict=True
        )
    assert "total" not in bundle
    resource = bundle["entry"][0]["resource"]
    assert set(resource) == {"resourceType", "id", "meta", "target", "recorded", "agent", "entity"}
    assert resource["meta"]["tag"] == [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]
    with database.read(store) as reader:
        bundle = fhir_search.search(reader, "Provenance", [("_elements", "text"), ("_total", "accurate")], "base", strict=True)
    assert bundle["total"] == 3
    assert "entity" not in bundle["entry"][0]["resource"]


def test_search_parameters_are_found_by_token_and_uri(filled, found):
    assert found("type=number", "SearchParameter") == [BOTTOM]
    assert found("base=Provenance&type:not=number", "SearchParameter") == [SOURCE]
    assert found(f"url={SOURCE}", "SearchParameter") == [SOURCE]


@pytest.mark.parametrize(
    "query",
    [
        "recorded=xx2010",
        "recorded=",
        "_count=0",
        "recorded=ap",
        "_page_token=x",
        f"{BOTTOM}=le",
        f"{BOTTOM}:contains=1",
        "_id:exact=a",
        "recorded:missing=1",
        f"{SOURCE}=",
        f"{SOURCE}:contains=a,",
        "_id=",
        f"{SOURCE}=...",
        f"{SOURCE}:not=a",
        f"{SOURCE}:text=a",
        f"{BOTTOM}:exact=1",
        "recorded:contains=2010",
        "agent-role:in=http://example.org/set",
        "agent-role:above=x",
        "agent:below=x",
        "agent:identifier:missing=true",
        "_sort=target",
        "_sort=",
        "_elements=",
    ],
)
def test_what_cannot_be_understood_is_refused_even_if_lenient(filled, found, query):
    with pytest.raises(Refusal) as refused:
        found(query, strict=False)
    assert refused.value.status == 400


NAMES = [
    *("_id", "_lastUpdated", "_count", "_page_token", "recorded", "when", "target", "target:identifier", "agent-role", "agent-role:not"),
    *("agent-role:text", "target:Patient", "target:missing", "_sort", "_elements", "_total", "_summary"),
    *(SOURCE, f"{SOURCE}:contains", f"{SOURCE}:exact", BOTTOM, f"{BOTTOM}:missing", "other"),
]
KEYS = st.lists(st.sampled_from(["", "-"]).flatmap(lambda sign: st.sampled_from(NAMES).map(lambda name: sign + name)), max_size=3)
VALUES = st.one_of(
    KEYS.map(",".join),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.from_regex(r"(ne|sa|x)?[0-9+eE.,|\\:TZ-]{1,30}", fullmatch=True),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3))
@example([("_page_token", "YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5")])
@example([(BOTTOM, "1e999999999")])
@example([("recorded", "9999")])
@example([("recorded", "0001-01-01T00:00:00+14:00")])
def test_any_query_is_answered_or_refused(filled, database, store, items):
    with database.read(store) as reader:
        try:
            bundle = fhir_search.search(reader, "Provenance", items, "base")
        except Refusal:
            return
    assert 0 <= len(bundle.get("entry", ())) <= bundle.get("total", 3) <= 3


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_an_escaped_comma_is_a_part_of_its_alternative(parts):
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace(",", "\\,")

    found = fhir_match.alternatives(",".join(map(escaped, parts)))
    assert found == list(map(escaped, parts))
    assert [fhir_match._plain(one) for one in found] == parts


def test_an_unknown_parameter_is_ignored_unless_strict(filled, found, database, store):
    assert found("no-such=1", strict=False) == ["a", "b", "c"]
    assert found("_format=json&_id=a", strict=True) == ["a"]
    with pytest.raises(Refusal, match="unknown"):
        found("no-such=1", strict=True)
    with database.read(store) as reader:
        bundle = fhir_search.search(reader, "Provenance", [("no-such", "1"), ("_id", "a")], "base")
    assert {link["url"] for link in bundle["link"]} == {"base/fhir/Provenance?_id=a"}


def test_pages_are_linked_and_hold_each_resource_once(filled, database, store, provenance):
    query, seen, sizes = "_count=2", [], []
    while True:
        with database.read(store) as reader:
            bundle = fhir_search.search(reader, "Provenance", urllib.parse.parse_qsl(query), "base")
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        sizes.append(bundle["total"])
        assert links["self"].partition("?")[2] == query
        assert links["first"] == links["search"] == "base/fhir/Provenance?_count=2"
        if "next" not in links:
            break
        query = links["next"].partition("?")[2]
    assert seen == ["a", "b", "c"]
    assert sizes == [3, 3]


def test_a_page_may_be_exactly_full(filled, database, store):
    with database.read(store) as reader:
        bundle = fhir_search.search(reader, "Provenance", [("_count", "3")], "base")
    assert [link["relation"] for link in bundle["link"]] == ["search", "first", "self"]


def test_nothing_found_has_no_entry(database, store):
    with database.read(store) as reader:
        bundle = fhir_search.search(reader, "Provenance", [], "base")
    assert (bundle["total"], "entry" in bundle) == (0, False)


def test_a_resource_that_changes_is_found_by_what_it_says_now(filled, database, store, provenance, found):
    with database.write(store) as writer:
        writer.put("Provenance", "a", provenance("a", "3", (0.9,)))
    assert found(f"{BOTTOM}=le0.05") == []
    assert found(f"{BOTTOM}=0.9") == ["a"]
