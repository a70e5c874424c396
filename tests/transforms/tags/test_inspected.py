"""What is inspected, and in which context: the API's VRs alone, and the phrases that Clean Descriptors knows."""

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError
from transforms.model.resolve import resolve, with_api_vrs_only
from transforms.tags.consent import leaves_identity

CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
BASIC = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}
BY_OPTION = {"dicomTagConfig": {"ps315Options": {"cleanDescriptors": True}}}


@pytest.fixture
def source():
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID = "Kowalski^Jan", "MRN-00482913"
    return dataset


def test_the_apis_vrs_alone_are_inspected_where_that_is_asked_for(deidentify):
    dataset = Dataset()
    dataset.StudyDescription, dataset.AcquisitionDeviceProcessingDescription = "Dr. Smithers", "Dr. Smithers"
    dataset.add_new(0x00180022, "CS", "DR SMITHERS")
    dataset.add_new(0x00080120, "UR", "http://smithers.example")
    block = dataset.private_block(0x0029, "ACME", create=True)
    block.add_new(1, "LO", "Dr. Smithers")
    block.add_new(2, "UN", b"Dr. Smithers")
    block.add_new(3, "OB", b"\0\1for the attention of Dr. Smithers\0")
    inner = Dataset()
    inner.PatientComments = "Dr. Smithers"
    dataset.ReferencedSeriesSequence = [inner]
    new = deidentify(CONTENTS, dataset, api_vrs_only=True)[1]
    assert new.StudyDescription == new[0x00291001].value == new.ReferencedSeriesSequence[0].PatientComments == "Dr. [PERSON_NAME]"
    assert new[0x00180022].value == "DR SMITHERS"
    assert new[0x00291002].value == b"Dr. Smithers"
    assert b"Smithers" in new[0x00291003].value
    everything = deidentify(CONTENTS, dataset)[0].content
    assert b"Smithers" not in everything
    assert b"SMITHERS" not in everything


def test_the_apis_vrs_alone_are_no_excuse_for_a_name_in_a_code(deidentify, source):
    source.ContentLabel = "KOWALSKI"
    assert [hold.code for hold in deidentify(CONTENTS, source, api_vrs_only=True)[2]] == ["RESIDUAL_TOKEN"]
    assert deidentify(CONTENTS, source)[2] == ()


def test_a_phrase_of_the_header_becomes_ctx(deidentify, source):
    source.OperatorsName, source.PatientSex, source.AccessionNumber = "Zed^Tim", "F", "A7731X"
    source.InstitutionName, source.StationName = "St. Mary Hospital", "MR01"
    source.StudyDescription = "Knee for St. Mary Hospital, MR01"
    source.SeriesDescription = "T2 FLAIR axial F"
    source.PatientComments = "Zed^Tim; A7731X; Kowalski; 2020-01-10"
    for config in (BY_OPTION, {"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}):
        scrubbed, new, holds = deidentify(config, source)
        assert new.StudyDescription == "Knee for [CTX], [CTX]"
        assert new.SeriesDescription == "T2 FLAIR axial F"
        assert new.PatientComments.startswith("[CTX]; [CTX]; [PERSON_NAME]; 20")
        assert holds == ()
        told = [(finding.info_type, finding.original) for finding in scrubbed.findings if finding.tag == "00081030"]
        assert told == [("CTX", "St. Mary Hospital"), ("CTX", "MR01")]
    text = {"text": {"profileType": "EMPTY"}}
    new = deidentify({"dicomTagConfig": {"options": {"cleanDescriptors": {}}}, **text}, source)[1]
    assert new.StudyDescription == "Knee for [CTX], [CTX]"
    assert "[CTX]" not in deidentify(CONTENTS, source)[1].StudyDescription


def test_a_description_is_not_cleaned_away_because_another_says_the_same(deidentify, source):
    source.StudyDescription = source.SeriesDescription = source.ProtocolName = "Zorb sequence"
    new = deidentify(BY_OPTION, source)[1]
    assert "[CTX]" not in new.StudyDescription + new.SeriesDescription + new.ProtocolName


def test_cleaning_another_vr_than_the_apis_is_refused_by_name():
    config = '{"dicomTagConfig": {"actions": [{"queries": ["LO", "BodyPartExamined"], "cleanTextTag": {}}]}}'
    plan = resolve(parse_config(config))
    with pytest.raises(ConfigError, match="BodyPartExamined is CS") as caught:
        with_api_vrs_only(plan)
    assert caught.value.at == "--api_vrs_only"


def test_what_is_not_inspected_needs_consent():
    plan = resolve(parse_config('{"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}'))
    said = "--api_vrs_only leaves texts of CS, DS, IS, TM, UI, UN, UR uninspected"
    assert said in leaves_identity(with_api_vrs_only(plan))
    assert said not in leaves_identity(plan)


PATIENT_IN_ODD_PLACES = {
    "an id among letters of a code": ("CollimatorType", "CS", "CT_MRN00482913_1"),
    "a birth date in a code": ("FluoroscopyFlag", "CS", "CT_20010131_1"),
    "a name where a number should be": ("PhaseDelay", "IS", "Quarrelsome"),
    "a birth date where a number should be": ("GridPitch", "DS", "2001/01/31"),
    "a birth date as a number": ("PatientSetupNumber", "IS", "20010131"),
    "a name where a UID should be": ("DimensionOrganizationUID", "UI", "Quarrelsome"),
}


@pytest.mark.parametrize(("keyword", "vr", "value"), PATIENT_IN_ODD_PLACES.values(), ids=PATIENT_IN_ODD_PLACES)
def test_what_names_the_patient_in_codes_and_numbers_is_cleaned_and_not_only_held(deidentify, keyword, vr, value):
    source = Dataset()
    source.PatientName, source.PatientID, source.PatientBirthDate = "Quarrelsome^Moss", "MRN00482913", "20010131"
    tag = tag_for_keyword(keyword)
    assert tag is not None
    raw = value.encode() + b" " * (len(value) % 2)
    source[tag] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True)
    for config in (CONTENTS, BASIC):
        scrubbed, _, holds = deidentify(config, source)
        assert value.encode() not in scrubbed.content
        assert holds == ()


def test_codes_and_numbers_that_name_nobody_stay_as_they_are(deidentify):
    source = Dataset()
    source.PatientName, source.PatientID, source.PatientBirthDate = "Pancreas^Moss", "MRN00482913", "20010131"
    source.ImageType, source.BodyPartExamined = ["ORIGINAL", "PRIMARY", "CT_SOM5 SPI"], "PANCREAS"
    source.LossyImageCompressionMethod, source.SliceThickness, source.EchoNumbers = "ISO_10918_1", "2001.0131", 31
    _, new, holds = deidentify(CONTENTS, source)
    kept = ["ImageType", "BodyPartExamined", "LossyImageCompressionMethod", "SliceThickness", "EchoNumbers"]
    assert [new[keyword].value for keyword in kept] == [source[keyword].value for keyword in kept]
    assert holds == ()
