"""What no table lists stays, but not with the names, ids, dates and places of the instance's own header in it."""

import dataclasses
import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.model.records import Action
from transforms.tags.scrubber import Scrubber


@pytest.fixture
def patient():
    """A data set whose header names a patient."""
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Kowalczyk^Zbigniew", "60951092", "19610314"
    dataset.AccessionNumber, dataset.StudyDate, dataset.InstitutionName = "ACC7781234", "20210319", "Brzezina Infirmary"
    return dataset


@pytest.mark.parametrize(
    ("keyword", "value", "left"),
    [
        ("ReceiveCoilName", "KOWALCZYK", "[PERSON_NAME]"),
        ("AcquisitionMode", "MRN 60951092 fast", "MRN [GENERIC_ID] fast"),
        ("DetectorMode", "born 1961-03-14, seen 20210319", "born [DATE], seen [DATE]"),
        ("AcquisitionContrast", "KOWALCZYK", ""),
        ("SegmentDescription", "for Brzezina Infirmary", "for [LOCATION]"),
        ("PulseWidth", "60951092", None),
        ("CineRate", "60951092", None),
        ("TriggerSamplePosition", 60951092, None),
        ("SlabThickness", 60951092.0, None),
        ("FillPattern", b"ID=60951092\0", None),
        ("VectorGridData", b"ID=60951092\0", None),
    ],
)
@pytest.mark.parametrize("profile", [Profile.BASIC, Profile.CONTENTS])
def test_what_identifies_goes_and_the_rest_stays(scrub, file_bytes, patient, keyword, value, left, profile):
    setattr(patient, keyword, value)
    scrubbed, new = scrub(file_bytes(patient), profile)
    found = next(finding for finding in scrubbed.findings if finding.tag == f"{pydicom.tag.Tag(keyword):08X}")
    assert found.action in (Action.CLEANED, Action.REMOVED)
    if profile is Profile.BASIC:
        assert new[keyword].value == (left if left is not None else pydicom.dataelem.empty_value_for_VR(new[keyword].VR))
        assert "own names, ids, dates and places" in found.reason
    assert b"60951092" not in scrubbed.content
    assert b"KOWALCZYK" not in scrubbed.content


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Manufacturer", "SIEMENS"),
        ("AcquisitionMode", "HELICAL 3.0"),
        ("PulseWidth", "60951.5"),
        ("TriggerSamplePosition", 60951093),
        ("FillPattern", b"\1\2\3\4"),
        ("VectorGridData", bytes(range(64))),
    ],
)
def test_what_says_nothing_of_the_patient_stays(scrub, file_bytes, patient, keyword, value):
    patient.StationName = "SIEMENS"  # a word of imaging, whoever is called so
    setattr(patient, keyword, value)
    scrubbed, new = scrub(file_bytes(patient))
    assert new[keyword].value == value
    assert not [finding for finding in scrubbed.findings if finding.tag == f"{pydicom.tag.Tag(keyword):08X}"]


def test_with_the_vrs_of_the_api_alone_nothing_else_is_looked_through(secret, opened, file_bytes, patient):
    patient.AcquisitionContrast, patient.TriggerSamplePosition = "KOWALCZYK", 60951092
    plan = dataclasses.replace(ActionPlan(Profile.CONTENTS, False, ALL_TEXT), api_vrs_only=True)
    new = pydicom.dcmread(io.BytesIO(Scrubber(plan, secret).scrub(opened(file_bytes(patient))).content))
    assert (new.AcquisitionContrast, new.TriggerSamplePosition) == ("KOWALCZYK", 60951092)


def test_keeping_all_is_consent(scrub, file_bytes, patient):
    patient.ReceiveCoilName = "KOWALCZYK"
    _, new = scrub(file_bytes(patient), Profile.KEEP_ALL)
    assert new.ReceiveCoilName == "KOWALCZYK"


def test_the_samples_are_not_looked_through(scrub, file_bytes, patient):
    patient.PixelData = b"ID=60951092\0"
    patient.Rows, patient.Columns, patient.BitsAllocated, patient.SamplesPerPixel = 1, 12, 8, 1
    _, new = scrub(file_bytes(patient))
    assert new.PixelData == b"ID=60951092\0"


