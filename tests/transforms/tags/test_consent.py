"""What a plan can leave behind is told, line by line; what takes nothing from the Basic profile is not."""

import json

import pytest

from transforms.model.config import parse_config
from transforms.model.resolve import resolve
from transforms.tags.consent import leaves_identity

CLEAN = {"cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}


SEQUENCE = "recurseTag keeps sequences that the Basic profile takes away: RequestAttributesSequence"


def lines(**config):
    return leaves_identity(resolve(parse_config(json.dumps({"dicomTagConfig": {"options": CLEAN, **config}}))))


def v1(**dicom):
    return leaves_identity(resolve(parse_config(json.dumps({"dicom": dicom, "image": CLEAN["cleanImage"]}))))


@pytest.mark.parametrize(
    ("query", "verb", "line"),
    [
        ("PatientName", "keepTag", "keepTag keeps PatientName"),
        ("PN", "keepTag", "keepTag keeps PN"),
        ("0010xxxx", "keepTag", "keepTag keeps 0010xxxx"),
        ("0029[ACME]10", "keepTag", "keepTag keeps 0029[ACME]10"),
        ("00291010", "keepTag", "keepTag keeps 00291010"),
        ("StudyDescription", "cleanTextTag", "cleanTextTag keeps what inspection does not find in StudyDescription"),
        (
            "RequestAttributesSequence",
            "recurseTag",
            SEQUENCE,
        ),
    ],
)
def test_what_an_action_keeps_though_the_table_names_it(query, verb, line):
    assert lines(actions=[{"queries": [query], verb: {}}]) == [line]


@pytest.mark.parametrize(("query", "verb"), [("Rows", "keepTag"), ("KVP", "keepTag"), ("PatientName", "deleteTag"), ("LO", "resetTag")])
def test_what_takes_nothing_away_is_not_told(query, verb):
    assert lines(actions=[{"queries": [query], verb: {}}]) == []


def test_options_that_keep_what_safe_harbor_names_are_told():
    told = ("retainUids", "retainDeviceIdentity", "retainInstitutionIdentity", "retainLongitudinalFullDates")
    for option in told:
        assert [line.split(" ")[0] for line in lines(ps315Options={option: True})] == [option]
    for option in ("retainLongitudinalModifiedDates", "cleanDescriptors", "cleanStructuredContent", "retainPatientCharacteristics"):
        assert lines(ps315Options={option: True}) == []


def test_lists_and_text_that_is_left():
    assert v1(keepList={"tags": ["Rows", "KVP", "PatientID"]}) == ["keepList keeps PatientID"]
    assert v1(removeList={"tags": ["PatientID"]}) == ["removeList keeps every element that is not on it"]
    config = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": {"profileType": "EMPTY", "excludeInfoTypes": ["DATE"]}}
    assert [line.split(" ")[0] for line in leaves_identity(resolve(parse_config(json.dumps(config))))] == [
        "DEIDENTIFY_TAG_CONTENTS",
        "REDACT_NO_TEXT",
        "text.profileType",
        "text.excludeInfoTypes",
    ]
