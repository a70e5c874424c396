"""Whatever is wrong with a config ends a run before it starts: exit code 2, one sentence, its JSON path, the value, what is allowed."""

import json

import pytest

from pipeline.main import main

V1, V2 = "dicom", "dicomTagConfig"
WRAPPED = {"wrappedKey": "AAAA", "cryptoKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k"}


def hashed(**keyed):
    return {"text": {"additionalTransformations": [{"cryptoHashConfig": keyed}]}}


def action(**what):
    return {V2: {"actions": [what]}}


@pytest.mark.parametrize(
    ("config", "at", "got", "allowed"),
    [
        ("{", "config", None, "not JSON"),
        ({"dicoms": {}}, "config.dicoms", None, "allowed here: dicom, dicomTagConfig, image,"),
        ({"fhir": {}}, "config.fhir", None, "allowed here: "),
        ({V1: {"keeplist": {}}}, "config.dicom.keeplist", None, "allowed here: filterProfile, keepList, removeList, skipIdRedaction"),
        ({V1: {}, V2: {}}, "config.dicomTagConfig", None, "give one of them"),
        ({V1: {"keepList": {}, "removeList": {}}}, "config.dicom", None, "give one of them"),
        ({V1: {"keepList": {"tags": ["00100010"]}, "removeList": {"tags": ["00100010"]}}}, "config.dicom", None, "exclude each other"),
        ({V1: {"filterProfile": "KEEP_ALL_PROFILE", "keepList": {}}}, "config.dicom", None, "give one of them"),
        ({V1: {"filterProfile": "NONE"}}, "config.dicom.filterProfile", "NONE", "'KEEP_ALL_PROFILE'"),
        ({V1: {"filterProfile": 3}}, "config.dicom.filterProfile", "3", "'KEEP_ALL_PROFILE'"),
        ({V1: {"skipIdRedaction": "yes"}}, "config.dicom.skipIdRedaction", "yes", "valid boolean"),
        ({V1: {"keepList": {"tags": ["PatientsName"]}}}, "config.dicom.keepList.tags.0", "PatientsName", "eight hex digits"),
        ({V1: {"keepList": {"tags": "PatientName"}}}, "config.dicom.keepList.tags", "PatientName", "array"),
        ({V1: {"removeList": {"tags": ["Rows"]}}}, "config.dicom.removeList.tags.0", "Rows", "take it off the list"),
        ({V2: {"profileType": "BASIC"}}, "config.dicomTagConfig.profileType", "BASIC", "'ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE'"),
        ({V2: {"options": {"primaryIds": "PRESERVE"}}}, "config.dicomTagConfig.options.primaryIds", "PRESERVE", "'KEEP' or 'REGEN'"),
        ({V2: {"options": {"cleanDescriptors": True}}}, "config.dicomTagConfig.options.cleanDescriptors", "true", "object"),
        (action(queries=["PN"]), "config.dicomTagConfig.actions.0", None, "give one of cleanImageTag, cleanTextTag, deleteTag, keepTag"),
        (action(queries=["PN"], keepTag={}, deleteTag={}), "config.dicomTagConfig.actions.0", "keepTag, deleteTag", "give one of"),
        (action(keepTag={}), "config.dicomTagConfig.actions.0.queries", None, "required"),
        (action(queries=[], keepTag={}), "config.dicomTagConfig.actions.0.queries", None, "write a tag"),
        (action(queries=["0010"], keepTag={}), "config.dicomTagConfig.actions.0.queries.0", "0010", "write a tag"),
        (action(queries=["PN"], recurseTag={}), "config.dicomTagConfig.actions.0.queries.0", "PN", "recurseTag is for SQ"),
        (action(queries=["PN"], regenUidTag={}), "config.dicomTagConfig.actions.0.queries.0", "PN", "regenUidTag is for UI"),
        (action(queries=["PN"], cleanImageTag={}), "config.dicomTagConfig.actions.0.queries.0", "PN", "write PixelData"),
        ({V2: {"clinicalTrial": {"sponsorName": "X"}}}, "config.dicomTagConfig.clinicalTrial.protocolId", None, "required"),
        ({"image": {"textRedactionMode": "ALL"}}, "config.image.textRedactionMode", "ALL", "'REDACT_ALL_TEXT'"),
        (
            {"image": {"textRedactionMode": "REDACT_ALL_TEXT", "additionalInfoTypes": ["AGE"]}},
            "config.image.additionalInfoTypes",
            None,
            "use REDACT_SENSITIVE_TEXT or",
        ),
        (
            {V2: {"options": {"cleanImage": {"excludeInfoTypes": ["AGE"]}}}},
            "config.dicomTagConfig.options.cleanImage.excludeInfoTypes",
            None,
            "use REDACT_SENSITIVE_TEXT or",
        ),
        ({"image": {"customRegexes": [{}]}}, "config.image.customRegexes.0.pattern", None, "required"),
        ({"image": {}, V2: {"options": {"cleanImage": {}}}}, "config.image", None, "give one of them"),
        ({"text": {"profileType": "NONE"}}, "config.text.profileType", "NONE", "'BASIC'"),
        ({"text": {"excludeInfoTypes": ["NAMES"]}}, "config.text", "NAMES", "PERSON_NAME"),
        ({"text": {"additionalTransformations": [{}]}}, "config.text.additionalTransformations.0", None, "characterMaskConfig"),
        (
            {"text": {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": "**"}}]}},
            "config.text.additionalTransformations.0.characterMaskConfig.maskingCharacter",
            "**",
            "at most 1 character",
        ),
        (hashed(cryptoKey="c2hvcnQ="), "config.text.additionalTransformations.0.cryptoHashConfig.cryptoKey", None, "16, 24 or 32 bytes"),
        (
            hashed(cryptoKey="MDEyMzQ1Njc4OWFiY2RlZg==", kmsWrapped=WRAPPED),
            "config.text.additionalTransformations.0.cryptoHashConfig",
            None,
            "give one of them",
        ),
        (
            hashed(kmsWrapped=WRAPPED | {"cryptoKey": "k"}),
            "config.text.additionalTransformations.0.cryptoHashConfig.kmsWrapped.cryptoKey",
            None,
            "projects/P/locations/L/keyRings/R/cryptoKeys/K",
        ),
        (
            hashed(kmsWrapped=WRAPPED | {"wrappedKey": "%"}),
            "config.text.additionalTransformations.0.cryptoHashConfig.kmsWrapped.wrappedKey",
            None,
            "base64",
        ),
        ({"useRegionalDataProcessing": 1}, "config.useRegionalDataProcessing", "1", "boolean"),
        ({"operationMetadata": {"fhirOutput": {}}}, "config.operationMetadata.fhirOutput.fhirStore", None, "required"),
        ({"operationMetadata": {"fhirOutput": {"fhirStore": "store"}}}, "--fhir_store", "store", "projects/P/locations/L/datasets/D"),
    ],
)
def test_a_wrong_config_is_refused_in_one_sentence(tmp_path, capsys, config, at, got, allowed):
    (tmp_path / "in").mkdir()
    places = [f"--source={tmp_path / 'in'}", f"--destination={tmp_path / 'out'}", f"--workspace={tmp_path / 'ws'}"]
    text = config if isinstance(config, str) else json.dumps(config)
    assert main([*places, "--config", text, "--allow_identifiable"]) == 2
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("allowed: ")]
    shown = "" if got is None else f" is {got!r}"
    assert sentence.startswith(f"dicom-deid: {at}{shown}: ")
    assert allowed in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_key_in_the_wrong_place_is_not_shown(tmp_path, capsys):
    places = [f"--source={tmp_path / 'in'}", f"--destination={tmp_path / 'out'}", f"--workspace={tmp_path / 'ws'}"]
    for keyed in ({"cryptoKey": {"key": "c2VjcmV0"}}, {"cryptoKey": "c2VjcmV0"}, {"cryptokey": "c2VjcmV0"}, "c2VjcmV0"):
        assert main([*places, "--config", json.dumps({"text": {"transformations": [{"cryptoHashConfig": keyed}]}})]) == 2
        assert "c2VjcmV0" not in capsys.readouterr().err
