"""The `r4` shape, the writer and the shipped SearchParameters on Medplum's router, which validates each write."""

import json

import pytest
import requests

from transforms.fhir.client import FhirClient
from transforms.fhir.install import install
from transforms.fhir.preflight import check_fhir_store
from transforms.fhir.writer import FhirWriter
from transforms.model.errors import PreflightError
from transforms.provenance.shapes import to_r4

pytestmark = pytest.mark.servers("medplum")


@pytest.fixture(scope="module")
def strict(google, medplum):
    """What a run made, in the strict shape, stored one by one."""
    install(FhirClient(medplum))
    resources = [to_r4(resource) for resource in google.resources]
    for resource in [*resources, google.operation]:
        FhirClient(medplum).put(resource)
    return resources


def total(answers):
    return tuple(map(sum, zip(*((answer.answered, answer.dead) for answer in answers), strict=True)))


def found(medplum, query):
    return {resource["id"] for resource in FhirClient(medplum).search(f"Provenance?{query}")}


def test_it_keeps_the_r4_shape_as_it_is(strict, medplum):
    for resource in strict:
        stored = FhirClient(medplum).get(f"Provenance/{resource['id']}")
        assert stored.pop("meta")["versionId"]
        assert stored == resource


def test_it_refuses_the_pages_shape_by_its_invariant(google, medplum):
    for resource in google.resources:
        url = f"{medplum}/Provenance/{resource['id']}"
        answer = requests.put(url, data=json.dumps(resource), headers={"Content-Type": "application/fhir+json"}, timeout=60)
        assert answer.status_code == 400
        assert "ext-1" in answer.text


def test_the_writer_delivers_each_entry_and_buries_the_one_it_refuses(medplum, spooled, sent, folder, google, kept):
    def change(number, resource):
        return {**(google.resources[0] if number == 77 else to_r4(resource)), "id": f"batch-{number}"}

    assert total(FhirWriter(FhirClient(medplum), folder, None).write(spooled(200, change))) == (199, 1)
    stored = {identity: resource for identity, (_, resource) in kept(medplum).items() if identity.startswith("batch-")}
    assert stored == {identity: resource for identity, resource in sent().items() if identity != "batch-77"}
    (letter,) = [json.loads(line) for file in folder.dead_letters.glob("*") for line in file.read_text().splitlines()]
    assert (letter["id"], letter["status"], letter["code"]) == ("batch-77", 400, "invariant")


def test_strings_are_found_and_numbers_never(strict, medplum):
    """Its repository in memory compares no numbers; the same queries are answered by HAPI.

    The copies that another test writes name the same instance: only what the run made counts.
    """
    ids = {resource["id"] for resource in strict}
    instance = strict[0]["entity"][0]["what"]["identifier"]["value"].rpartition("/instances/")[2]
    assert found(medplum, f"lookup-source-instance:contains={instance}") & ids == {strict[0]["id"]}
    assert found(medplum, "deid-tag=00100010") & ids == ids
    for name in ("deid-relative-bottom", "relative-x-coordinate-bottom-left"):
        assert not found(medplum, f"{name}=ge0")
        assert not found(medplum, f"{name}=le1")


def test_preflight_says_that_it_has_no_capability_statement(medplum):
    """The router alone has none; Medplum's whole server, which no registry carries, has one."""
    with pytest.raises(PreflightError, match="metadata"):
        check_fhir_store(FhirClient(medplum))
