"""What a query of an action names, and what is none."""

import pytest

from transforms.model.query import parse_query, parse_tag

PATIENT_ID, STUDY_DATE, REFERENCED = 0x00100020, 0x00080020, 0x00081140


@pytest.mark.parametrize(
    ("text", "path", "vr", "creator", "meant"),
    [
        ("00100020", (PATIENT_ID,), "LO", "", True),
        ("PatientID", (REFERENCED, PATIENT_ID), "LO", "", True),
        ("PatientID", (STUDY_DATE,), "DA", "", False),
        ("DA", (STUDY_DATE,), "DA", "", True),
        ("DA", (STUDY_DATE,), "UN", "", False),
        ("0010xxxx", (PATIENT_ID,), "LO", "", True),
        ("0010XXXX", (STUDY_DATE,), "DA", "", False),
        ("60xx3000", (0x60023000,), "OW", "", True),
        ("0029[SIEMENS CSA HEADER]10", (0x00291110,), "OB", "SIEMENS CSA HEADER", True),
        ("0029[SIEMENS CSA HEADER]10", (0x00291110,), "OB", "OTHER", False),
        ("0029[A.B 1.0]xx", (0x002910FF,), "OB", "A.B 1.0", True),
        ("ReferencedImageSequence.00081155", (REFERENCED, 0x00081155), "UI", "", True),
        ("ReferencedImageSequence.00081155", (0x00081155,), "UI", "", False),
        ("ReferencedImageSequence.UI", (REFERENCED, 0x00081150), "UI", "", True),
        ("00081140.0029[A]10", (REFERENCED, 0x00291010), "LO", "A", True),
    ],
)
def test_what_is_meant(text, path, vr, creator, meant):
    assert parse_query(text).matches(path, vr, creator) is meant


@pytest.mark.parametrize(
    "text", ["", "PatientNom", "0010002", "0010-0020", "XX", "0028[A]10", "PN.PatientID", "PatientID.", "0029[A]1", "a b"]
)
def test_what_is_no_query(text):
    assert parse_query(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("PatientID", "Matched ID: 00100020"),
        ("LO", "Matched VR: LO"),
        ("0010xxxx", "Matched Expression: 0010xxxx"),
        ("0029[A]10", "Matched Expression: 0029[A]10"),
        ("00081140.00081155", "Matched Expression: 00081140.00081155"),
    ],
)
def test_reasons_are_the_pages_words(text, reason):
    assert parse_query(text).reason == reason


def test_tags_of_lists():
    assert (parse_tag("PatientID"), parse_tag("00100020")) == (PATIENT_ID, PATIENT_ID)
    assert [parse_tag(text) for text in ("PN", "0010xxxx", "Nobody", "0029[A]10")] == [None] * 4
