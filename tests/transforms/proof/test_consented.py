"""What a plan keeps by consent is no residue; all else of the source still is."""

import json

import pytest

from transforms.model.config import parse_config
from transforms.model.plan import ActionPlan
from transforms.model.resolve import resolve


def plan(config: dict) -> ActionPlan:
    return resolve(parse_config(json.dumps(config)))


def keeping(*queries: str) -> ActionPlan:
    return plan({"dicomTagConfig": {"actions": [{"queries": list(queries), "keepTag": {}}]}})


CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}


@pytest.mark.parametrize("made", [keeping("PatientName"), keeping("PN"), plan({"dicom": {"keepList": {"tags": ["PatientName"]}}})])
def test_a_kept_name_may_stand_and_an_id_may_not(prove, source, output, made):
    output.SpecificCharacterSet = source.SpecificCharacterSet
    output.PatientName = source.PatientName
    assert prove(output, made) == ()
    output.StudyDescription = "MRN-00482913"
    assert [hold.code for hold in prove(output, made)] == ["RESIDUAL_TOKEN"]


def test_keeping_one_element_is_no_consent_to_another(prove, source, output):
    output.StudyDescription = "seen by Müller"
    assert prove(output, keeping("PatientName"))
    output.StudyDescription = "seen by Nobody"
    assert prove(output, keeping("PatientName")) == ()


def test_retained_uids_may_stand(prove, source, output):
    output.StudyInstanceUID = source.StudyInstanceUID
    assert prove(output)
    assert prove(output, plan({"dicomTagConfig": {"ps315Options": {"retainUids": True}}})) == ()


def test_what_is_cleaned_must_be_clean(prove, source, output):
    output.StudyDescription = "Jan Kowalski"
    for config in (CONTENTS, {"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}):
        assert [hold.code for hold in prove(output, plan(config))] == ["RESIDUAL_TOKEN"]


def test_an_info_type_that_is_not_transformed_is_left_by_tag_contents_alone(prove, source, output):
    output.StudyDescription = "Jan Kowalski"
    text = {"text": {"excludeInfoTypes": ["PERSON_NAME"]}}
    assert prove(output, plan(CONTENTS | text)) == ()
    assert prove(output, plan({"dicomTagConfig": {"options": {"cleanDescriptors": {}}}} | text))
