import json

import pytest

from transforms.fhir.client import FhirClient
from transforms.fhir.preflight import check_fhir_store
from transforms.model.errors import PreflightError

STORE_PATH = "/v1/projects/p/locations/l/datasets/d/fhirStores/f"
STORE = {"name": "projects/p/locations/l/datasets/d/fhirStores/f", "version": "R4", "enableUpdateCreate": True}
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "resource": [{"type": "Provenance", "updateCreate": True}]}],
}


PERMITTED = {"permissions": ["healthcare.fhirResources.update", "healthcare.fhirStores.executeBundle"]}


@pytest.fixture
def check(http_server):
    def check(path, status, body, permitted=PERMITTED):
        def answer(handler, asked):
            if handler.command == "POST" and handler.path == f"{STORE_PATH}:testIamPermissions":
                assert json.loads(asked) == PERMITTED
                handler.reply(200 if permitted is not None else 404, permitted or {})
                return
            right = handler.path == (STORE_PATH if "/fhirStores/" in path else f"{path}/metadata")
            handler.reply(status if right else 404, body)

        with http_server(answer) as url:
            check_fhir_store(FhirClient(url + path))

    return check


def test_good_stores_pass(check):
    check(STORE_PATH, 200, STORE)
    check("/fhir", 200, STATEMENT)
    check("/fhir", 200, {**STATEMENT, "rest": [{"mode": "server", "resource": [{"type": "Provenance"}]}]})


@pytest.mark.parametrize(
    ("path", "status", "body", "says"),
    [
        (STORE_PATH, 200, {**STORE, "version": "STU3"}, "version R4"),
        (STORE_PATH, 200, {"name": "f", "version": "R4"}, "set enableUpdateCreate"),
        (STORE_PATH, 403, {}, "fhirResourceEditor"),
        (STORE_PATH, 404, {}, r"no such FHIR store \(HTTP 404\); make it with version R4 and enableUpdateCreate"),
        (STORE_PATH, 200, b"<html>", "not a FHIR resource"),
        ("/fhir", 404, {}, "no FHIR server answers there: it has no metadata"),
        ("/fhir", 200, {**STATEMENT, "fhirVersion": "5.0.0"}, "R4"),
        ("/fhir", 200, {"resourceType": "Patient"}, "R4"),
        ("/fhir", 200, {**STATEMENT, "rest": []}, "does not keep Provenance"),
        ("/fhir", 200, {**STATEMENT, "rest": [{"resource": [{"type": "Provenance", "updateCreate": False}]}]}, "update as create"),
    ],
)
def test_each_lack_is_one_sentence_that_names_store_and_mend(check, path, status, body, says):
    with pytest.raises(PreflightError, match=says) as caught:
        check(path, status, body)
    sentence = str(caught.value)
    assert sentence.startswith("--fhir_store is 'http://127.0.0.1:")
    assert path in sentence
    assert sentence.count("\n") == 0


def test_who_may_not_write_learns_what_is_missing(check):
    with pytest.raises(PreflightError, match=r"executeBundle is missing; grant roles/healthcare\.fhirResourceEditor"):
        check(STORE_PATH, 200, STORE, {"permissions": ["healthcare.fhirResources.update"]})
    with pytest.raises(PreflightError, match=r"fhirResources.update and healthcare.fhirStores.executeBundle"):
        check(STORE_PATH, 200, STORE, {})


def test_a_server_that_knows_no_permissions_is_not_held_to_them(check):
    check(STORE_PATH, 200, STORE, None)
