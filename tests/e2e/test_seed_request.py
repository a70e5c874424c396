"""The API page's own request, but for its destination: every text inspected, all text in pixels redacted, a Provenance that says so."""

import json
import shutil
import sqlite3
from pathlib import Path

import pydicom
import pytest

REQUEST = Path(__file__).parents[1] / "seed_page" / "deidentify-request.json"
FILES = ("CT_small", "MR_small", "rtplan", "test-SR", "examples_rgb_color")


@pytest.fixture(scope="module")
def finished(deidentify, few, tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in FILES:
        shutil.copy(few / f"{name}.dcm", source)
    folder = tmp_path_factory.mktemp("seed")
    request = {**json.loads(REQUEST.read_text()), "destinationStore": str(folder / "destination")}
    return deidentify(source, folder, "--request", json.dumps(request))


def resources(finished):
    with sqlite3.connect(finished.workspace / "fhir.sqlite") as database:
        rows = database.execute("SELECT id, content FROM resources WHERE type = 'Provenance'")
        return {name: json.loads(content) for name, content in rows}


def tag_extensions(resource):
    extensions = resource["entity"][0].get("extension", [])
    return next((extension["extension"] for extension in extensions if extension["url"] == "https://g.co/dicom-tags"), [])


def test_it_runs_as_written_and_says_what_it_may_leave(finished):
    assert finished.code == 0, finished.output
    assert finished.counts["written"] == len(FILES)
    assert "allowed: DEIDENTIFY_TAG_CONTENTS keeps every element" in finished.output


def test_no_name_or_number_of_a_patient_is_published(finished, few):
    words = {b"CompressedSamples", b"1CT1", b"4MR1", b"JFK IMAGING", b"BAPTIST"}
    assert all(any(word in (few / f"{name}.dcm").read_bytes() for name in FILES) for word in words - {b"BAPTIST"})
    for path in finished.destination.rglob("*.dcm"):
        content = path.read_bytes()
        assert not [word for word in words if word in content]
        assert pydicom.dcmread(path).PatientIdentityRemoved == "NO"


def test_findings_have_the_pages_fields(finished):
    inside = [extension for resource in resources(finished).values() for extension in tag_extensions(resource)]
    cleaned = [{child["url"]: child for child in extension["extension"]} for extension in inside if extension["url"] == "tag-id"]
    cleaned = [fields for fields in cleaned if fields["deidentify-action"]["valueString"] == "CLEANED"]
    assert {"PERSON_NAME", "DATE", "GENERIC_ID"} <= {fields["finding-infotype"]["valueString"] for fields in cleaned}
    for fields in cleaned:
        assert fields["deidentify-reason"]["valueString"].startswith("Matched VR: ")
        assert 0 <= fields["byte-start"]["valueDecimal"] < fields["byte-end"]["valueDecimal"]
        assert "text-original" in fields
    (operation,) = [resource for name, resource in resources(finished).items() if name.startswith("operation-")]
    config = json.loads(operation["entity"][0]["extension"][0]["valueString"])
    assert config == json.loads(REQUEST.read_text())["config"]
