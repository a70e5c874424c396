"""Both generations in full come to one plan; contradictions and what could not be obeyed are refused by path."""

import base64
import json
import pickle

import pytest

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference, Purpose
from transforms.model.plan import Option, Profile, TextKind, TextMode, Verb
from transforms.model.resolve import crypto_keys, resolve

KEY = base64.b64encode(b"0123456789abcdef").decode()
ALL_TEXT, NO_TEXT = {"textRedactionMode": "REDACT_ALL_TEXT"}, {"textRedactionMode": "REDACT_NO_TEXT"}


def plan(config, place=None):
    return resolve(parse_config(json.dumps(config)), place)


def refused(config):
    with pytest.raises(ConfigError) as error:
        plan(config)
    return str(error.value)


def actions(*listed, **more):
    return {"dicomTagConfig": {"actions": list(listed), **more}}


def test_lists_are_profiles_of_their_own():
    kept = plan({"dicom": {"keepList": {"tags": ["PatientID", "00080020"]}}})
    assert (kept.profile, kept.listed) == (Profile.KEEP_LIST, {0x00100020, 0x00080020})
    assert plan({"dicom": {"removeList": {"tags": ["PatientName"]}}}).profile is Profile.REMOVE_LIST
    assert plan({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}).profile is Profile.CONTENTS


def test_actions_keep_their_order_and_the_last_decides():
    made = plan(actions({"queries": ["LO", "PatientID"], "deleteTag": {}}, {"queries": ["PatientID"], "keepTag": {}}))
    assert [rule.verb for rule in made.rules] == [Verb.DELETE, Verb.DELETE, Verb.KEEP]
    assert made.rule((0x00100020,), "LO").verb is Verb.KEEP
    assert made.rule((0x00081010,), "LO").verb is Verb.DELETE
    assert made.rule((0x00100010,), "PN") is None


def test_rules_leave_alone_what_an_object_needs_and_what_names_instances():
    made = plan(actions({"queries": ["UI", "0028xxxx"], "deleteTag": {}}, {"queries": ["UI"], "keepTag": {}}))
    assert made.rule((0x00080016,), "UI").verb is Verb.KEEP
    assert made.rule((0x0020000D,), "UI") is None
    assert made.rule((0x00280010,), "US") is None


def test_what_stays_by_consent():
    made = plan(actions({"queries": ["RequestAttributesSequence", "PatientName"], "keepTag": {}}))
    assert made.keeps((0x00100010,), "PN")
    assert made.keeps((0x00400275, 0x00401001), "SH")
    assert not made.keeps((0x00401001,), "SH")
    assert not made.keeps((0x0020000D,), "UI")


def test_options_of_both_kinds():
    made = plan(
        {
            "dicomTagConfig": {
                "options": {"cleanDescriptors": {}},
                "ps315Options": {"retainUids": True, "retainLongitudinalModifiedDates": True},
            }
        }
    )
    assert made.options == {Option.DESCRIPTORS, Option.UIDS, Option.MODIFIED_DATES}
    assert made.keep_primary_uids


