"""The `r4` shape, the writer and the shipped SearchParameters on HAPI FHIR JPA."""

import copy
import json

import pytest
import requests

from pipeline.local.search import search_remotely
from transforms.fhir.client import FhirClient
from transforms.fhir.install import install
from transforms.fhir.preflight import check_fhir_store
from transforms.fhir.writer import FhirWriter
from transforms.model.errors import ConfigError
from transforms.provenance.shapes import to_r4

pytestmark = pytest.mark.servers("hapi")

FHIR_JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def run(deidentify, hapi):
    """A whole run that writes straight to HAPI, after the SearchParameters were installed there."""
    install(FhirClient(hapi))
    done = deidentify("--fhir_store", hapi, "--provenance_shape", "r4")
    assert done.code == 0, done.output
    return done


def total(answers):
    return tuple(map(sum, zip(*((answer.answered, answer.dead) for answer in answers), strict=True)))


def renamed(prefix):
    def change(number, resource):
        return {**to_r4(resource), "id": f"{prefix}-{number}"}

    return change


def refused_by_all_strict_servers(resource):
    """Whether an extension has a value beside children, which R4 forbids (ext-1)."""
    if isinstance(resource, list):
        return any(map(refused_by_all_strict_servers, resource))
    if not isinstance(resource, dict):
        return False
    mixed = "extension" in resource and any(name.startswith("value") for name in resource)
    return mixed or any(map(refused_by_all_strict_servers, resource.values()))


def boxes(resource):
    """Relative bottoms of all boxes, in either shape."""
    (entity,) = resource["entity"]
    frames = [frame for image in entity["extension"] if image["url"] == "https://g.co/dicom-images" for frame in image["extension"]]
    return [edge["valueDecimal"] for frame in frames for edge in frame.get("extension", []) if edge["url"] == "relative-bottom"]


def found(hapi, query):
    return {resource["id"] for resource in FhirClient(hapi).search(f"Provenance?{query}&_count=500")}


def test_it_passes_preflight(hapi):
    check_fhir_store(FhirClient(hapi))


def test_a_whole_run_leaves_there_what_it_spooled(run, hapi, kept):
    sent = {resource["id"]: resource for resource in [*run.resources, run.operation]}
    assert len(sent) == 3
    stored = kept(hapi)
    assert {identity: stored[identity] for identity in sent} == {identity: ("1", resource) for identity, resource in sent.items()}


def test_its_validator_finds_no_error_in_the_r4_shape_and_names_the_mixture_in_the_other(run, google, hapi):
    def errors(resource):
        answer = requests.post(f"{hapi}/Provenance/$validate", data=json.dumps(resource), headers=FHIR_JSON, timeout=120)
        return [issue["diagnostics"] for issue in answer.json()["issue"] if issue["severity"] in ("error", "fatal")]

    assert {resource["id"]: errors(resource) for resource in [*run.resources, run.operation]} == {
        resource["id"]: [] for resource in [*run.resources, run.operation]
    }
    assert "must not have both a value and other contained extensions" in errors(google.resources[0])[0]


def test_numbers_inside_extensions_are_found_by_comparison(run, hapi):
    (pictured,) = [resource for resource in run.resources if boxes(resource)]
    edges = sorted(boxes(pictured))
    assert len(edges) > 1
    first, middle, last = edges[0], (edges[0] + edges[-1]) / 2, edges[-1]
    expected = {  # a hundredth beside the edges: HAPI indexes numbers to two places
        f"le{first + 0.01:.6f}": True,
        f"lt{first - 0.01:.6f}": False,
        f"gt{middle:.6f}": True,  # so the last box is indexed, not the first alone
        f"ge{last - 0.01:.6f}": True,
        f"gt{last + 0.01:.6f}": False,
    }
    for name in ("deid-relative-bottom", "relative-x-coordinate-bottom-left"):
        assert {query: pictured["id"] in found(hapi, f"{name}={query}") for query in expected} == expected


def test_strings_inside_extensions_are_found(run, hapi):
    (pictured,) = [resource for resource in run.resources if boxes(resource)]
    ids = {resource["id"] for resource in run.resources}
    assert found(hapi, "deid-tag=00100010") & ids == ids
    assert found(hapi, "deid-tag=00100011") & ids == set()
    source = pictured["entity"][0]["what"]["identifier"]["value"]
    assert found(hapi, f"lookup-source-instance:contains={source.rpartition('/instances/')[2]}") == {pictured["id"]}
    operation = run.operation["id"]
    assert found(hapi, f"deid-operation:contains={operation}") == ids


def test_our_search_follows_its_pages_and_refuses_what_it_does_not_know(run, hapi):
    bundle = search_remotely(hapi, f"Provenance?deid-operation:contains={run.operation['id']}&_count=1")
    assert {entry["resource"]["id"] for entry in bundle["entry"]} == {resource["id"] for resource in run.resources}
    with pytest.raises(ConfigError, match="QUERY"):
        search_remotely(hapi, "Provenance?nonsense=1")


def test_as_many_resources_as_entries_under_their_own_ids_and_a_repetition_changes_none(hapi, spooled, sent, folder, kept):
    shards = spooled(300, renamed("many"))
    for _ in range(2):
        assert total(FhirWriter(FhirClient(hapi), folder, None).write(shards)) == (300, 0)
        stored = kept(hapi)
        assert {identity: entry for identity, entry in stored.items() if identity.startswith("many-")} == {
            identity: ("1", resource) for identity, resource in sent().items()
        }
        for marker in folder.answered.iterdir():
            marker.unlink()


def test_of_the_pages_shape_it_refuses_what_mixes_and_takes_the_rest(hapi, spooled, folder, google, kept):
    """It cannot parse one such entry and refuses the whole bundle for it: the writer has to find it."""
    mixed = next(resource for resource in google.resources if refused_by_all_strict_servers(resource))

    def change(number, resource):
        return {**(mixed if number == 41 else to_r4(resource)), "id": f"few-{number}"}

    assert total(FhirWriter(FhirClient(hapi), folder, None).write(spooled(60, change))) == (59, 1)
    assert len([identity for identity in kept(hapi) if identity.startswith("few-")]) == 59
    (letters,) = folder.dead_letters.glob("*")
    letter = json.loads(letters.read_text())
    assert (letter["id"], letter["status"], letter["retryable"]) == ("few-41", 400, False)


def test_it_takes_no_id_of_digits_alone(hapi, google):
    resource = {**to_r4(copy.deepcopy(google.resources[0])), "id": "1" * 32}
    answer = requests.put(f"{hapi}/Provenance/{resource['id']}", data=json.dumps(resource), headers=FHIR_JSON, timeout=60)
    assert answer.status_code == 400
    assert "at least one non-numeric character" in answer.text
