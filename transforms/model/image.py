"""Which text in pixels is redacted: an ImageConfig of either generation as its one ImagePlan (API: ImageConfig)."""

from __future__ import annotations

import re2

from transforms.model.config import CustomRegex, ImageConfig, TextRedactionMode
from transforms.model.errors import ConfigError
from transforms.model.plan import ImagePlan, Pattern, TextMode

_MODES = {
    TextRedactionMode.UNSPECIFIED: TextMode.NONE,
    TextRedactionMode.REDACT_NO_TEXT: TextMode.NONE,
    TextRedactionMode.REDACT_ALL_TEXT: TextMode.ALL,
    TextRedactionMode.REDACT_SENSITIVE_TEXT: TextMode.SENSITIVE,
    TextRedactionMode.REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS: TextMode.SENSITIVE,
}
_CHOOSING = ("REDACT_SENSITIVE_TEXT", "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS")
_MOST_GROUPS = 3
"""Of one pattern (Sensitive Data Protection, CustomInfoType.Regex.groupIndexes)."""


def image_plan(config: ImageConfig, at: str) -> ImagePlan:
    """The plan of a config that stands at the JSON path `at`.

    Raises ConfigError for lists that the mode does not take, and for patterns that are none.
    """
    asked = config.text_redaction_mode
    chooses, unspecified = asked.value in _CHOOSING, asked is TextRedactionMode.UNSPECIFIED
    if config.additional_info_types and not (chooses or unspecified):
        _refuse_list(f"{at}.additionalInfoTypes", asked, "or leave the mode out")
    if config.exclude_info_types and not chooses:
        _refuse_list(f"{at}.excludeInfoTypes", asked, "or leave the list out")
    if config.custom_regexes and asked is TextRedactionMode.REDACT_NO_TEXT:
        _refuse_list(f"{at}.customRegexes", asked, "or leave the mode out")
    both = sorted(set(config.additional_info_types) & set(config.exclude_info_types))
    if both:
        raise ConfigError(f"{at}.excludeInfoTypes", "additionalInfoTypes names it, too", "give it in one of the lists", both[0])
    patterns = tuple(_pattern(regex, f"{at}.customRegexes.{number}") for number, regex in enumerate(config.custom_regexes))
    if unspecified and (config.additional_info_types or patterns):
        return ImagePlan(TextMode.SENSITIVE, frozenset(config.additional_info_types), patterns=patterns)
    return ImagePlan(
        _MODES[asked],
        additional=frozenset(config.additional_info_types),
        exclude=frozenset(config.exclude_info_types),
        patterns=patterns,
        phrases=asked is TextRedactionMode.REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS,
    )


def _refuse_list(at: str, mode: TextRedactionMode, otherwise: str) -> None:
    raise ConfigError(at, f"{mode} does not choose text by what it says", f"use {' or '.join(_CHOOSING)}, {otherwise}")


def _pattern(regex: CustomRegex, at: str) -> Pattern:
    pattern = Pattern(regex.pattern, regex.group_indexes)
    try:
        groups = pattern.compiled().groups
    except re2.error:
        raise ConfigError(f"{at}.pattern", "this is no regular expression of RE2", "correct it", regex.pattern) from None
    if not regex.pattern:
        raise ConfigError(f"{at}.pattern", "an empty pattern matches every text", "write one, or use REDACT_ALL_TEXT")
    if len(regex.group_indexes) > _MOST_GROUPS:
        raise ConfigError(f"{at}.groupIndexes", f"at most {_MOST_GROUPS} groups of a pattern can be chosen", "leave some out")
    for number, group in enumerate(regex.group_indexes):
        if not 0 <= group <= groups:
            why = f"the pattern has {groups} group{'' if groups == 1 else 's'}"
            raise ConfigError(f"{at}.groupIndexes.{number}", why, "name one of them, or 0 for the whole match", str(group))
    return pattern