def test_a_clean_image_action_is_the_option():
    assert plan(actions({"queries": ["PixelData"], "cleanImageTag": ALL_TEXT})).image.mode is TextMode.ALL
    nothing = {"queries": ["7FE00010"], "cleanImageTag": NO_TEXT}
    assert plan(actions(nothing, options={"cleanImage": ALL_TEXT})).image.mode is TextMode.NONE


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"dicom": {"keepList": {}, "removeList": {}}}, "config.dicom: keepList, removeList and filterProfile exclude each other"),
        ({"dicom": {"keepList": {}, "filterProfile": "KEEP_ALL_PROFILE"}}, "config.dicom: keepList, removeList and filterProfile"),
        ({"dicom": {"keepList": {"tags": ["Nobody"]}}}, "config.dicom.keepList.tags.0 is 'Nobody': this names no element"),
        (
            {"dicom": {"removeList": {"tags": ["PatientID", "Rows"]}}},
            "config.dicom.removeList.tags.1 is 'Rows': an object cannot be without",
        ),
        (actions({"queries": ["PN"]}), "config.dicomTagConfig.actions.0: an action does exactly one thing; give one of "),
        (actions({"queries": ["PN"], "keepTag": {}, "resetTag": {}}), "config.dicomTagConfig.actions.0 is 'keepTag, resetTag': an action"),
        (actions({"queries": [], "keepTag": {}}), "config.dicomTagConfig.actions.0.queries: an action without a query"),
        (actions({"queries": ["Nom"], "keepTag": {}}), "config.dicomTagConfig.actions.0.queries.0 is 'Nom': this names no element"),
        (actions({"queries": ["PN"], "wipeTag": {}}), "config.dicomTagConfig.actions.0.wipeTag: this field is unknown"),
        (actions({"queries": ["PN"], "recurseTag": {}}), "config.dicomTagConfig.actions.0.queries.0 is 'PN': recurseTag is for SQ"),
        (
            actions({"queries": ["PatientID"], "regenUidTag": {}}),
            "config.dicomTagConfig.actions.0.queries.0 is 'PatientID': regenUidTag is",
        ),
        (
            actions({"queries": ["PixelSpacing", "Rows"], "deleteTag": {}}),
            "config.dicomTagConfig.actions.0.queries.1 is 'Rows': deleteTag w",
        ),
        (
            actions({"queries": ["OB"], "cleanTextTag": {}}),
            "config.dicomTagConfig.actions.0.queries.0 is 'OB': cleanTextTag is for AE, AS,",
        ),
        (
            actions({"queries": ["LO"], "cleanImageTag": {}}),
            "config.dicomTagConfig.actions.0.queries.0 is 'LO': cleanImageTag cleans Pixel",
        ),
        (
            actions({"queries": ["StudyInstanceUID"], "keepTag": {}}),
            "config.dicomTagConfig.actions.0.queries.0 is 'StudyInstanceUID': UIDs",
        ),
        (
            {"image": ALL_TEXT} | actions({"queries": ["PN"], "keepTag": {}}, {"queries": ["PixelData"], "cleanImageTag": NO_TEXT}),
            "config.image: image and dicomTagConfig.actions.1.cleanImageTag both say what to redact; give one of them.",
        ),
        (
            {"image": ALL_TEXT} | actions({"queries": ["PixelData"], "cleanImageTag": {}}),
            "config.image: image and dicomTagConfig.actions.0",
        ),
        (actions({"queries": ["00020010"], "keepTag": {}}), "config.dicomTagConfig.actions.0.queries.0 is '00020010': file meta inform"),
        (
            {"dicomTagConfig": {"ps315Options": {"retainLongitudinalFullDates": True, "retainLongitudinalModifiedDates": True}}},
            "config.dicomTagConfig.ps315Options: dates are kept in full or modified, not both",
        ),
        (
            {"dicomTagConfig": {"profileType": "KEEP_ALL_PROFILE", "ps315Options": {"retainUids": True}}},
            "config.dicomTagConfig.ps315Options: the options of PS3.15 refine the Basic profile, not KEEP_ALL_PROFILE",
        ),
        (
            {"dicomTagConfig": {"ps315Options": {"retainUids": True}, "options": {"primaryIds": "REGEN"}}},
            "config.dicomTagConfig.options.primaryIds is 'REGEN': ps315Options.retainUids keeps these UIDs",
        ),
        ({"text": {"additionalTransformations": [{}]}}, "config.text.additionalTransformations.0: exactly one transformation is needed"),
        (
            {"text": {"transformations": [{"redactConfig": {}}], "additionalTransformations": [{"redactConfig": {}}]}},
            "config.text.transformations: this is the old name of additionalTransformations",
        ),
        (
            {"text": {"transformations": [{"redactConfig": {}}, {"characterMaskConfig": {}}]}},
            "config.text.transformations.1.infoTypes is '[]': another transformation is for this already",
        ),
        (
            {"text": {"transformations": [{"characterMaskConfig": {"maskingCharacter": "##"}}]}},
            "config.text.transformations.0.characterMaskConfig.maskingCharacter is '##': string should have at most 1 character",
        ),
        (
            {"text": {"transformations": [{"cryptoHashConfig": {"kmsWrapped": {}}}]}},
            "config.text.transformations.0.cryptoHashConfig.kmsWrapped.wrappedKey: this field is required",
        ),
        (
            {"text": {"transformations": [{"cryptoHashConfig": {"cryptoKey": "c2hvcnQ="}}]}},
            "config.text.transformations.0.cryptoHashConfig.cryptoKey: a key is base64 of 16, 24 or 32 bytes",
        ),
    ],
)
def test_refusals_name_the_path(config, sentence):
    message = refused(config)
    assert message.startswith(sentence)
    assert "\n" not in message
    assert "c2hvcnQ" not in message


def test_text_profiles_and_transformations():
    basic = plan({}).text
    assert (basic.of("DATE").kind, basic.of("PERSON_NAME").kind) == (TextKind.DATE_SHIFT, TextKind.INFO_TYPE)
    named = plan({"text": {"additionalTransformations": [{"infoTypes": ["PERSON_NAME"], "redactConfig": {}}]}}).text
    assert [named.of(kind).kind for kind in ("PERSON_NAME", "DATE", "AGE")] == [TextKind.REDACT, TextKind.DATE_SHIFT, TextKind.INFO_TYPE]
    default = plan({"text": {"transformations": [{"characterMaskConfig": {"maskingCharacter": "#"}}]}}).text
    assert [default.of(kind).masking_character for kind in ("PERSON_NAME", "DATE")] == ["#", "#"]
    empty = plan({"text": {"profileType": "EMPTY", "excludeInfoTypes": ["DATE"]}}).text
    assert (empty.of("PERSON_NAME"), empty.of("DATE")) == (None, None)


def test_a_raw_key_goes_to_a_file_and_is_never_shown(tmp_path):
    config = parse_config(json.dumps({"text": {"transformations": [{"dateShiftConfig": {"cryptoKey": KEY}}]}}))
    (key,) = crypto_keys(config)
    file = tmp_path / key.fingerprint
    file.write_bytes(key.file_content())
    made = resolve(config, lambda key: KeyReference(f"file:{tmp_path / key.fingerprint}"))
    assert made.text.of("DATE").key.purpose_key(Purpose.DATE).digest(b"x") != made.text.of("DATE").key.purpose_key(Purpose.HASH).digest(
        b"x"
    )
    shown = config.to_json() + repr(config) + str(pickle.dumps(made))
    assert f"<redacted key:{key.fingerprint}>" in config.to_json()
    for material in (KEY, "0123456789abcdef", b"0123456789abcdef".hex()):
        assert material not in shown
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(ConfigError, match="cryptoKey: a raw key cannot travel to a remote runner"):
        resolve(config)
