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


def removing(*tags: str) -> ActionPlan:
    return plan({"dicom": {"removeList": {"tags": list(tags)}}})


def test_what_a_remove_list_takes_away_may_stand_nowhere(prove, source, output):
    output.StudyDescription = "Knee of Kowalski"
    output.PatientID = source.PatientID
    assert prove(output, removing("AccessionNumber")) == ()
    (hold,) = prove(output, removing("PatientName"))
    assert hold.sentence.endswith("a person's name in 00081030")
    del output.StudyDescription
    assert prove(output, removing("PatientName")) == ()
    assert prove(output, removing("PatientName", "PatientID"))


@pytest.mark.parametrize("action", ["deleteTag", "removeTag", "resetTag", "cleanTextTag"])
def test_what_an_action_takes_from_keep_all_may_stand_nowhere(prove, source, output, action):
    made = plan({"dicomTagConfig": {"profileType": "KEEP_ALL_PROFILE", "actions": [{"queries": ["PatientName"], action: {}}]}})
    output.PatientID, output.PatientBirthDate = source.PatientID, source.PatientBirthDate
    output.StudyDescription = "MRN-00482913 of 19670304"
    assert prove(output, made) == ()
    output.StudyDescription = "Kowalski"
    assert [hold.code for hold in prove(output, made)] == ["RESIDUAL_TOKEN"]


def test_a_name_that_stands_in_a_kept_element_too_stays_by_consent(prove, source, output):
    source.OperatorsName = output.OperatorsName = "Kowalski^Jan"
    assert prove(output, removing("PatientName")) == ()


def test_a_regenerated_uid_may_stand_nowhere_though_all_else_is_kept(prove, source, output):
    source.FrameOfReferenceUID, output.DeviceUID = "1.2.276.5551.9", "1.2.276.5551.9"
    listed = [{"queries": ["FrameOfReferenceUID"], "regenUidTag": {}}]
    made = plan({"dicomTagConfig": {"profileType": "KEEP_ALL_PROFILE", "actions": listed}})
    assert prove(output, plan({"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}})) == ()
    assert [hold.sentence[-17:] for hold in prove(output, made)] == ["a UID in 00181002"]


def test_a_keep_inside_what_is_deleted_is_no_consent(prove, source, output):
    listed = [{"queries": ["RequestAttributesSequence"], "deleteTag": {}}, {"queries": ["00400275.PN"], "keepTag": {}}]
    made = plan({"dicomTagConfig": {"profileType": "KEEP_ALL_PROFILE", "actions": listed}})
    output.StudyDescription = "Müller"
    assert prove(output, made)
