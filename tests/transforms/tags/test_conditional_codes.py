"""Conditional codes of Table E.1-1 end to end: what becomes of a present attribute follows from its Type in the object's class.

Types from PS3.3: A.3 (CT), A.38.1 (Enhanced CT), A.20 (RT Plan), A.29 (RT Beams Treatment Record), A.33.1 (Grayscale Softcopy
Presentation State), A.35.3 (Comprehensive SR), A.34.3 (12-lead ECG).
"""

import re

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    RTBeamsTreatmentRecordStorage,
    RTPlanStorage,
    TwelveLeadECGWaveformStorage,
)

PRIVATE = "1.2.3.4.5"
GONE, EMPTY = None, ""
BASIC = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}
NO_DAY = re.compile(r"19000101")


def instance(sop_class, keyword, value):
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    setattr(dataset, keyword, value)
    return dataset


def left(new, keyword):
    """None where the element is gone, else its value as text."""
    return str(new[keyword].value or "") if keyword in new else None


@pytest.mark.parametrize(
    ("code", "keyword", "value", "sop_class", "expected"),
    [
        ("X/Z", "AcquisitionDate", "20210319", CTImageStorage, GONE),  # Type 3
        ("X/Z", "AcquisitionDate", "20210319", PRIVATE, EMPTY),  # unknown: Z before X
        ("X/Z", "ReviewerName", "Doe^Jane", RTPlanStorage, EMPTY),  # Type 2C
        ("X/Z", "TreatmentMachineName", "LINAC 7 Doe", RTBeamsTreatmentRecordStorage, EMPTY),  # Type 2, in an item (below) and on top
        ("X/D", "SeriesDate", "20210319", CTImageStorage, GONE),  # Type 3
        ("X/D", "SeriesDate", "20210319", PRIVATE, "19000101"),
        ("X/D", "RTPlanDate", "20210319", RTPlanStorage, EMPTY),  # Type 2: it must stay, and nothing asks for a value
        ("X/D", "ProtocolName", "Liver Doe", CTImageStorage, GONE),  # Type 3
        ("X/D", "StartAcquisitionDateTime", "20210319101500", CTImageStorage, "19000101000000"),  # none of its attributes
        ("X/Z/D", "DeviceSerialNumber", "SN4711", CTImageStorage, GONE),  # Type 3
        ("X/Z/D", "DeviceSerialNumber", "SN4711", EnhancedCTImageStorage, "ANONYMIZED"),  # Type 1
        ("X/Z/D", "DeviceSerialNumber", "SN4711", PRIVATE, "ANONYMIZED"),  # unknown: D before Z before X
        ("X/Z/D", "AcquisitionDateTime", "20210319101500", CTImageStorage, GONE),  # Type 3
        ("X/Z/D", "AcquisitionDateTime", "20210319101500", EnhancedCTImageStorage, "19000101000000"),  # Type 1C
        ("X/Z/D", "AcquisitionDateTime", "20210319101500", TwelveLeadECGWaveformStorage, "19000101000000"),  # Type 1
        ("X/Z/D", "InstitutionName", "Doe Infirmary", CTImageStorage, GONE),  # Type 3
        ("Z/D", "ContentDate", "20210319", CTImageStorage, EMPTY),  # Type 2C
        ("Z/D", "ContentDate", "20210319", ComprehensiveSRStorage, "19000101"),  # Type 1
        ("Z/D", "ContentCreatorName", "Doe^Jane", GrayscaleSoftcopyPresentationStateStorage, EMPTY),  # Type 2
        ("Z/D", "ContrastBolusAgent", "Omnipaque for Doe", CTImageStorage, EMPTY),  # Type 2
        ("Z/D", "ContrastBolusAgent", "Omnipaque for Doe", PRIVATE, "ANONYMIZED"),
    ],
)
def test_what_becomes_of_an_attribute_of_each_type(deidentify, code, keyword, value, sop_class, expected):
    scrubbed, new, _ = deidentify(BASIC, instance(sop_class, keyword, value))
    assert left(new, keyword) == expected
    (finding,) = [finding for finding in scrubbed.findings if finding.original == value]
    assert finding.action == {GONE: "DELETED", EMPTY: "REMOVED"}.get(expected, "RESET")
    assert f"Basic Profile {code}, here {'X' if expected is None else 'D' if expected else 'Z'}" in finding.reason
    assert value.encode() not in scrubbed.content


def nested(new, sop_class_path, keyword):
    for name in sop_class_path:
        new = new[name][0]
    return left(new, keyword)


