"""A whole run with Cloud DLP as the engine: a request an instance, nothing published without it, and no start where it refuses."""

import json

import pydicom
import pytest

CONFIG = json.dumps({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "image": {"textRedactionMode": "REDACT_NO_TEXT"}})
ENGINE = ("--config", CONFIG, "--allow_identifiable", "--inspection_engine=dlp", "--dlp_parent=projects/p/locations/europe-west4")


@pytest.fixture
def source(tmp_path, real_file):
    """Three instances, each with texts of its own."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number, name in enumerate(("CT_small", "MR_small", "rtplan")):
        dataset = pydicom.dcmread(real_file(f"{name}.dcm"))
        dataset.StudyDescription = f"note {number} of Rosamund Pike in Köthen"
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.save_as(folder / f"{name}.dcm")
    return folder


def test_a_request_an_instance_and_no_name_left(deidentify, source, tmp_path, cloud_dlp):
    done = deidentify(source, tmp_path, *ENGINE)
    assert done.code == 0, done.output
    published = [pydicom.dcmread(file).StudyDescription for file in done.destination.rglob("*.dcm")]
    assert sorted(published) == [f"note {number} of [PERSON_NAME] in [LOCATION]" for number in range(3)]
    assert cloud_dlp.calls == 3 + 1  # and one of the preflight
    assert "Pike" not in done.output


def test_where_it_refuses_nothing_is_published(deidentify, source, tmp_path, cloud_dlp):
    cloud_dlp.always = 403
    refused = deidentify(source, tmp_path / "refused", *ENGINE)
    assert (refused.code, "--dlp_parent" in refused.output) == (2, True)
    failed = deidentify(source, tmp_path / "failed", *ENGINE, "--skip_preflight")
    assert failed.code == 1
    assert [(one["outcome"], one["stage"], one["code"]) for one in failed.outcomes] == [("failed", "inspection", "INSPECTION_REFUSED")] * 3
    assert failed.published() == {}
    assert "Pike" not in refused.output + failed.output + json.dumps(failed.outcomes)