def test_a_private_sequence_without_a_vr_is_walked(scrub, file_bytes, patient):
    """Implicit VR says nothing of a private element: that it is a sequence is seen by its items alone."""
    item = Dataset()
    item.private_block(0x0029, "PLANTED", create=True).add_new(1, "LO", "MRN 60951092")
    patient.private_block(0x0029, "PLANTED", create=True).add_new(2, "SQ", [item])
    scrubbed, _ = scrub(file_bytes(patient, ImplicitVRLittleEndian), Profile.CONTENTS)
    assert b"60951092" not in scrubbed.content
    assert b"MRN" in scrubbed.content
    assert pydicom.dcmread(io.BytesIO(scrubbed.content))[0x00291002].value


def retaining(**options):
    return {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "ps315Options": options}}


@pytest.mark.parametrize("keyword", ["ExpiryDate", "ExpirationDateTime"])
def test_full_dates_stay_but_the_birth_date_wherever_no_table_expects_it(deidentify, patient, keyword):
    patient.ContentDate, patient.SecondaryReviewDate = "20210320", "20210321"
    setattr(patient, keyword, "19610314" if keyword == "ExpiryDate" else "19610314101500")
    _, new, holds = deidentify(retaining(retainLongitudinalFullDates=True), patient)
    assert (new.StudyDate, new.ContentDate, new.SecondaryReviewDate) == ("20210319", "20210320", "20210321")
    assert not str(new.get(keyword) or "").startswith("1961")
    assert holds == ()


def test_a_retained_uid_that_holds_an_id_of_the_patient_is_mapped(deidentify, patient):
    patient.TrackingUID, patient.FrameOfReferenceUID = "1.2.840.113619.60951092.7", "1.2.840.113619.7"
    scrubbed, new, holds = deidentify(retaining(retainUids=True), patient)
    assert new.TrackingUID.startswith("2.25.")
    assert new.FrameOfReferenceUID == "1.2.840.113619.7"
    assert [finding.action for finding in scrubbed.findings if finding.tag == "00620021"] == ["REGENERATED UID"]
    assert holds == ()


def test_one_that_names_an_instance_stays_since_others_may_refer_to_it(deidentify, patient):
    """Whoever keeps these has consented to what is in them (`leaves_identity` says so)."""
    patient.SOPInstanceUID = "1.2.840.113619.60951092.8"
    assert deidentify(retaining(retainUids=True), patient)[1].SOPInstanceUID == "1.2.840.113619.60951092.8"


def test_inside_what_a_keep_list_names_they_go_too(deidentify, patient):
    item = Dataset()
    item.CodeMeaning, item.DetectorMode, item.FillPattern = "Abdomen", "of Kowalczyk", b"ID=60951092\0"
    patient.AnatomicRegionSequence = pydicom.Sequence([item])
    patient.AcquisitionMode = "HELICAL of ward"
    config = {"dicom": {"keepList": {"tags": ["AnatomicRegionSequence", "AcquisitionMode"]}}}
    _, new, holds = deidentify(config, patient)
    inside = new.AnatomicRegionSequence[0]
    assert (inside.CodeMeaning, inside.DetectorMode, inside.FillPattern) == ("Abdomen", "of [PERSON_NAME]", None)
    assert (new.AcquisitionMode, holds) == ("HELICAL of ward", ())


def test_a_code_or_number_that_an_option_retains_is_no_id(deidentify, patient):
    patient.PatientID, patient.AccessionNumber = "4711", "0012"
    patient.LensSpecification, patient.SmokingStatus, patient.PatientSex, patient.PatientWeight = "0012", "4711", "M", "72.5"
    _, new, holds = deidentify(retaining(retainDeviceIdentity=True, retainPatientCharacteristics=True), patient)
    assert (new.LensSpecification, new.SmokingStatus) == (None, "")
    assert (new.PatientSex, new.PatientWeight, holds) == ("M", 72.5, ())