@pytest.mark.parametrize(
    ("sop_class", "above", "keyword", "value", "expected"),
    [
        # Type 1C in Frame Content (C.7.6.16.2.2)
        (
            EnhancedCTImageStorage,
            ("PerFrameFunctionalGroupsSequence", "FrameContentSequence"),
            "FrameAcquisitionDateTime",
            "20210319101500",
            "D",
        ),
        # Treatment Machine Name is Type 2 in a beam (C.8.8.14)
        (RTPlanStorage, ("BeamSequence",), "TreatmentMachineName", "LINAC 7 Doe", EMPTY),
        # Station Name is not among the attributes of that item: D before Z before X
        (CTImageStorage, ("DerivationImageSequence",), "StationName", "ROOM7", "ANONYMIZED"),
        # Observation DateTime is Type 1C in a content item (C.17.3)
        (ComprehensiveSRStorage, ("ContentSequence",), "ObservationDateTime", "20210319101500", "D"),
    ],
)
def test_the_type_is_that_in_the_sequence(deidentify, sop_class, above, keyword, value, expected):
    inner = Dataset()
    setattr(inner, keyword, value)
    for name in reversed(above):
        outer = Dataset()
        setattr(outer, name, Sequence([inner]))
        inner = outer
    inner.SOPClassUID = sop_class
    options = {"dicomTagConfig": {**BASIC["dicomTagConfig"], "ps315Options": {"cleanStructuredContent": True}}}
    scrubbed, new, _ = deidentify(options if sop_class == ComprehensiveSRStorage else BASIC, inner)
    found = nested(new, above, keyword)
    assert value.encode() not in scrubbed.content
    assert NO_DAY.match(found) if expected == "D" else found == expected


def about(text):
    """An item that says something in an attribute that every item may have."""
    item = Dataset()
    item.CodeMeaning = text
    return item


def referring(sop_class, keyword):
    """An object that refers to a performed step or an image, with a word of its own beside the reference."""
    item = about("Ward Doe")
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.840.113619.4711"
    return instance(sop_class, keyword, Sequence([item]))


@pytest.mark.parametrize(
    ("sop_class", "items"),
    [(CTImageStorage, None), (ComprehensiveSRStorage, 0), (EnhancedCTImageStorage, 1)],
    ids=["type 3", "type 2", "type 1C"],
)
def test_x_z_d_of_a_sequence_is_nothing_no_item_or_a_minimal_valid_one(deidentify, sop_class, items):
    scrubbed, new, _ = deidentify(BASIC, referring(sop_class, "ReferencedPerformedProcedureStepSequence"))
    found = new.get("ReferencedPerformedProcedureStepSequence")
    assert (None if found is None else len(found)) == items
    assert b"4711" not in scrubbed.content
    assert b"Ward Doe" not in scrubbed.content
    if items:
        assert {element.keyword for element in found[0]} == {"ReferencedSOPClassUID", "ReferencedSOPInstanceUID"}
        assert all(str(element.value) for element in found[0])


@pytest.mark.parametrize("keyword", ["InstitutionCodeSequence", "OperatorIdentificationSequence"])
def test_d_of_a_sequence_whose_type_is_unknown_is_one_item_of_nobody(deidentify, keyword):
    scrubbed, new, _ = deidentify(BASIC, instance(PRIVATE, keyword, Sequence([about("Ward Doe"), about("Doe^Jane")])))
    assert len(new[keyword].value) == 1
    assert b"Doe" not in scrubbed.content
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == f"{new[keyword].tag:08X}"]
    assert (finding.action, "here D" in finding.reason) == ("RESET", True)


def test_d_of_a_code_sequence_is_a_valid_code(deidentify):
    (item,) = deidentify(BASIC, instance(PRIVATE, "InstitutionCodeSequence", Sequence([about("Ward Doe")])))[1].InstitutionCodeSequence
    assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == ("261665006", "SCT", "Unknown")


@pytest.mark.servers("dciodvfy")
@pytest.mark.parametrize("keyword", ["ReferencedPerformedProcedureStepSequence", "AcquisitionContextSequence", "InstitutionCodeSequence"])
def test_a_validator_has_nothing_to_say_of_such_an_item(scrub, new_errors, file_bytes, keyword):
    source = file_bytes(referring(EnhancedCTImageStorage, keyword))
    new = scrub(source)[0].content
    assert {line for line in new_errors(source, new) if keyword in line} == set()


@pytest.mark.parametrize("keyword", ["ReferencedImageSequence", "SourceImageSequence"])
@pytest.mark.parametrize("sop_class", [CTImageStorage, EnhancedCTImageStorage, PRIVATE])
def test_x_z_u_of_references_keeps_them_under_new_uids(deidentify, keyword, sop_class):
    """The one of the three that lets references resolve, whatever the Type; what else the item says goes by its own row."""
    scrubbed, new, _ = deidentify(BASIC, referring(sop_class, keyword))
    (item,) = new[keyword].value
    assert item.ReferencedSOPClassUID == CTImageStorage
    assert item.ReferencedSOPInstanceUID.startswith("2.25.")
    assert b"4711" not in scrubbed.content


@pytest.mark.parametrize("sop_class", [CTImageStorage, PRIVATE])
def test_z_d_of_the_patient_is_a_pseudonym_everywhere(deidentify, sop_class):
    source, item = instance(sop_class, "PatientID", "MRN4711"), Dataset()
    item.PatientID = "MRN4711"
    source.AnatomicRegionSequence = Sequence([item])
    new = deidentify(BASIC, source)[1]
    assert new.PatientID == new.AnatomicRegionSequence[0].PatientID
    assert new.PatientID not in ("", "MRN4711")
