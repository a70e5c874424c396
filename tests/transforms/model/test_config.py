"""Two generations of config, one plan; what is not understood is refused by name."""

import json

import pytest

from transforms.model.config import SAFE_CONFIG, DeidentifyConfig, parse_config, parse_request
from transforms.model.errors import ConfigError
from transforms.model.plan import ALL_TEXT, NO_TEXT, ActionPlan, Profile
from transforms.model.resolve import resolve
from transforms.tags.consent import leaves_identity


def plan(config: dict) -> ActionPlan:
    return resolve(parse_config(json.dumps(config)))


def refused(config: object) -> str:
    with pytest.raises(ConfigError) as error:
        resolve(parse_config(config if isinstance(config, str) else json.dumps(config)))
    return str(error.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ActionPlan(Profile.KEEP_ALL, keep_primary_uids=False, image=NO_TEXT)),
        ({"dicom": {}}, ActionPlan(Profile.KEEP_ALL, keep_primary_uids=False, image=NO_TEXT)),
        ({"dicomTagConfig": {}}, ActionPlan(Profile.BASIC, keep_primary_uids=False, image=NO_TEXT)),
        (
            {
                "dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE", "skipIdRedaction": True},
                "image": {"textRedactionMode": "REDACT_ALL_TEXT"},
            },
            ActionPlan(Profile.MINIMAL, keep_primary_uids=True, image=ALL_TEXT),
        ),
        (
            {
                "dicomTagConfig": {
                    "profileType": "KEEP_ALL_PROFILE",
                    "options": {"primaryIds": "KEEP", "cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}},
                }
            },
            ActionPlan(Profile.KEEP_ALL, keep_primary_uids=True, image=ALL_TEXT),
        ),
        (
            {"dicomTagConfig": {"options": {"primaryIds": "REGEN"}}, "image": {"textRedactionMode": "REDACT_NO_TEXT"}},
            ActionPlan(Profile.BASIC, keep_primary_uids=False, image=NO_TEXT),
        ),
    ],
)
def test_plans(config, expected):
    assert plan(config) == expected


def test_the_safe_config_leaves_no_identity_and_others_say_what_they_leave():
    assert leaves_identity(resolve(SAFE_CONFIG)) == []
    lines = leaves_identity(plan({"dicom": {"skipIdRedaction": True}}))
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"dicom": {}, "dicomTagConfig": {}}, "config.dicomTagConfig: dicom and dicomTagConfig are two generations"),
        ({"image": {}, "dicomTagConfig": {"options": {"cleanImage": {}}}}, "config.image: image and dicomTagConfig.options.cleanImage"),
        (
            {"dicom": {"tags": {}}},
            "config.dicom.tags: this field is unknown or not supported; allowed here: filterProfile, keepList, removeList, skipIdRed",
        ),
        ({"dicom": {"filter_profile": "KEEP_ALL_PROFILE"}}, "config.dicom.filter_profile: this field is unknown"),
        (
            {"fhir": {}},
            "config.fhir: this field is unknown or not supported; allowed here: dicom, dicomTagConfig, image, operationMetadata, ",
        ),
        ({"operationMetadata": {"fhirOutput": {}}}, "config.operationMetadata.fhirOutput.fhirStore: this field is required"),
        (
            {"dicomTagConfig": {"options": {"cleanImage": {"infoTypes": []}}}},
            "config.dicomTagConfig.options.cleanImage.infoTypes: this field is unknown or not supported; allowed here: additionalInfo",
        ),
        (
            {"dicom": {"filterProfile": "DEFAULT"}},
            "config.dicom.filterProfile is 'DEFAULT': this value is unknown or not supported; allowed: ",
        ),
        ({"dicom": {"skipIdRedaction": "true"}}, "config.dicom.skipIdRedaction is 'true': input should be a valid boolean"),
        ({"dicom": None, "image": 3}, "config.image is '3': "),
        ([], "config: "),
        ("{", "config: this is not JSON ("),
    ],
)
def test_a_refusal_names_the_path_and_the_mend(config, sentence):
    message = refused(config)
    assert message.startswith(sentence)
    assert "\n" not in message


def test_the_allowed_values_are_listed():
    assert "'REDACT_ALL_TEXT'" in refused({"image": {"textRedactionMode": "REDACT_MOST_TEXT"}})


def test_a_request_has_a_destination_and_a_config():
    request = parse_request('{"destinationStore": "projects/p", "config": {"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}}')
    assert resolve(request.config).image == ALL_TEXT
    with pytest.raises(ConfigError, match=r"request\.destinationStore: this field is required"):
        parse_request("{}")
    with pytest.raises(ConfigError, match=r"request\.config\.image\.mode"):
        parse_request('{"destinationStore": "x", "config": {"image": {"mode": 1}}}')


@pytest.mark.parametrize(
    "text", ['{"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}}', "{}", '{"operationMetadata": {"fhirOutput": {"fhirStore": "x"}}}']
)
def test_the_recorded_form_reads_back_the_same(text):
    config = parse_config(text)
    assert json.loads(config.to_json()) == json.loads(text)
    assert DeidentifyConfig.model_validate_json(config.to_json()) == config
    assert parse_config(config.to_json()).to_json() == config.to_json()


@pytest.mark.parametrize("character", ["\\", "\n", "\x1b", "**", ""])
def test_a_mask_that_would_make_other_values_is_refused(character):
    masked = {"text": {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": character}}]}}
    with pytest.raises(ConfigError) as caught:
        parse_config(json.dumps(masked))
    assert caught.value.at.endswith("characterMaskConfig.maskingCharacter")


def test_a_field_given_twice_is_refused_by_name():
    with pytest.raises(ConfigError, match="filterProfile") as caught:
        parse_config('{"dicom": {"filterProfile": "KEEP_ALL_PROFILE", "filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}')
    assert "given twice" in str(caught.value)
    assert parse_config('{"dicom": {}, "image": {}}').image is not None
