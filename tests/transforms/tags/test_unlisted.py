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
