"""Every mode of ImageConfig, by either generation; what a mode does not take is refused by name."""

import json

import pytest

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError
from transforms.model.plan import ALL_TEXT, NO_TEXT, ImagePlan, Pattern, TextMode
from transforms.model.resolve import resolve

SENSITIVE = {"textRedactionMode": "REDACT_SENSITIVE_TEXT"}


def places(image: dict) -> list[tuple[str, dict]]:
    """The three places an ImageConfig may stand in, with its JSON path."""
    clean = {"actions": [{"queries": ["PixelData"], "cleanImageTag": image}]}
    return [
        ("config.image", {"image": image}),
        ("config.dicomTagConfig.options.cleanImage", {"dicomTagConfig": {"options": {"cleanImage": image}}}),
        ("config.dicomTagConfig.actions.0.cleanImageTag", {"dicomTagConfig": clean}),
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, NO_TEXT),
        ({"textRedactionMode": "TEXT_REDACTION_MODE_UNSPECIFIED"}, NO_TEXT),
        ({"textRedactionMode": "REDACT_NO_TEXT"}, NO_TEXT),
        ({"textRedactionMode": "REDACT_ALL_TEXT"}, ALL_TEXT),
        (SENSITIVE, ImagePlan(TextMode.SENSITIVE)),
        ({"textRedactionMode": "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS"}, ImagePlan(TextMode.SENSITIVE, phrases=True)),
        (SENSITIVE | {"excludeInfoTypes": ["DATE"]}, ImagePlan(TextMode.SENSITIVE, exclude=frozenset({"DATE"}))),
        (SENSITIVE | {"additionalInfoTypes": ["URL"]}, ImagePlan(TextMode.SENSITIVE, additional=frozenset({"URL"}))),
        ({"additionalInfoTypes": ["AGE"]}, ImagePlan(TextMode.SENSITIVE, frozenset({"AGE"}))),
        (
            {"customRegexes": [{"pattern": r"(\d+)-(\d+)", "groupIndexes": [2]}]},
            ImagePlan(TextMode.SENSITIVE, frozenset(), patterns=(Pattern(r"(\d+)-(\d+)", (2,)),)),
        ),
        (SENSITIVE | {"customRegexes": [{"pattern": "X9"}]}, ImagePlan(TextMode.SENSITIVE, patterns=(Pattern("X9"),))),
        (
            {"textRedactionMode": "REDACT_ALL_TEXT", "customRegexes": [{"pattern": "X9"}]},
            ImagePlan(TextMode.ALL, patterns=(Pattern("X9"),)),
        ),
    ],
)
def test_modes(image, expected):
    for at, config in places(image):
        assert resolve(parse_config(json.dumps(config))).image == expected, at


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ({"textRedactionMode": "REDACT_MOST_TEXT"}, ".textRedactionMode is 'REDACT_MOST_TEXT': this value is unknown"),
        ({"textRedactionMode": "REDACT_ALL_TEXT", "additionalInfoTypes": ["AGE"]}, ".additionalInfoTypes: REDACT_ALL_TEXT does not choose"),
        ({"textRedactionMode": "REDACT_NO_TEXT", "additionalInfoTypes": ["AGE"]}, ".additionalInfoTypes: REDACT_NO_TEXT does not choose"),
        ({"textRedactionMode": "REDACT_ALL_TEXT", "excludeInfoTypes": ["AGE"]}, ".excludeInfoTypes: REDACT_ALL_TEXT does not choose"),
        ({"excludeInfoTypes": ["AGE"]}, ".excludeInfoTypes: TEXT_REDACTION_MODE_UNSPECIFIED does not choose"),
        ({"textRedactionMode": "REDACT_NO_TEXT", "customRegexes": [{"pattern": "x"}]}, ".customRegexes: REDACT_NO_TEXT does not choose"),
        (
            SENSITIVE | {"additionalInfoTypes": ["AGE"], "excludeInfoTypes": ["AGE"]},
            ".excludeInfoTypes is 'AGE': additionalInfoTypes names",
        ),
        (SENSITIVE | {"customRegexes": [{"pattern": "(x"}]}, ".customRegexes.0.pattern is '(x': this is no regular expression"),
        (
            SENSITIVE | {"customRegexes": [{"pattern": r"(x)\1"}]},
            ".customRegexes.0.pattern is '(x)\\\\1': this is no regular expression of RE2",
        ),
        (SENSITIVE | {"customRegexes": [{"pattern": ""}]}, ".customRegexes.0.pattern: an empty pattern"),
        (
            SENSITIVE | {"customRegexes": [{"pattern": "x"}, {"pattern": "(x)", "groupIndexes": [1, 2]}]},
            ".customRegexes.1.groupIndexes.1 is '2': the pattern has 1 group;",
        ),
        (
            SENSITIVE | {"customRegexes": [{"pattern": "x", "groupIndexes": [0, 0, 0, 0]}]},
            ".customRegexes.0.groupIndexes: at most 3 groups",
        ),
        (SENSITIVE | {"customRegexes": [{"groupIndexes": [1]}]}, ".customRegexes.0.pattern: this field is required"),
    ],
)
def test_refusals_name_the_path(image, sentence):
    for at, config in places(image):
        with pytest.raises(ConfigError) as error:
            resolve(parse_config(json.dumps(config)))
        assert str(error.value).startswith(at + sentence)
