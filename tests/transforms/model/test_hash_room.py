"""A hash that a VR has no room for is refused when the config is read, wherever the config itself tells."""

import json

import pytest

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError
from transforms.model.resolve import resolve


def plan(query: str, *info_types: str, kind: str = "cryptoHashConfig", verb: str = "cleanTextTag"):
    config = {
        "dicomTagConfig": {"actions": [{"queries": ["StudyDescription"], "keepTag": {}}, {"queries": ["LO", query], verb: {}}]},
        "text": {"additionalTransformations": [{"infoTypes": list(info_types), kind: {}}]},
    }
    return resolve(parse_config(json.dumps(config)))


@pytest.mark.parametrize(
    ("query", "info_types"),
    [
        ("StudyDate", ["DATE"]),
        ("DA", ["PERSON_NAME", "DATE"]),
        ("00080023", ["DATE"]),
        ("AcquisitionDateTime", ["DATE"]),
        ("PatientAge", ["AGE"]),
        ("IS", ["GENERIC_ID"]),
        ("RequestAttributesSequence.ScheduledProcedureStepStartDate", ["DATE"]),
    ],
)
def test_it_is_refused_with_its_path_and_what_is_allowed(query, info_types):
    with pytest.raises(ConfigError, match="no room for a hash of 80 bits") as caught:
        plan(query, *info_types)
    assert caught.value.at == "config.dicomTagConfig.actions.1.queries.1"
    assert "redactConfig" in str(caught.value)


@pytest.mark.parametrize("query", ["PatientAge", "StudyDate"])
def test_where_no_infotype_is_named_all_are_hashed(query):
    with pytest.raises(ConfigError, match=query):
        plan(query)


@pytest.mark.parametrize(
    ("query", "info_types", "change"),
    [
        ("StudyDate", ["PERSON_NAME"], {}),
        ("StudyDate", ["DATE"], {"kind": "dateShiftConfig"}),
        ("StudyDate", ["DATE"], {"verb": "removeTag"}),
        ("StudyID", ["GENERIC_ID"], {}),
        ("CS", ["PERSON_NAME"], {}),
        ("0008xxxx", ["DATE"], {}),
        ("UI", ["GENERIC_ID"], {}),
    ],
)
def test_what_may_fit_or_is_not_hashed_is_taken(query, info_types, change):
    assert plan(query, *info_types, **change).rules
