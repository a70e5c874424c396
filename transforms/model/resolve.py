"""From a DeidentifyConfig of either generation to its one ActionPlan: unions, defaults, precedence (API: DicomTagConfig).

Precedence is profile < options < actions; of several actions on one element the later in the list wins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from transforms.model.config import (
    Action,
    ClinicalTrial,
    DeidentifyConfig,
    DicomConfig,
    DicomTagConfig,
    FilterProfile,
    ImageConfig,
    InfoTypeTransformation,
    KeyedConfig,
    PrimaryIds,
    ProfileType,
    TextConfig,
    TextProfile,
)
from transforms.model.cryptokey import CryptoKey
from transforms.model.errors import ConfigError
from transforms.model.hash_room import check_hash_fits
from transforms.model.image import image_plan
from transforms.model.keys import KeyReference
from transforms.model.needed import KEPT_BY_API, NAMES_AN_INSTANCE, NEEDED
from transforms.model.plan import API_TEXT_VRS, MORE_TEXT_VRS, ActionPlan, Option, Profile, Rule, TextKind, TextPlan, Transformation, Verb
from transforms.model.query import Query, parse_query, parse_tag

_PIXEL_DATA = 0x7FE00010
_TRIAL = (0x00120010, 0x00120020, 0x00120021, 0x00120030, 0x00120031)
_CLEAN_IMAGE = "cleanImageTag"
_VRS = {Verb.RECURSE: ("SQ",), Verb.REGENERATE_UID: ("UI",)}
_TAG_FORMS = "a keyword or eight hex digits, such as PatientID or 00100020"
_QUERY_FORMS = "a tag (00100010), keyword, VR, mask (0010xxxx), private element (0029[CREATOR]10), or a path of these joined by dots"

KeyPlace = Callable[[CryptoKey | KeyReference], KeyReference | None]
"""Where a key of a config is kept, raw or wrapped, since only this reference travels; None: the run's own will do in its place."""


def resolve(config: DeidentifyConfig, key_place: KeyPlace | None = None) -> ActionPlan:
    """The plan of a config. Without `key_place` a raw key is refused.

    Raises ConfigError for two members of a union, contradictions, and what a list or action may not name.
    """
    if config.dicom is not None and config.dicom_tag_config is not None:
        raise ConfigError("config.dicomTagConfig", "dicom and dicomTagConfig are two generations of the same thing", "give one of them")
    text = _text(config.text or TextConfig(), key_place)
    if config.dicom_tag_config is not None:
        return _second_generation(config.dicom_tag_config, config.image, text)
    profile, listed = _tag_filter(config.dicom or DicomConfig())
    keep = bool(config.dicom and config.dicom.skip_id_redaction)
    return ActionPlan(profile, keep, image_plan(config.image or ImageConfig(), "config.image"), listed, text=text)


def without_keys(config: DeidentifyConfig) -> ActionPlan:
    """The plan with the run's own key in place of those that the config brings: for looking, not for doing. Raises ConfigError."""
    return resolve(config, lambda _: None)


def with_api_vrs_only(plan: ActionPlan) -> ActionPlan:
    """The plan with inspection of the API's VRs alone. Raises ConfigError for an action that asks to clean another."""
    for rule in plan.rules:
        if rule.verb is Verb.CLEAN_TEXT and rule.query.vr is not None and rule.query.vr not in API_TEXT_VRS:
            why = f"{rule.verb} is then for {', '.join(sorted(API_TEXT_VRS))}, and {rule.query.text} is {rule.query.vr}"
            raise ConfigError("--api_vrs_only", why, "use another action, or leave the option out")
    return dataclasses.replace(plan, api_vrs_only=True)


def crypto_keys(config: DeidentifyConfig) -> Iterator[CryptoKey]:
    """The raw keys in a config."""
    text = config.text or TextConfig()
    for transformation in (*text.transformations, *text.additional_transformations):
        for keyed in (transformation.date_shift_config, transformation.crypto_hash_config):
            if keyed is not None and keyed.crypto_key is not None:
                yield keyed.crypto_key


def _tag_filter(dicom: DicomConfig) -> tuple[Profile, frozenset[int]]:
    given = [field for field in ("filter_profile", "keep_list", "remove_list") if getattr(dicom, field) is not None]
    if len(given) > 1:
        raise ConfigError("config.dicom", "keepList, removeList and filterProfile exclude each other", "give one of them")
    if dicom.keep_list is not None:
        return Profile.KEEP_LIST, _tags(dicom.keep_list.tags, "config.dicom.keepList.tags")
    if dicom.remove_list is not None:
        listed = _tags(dicom.remove_list.tags, "config.dicom.removeList.tags")
        for number, tag in enumerate(dicom.remove_list.tags):
            if parse_tag(tag) in KEPT_BY_API | NEEDED:
                raise ConfigError(
                    f"config.dicom.removeList.tags.{number}", "an object cannot be without this element", "take it off the list", tag
                )
        return Profile.REMOVE_LIST, listed
    chosen = dicom.filter_profile or FilterProfile.UNSPECIFIED
    return (Profile.KEEP_ALL if chosen is FilterProfile.UNSPECIFIED else Profile(chosen.value)), frozenset()


def _tags(listed: Iterable[str], at: str) -> frozenset[int]:
    found = set()
    for number, text in enumerate(listed):
        tag = parse_tag(text)
        if tag is None:
            raise ConfigError(f"{at}.{number}", "this names no element", f"write {_TAG_FORMS}", text)
        found.add(tag)
    return frozenset(found)


def _second_generation(config: DicomTagConfig, image: ImageConfig | None, text: TextPlan) -> ActionPlan:
    at = "config.dicomTagConfig"
    kind, options = config.profile_type, config.options
    profile = Profile.BASIC if kind is ProfileType.UNSPECIFIED else Profile(kind.value)
    if image is not None:
        _check_image_alone(config)
    chosen = _options(config, profile)
    if Option.UIDS in chosen and options.primary_ids is PrimaryIds.REGEN:
        raise ConfigError(f"{at}.options.primaryIds", "ps315Options.retainUids keeps these UIDs", "give one of them", "REGEN")
    keep = options.primary_ids is PrimaryIds.KEEP or Option.UIDS in chosen
    redacted = image_plan(image or options.clean_image or ImageConfig(), "config.image" if image else f"{at}.options.cleanImage")
    rules: list[Rule] = []
    for number, action in enumerate(config.actions):
        verb = _verb(action, f"{at}.actions.{number}")
        for place, written in enumerate(action.queries):
            where = f"{at}.actions.{number}.queries.{place}"
            query = parse_query(written)
            if query is None:
                raise ConfigError(where, "this names no element", f"write {_QUERY_FORMS}", written)
            if verb is None:
                _check_clean_image(query, where)
                redacted = image_plan(action.clean_image_tag or ImageConfig(), f"{at}.actions.{number}.cleanImageTag")
                continue
            _check(verb, query, where, keep)
            rules.append(Rule(verb, query))
            check_hash_fits(rules[-1], text, where)
    return ActionPlan(profile, keep, redacted, rules=tuple(rules), options=chosen, text=text, trial=_trial(config.clinical_trial))


def _check_image_alone(config: DicomTagConfig) -> None:
    """Refuse what says beside `image` what to redact: of these two the API does not say which comes first."""
    others = {"options.cleanImage": config.options.clean_image}
    others |= {f"actions.{number}.cleanImageTag": action.clean_image_tag for number, action in enumerate(config.actions)}
    for name, other in others.items():
        if other is not None:
            raise ConfigError("config.image", f"image and dicomTagConfig.{name} both say what to redact", "give one of them")


def _trial(trial: ClinicalTrial | None) -> tuple[tuple[int, str], ...]:
    """(0012,0010), (0012,0020), (0012,0021), (0012,0030) and (0012,0031)."""
    if trial is None:
        return ()
    values = (trial.sponsor_name, trial.protocol_id, trial.protocol_name, trial.site_id, trial.site_name)
    return tuple(zip(_TRIAL, values, strict=True))


def _options(config: DicomTagConfig, profile: Profile) -> frozenset[Option]:
    at = "config.dicomTagConfig.ps315Options"
    chosen = {option for option in Option if getattr(config.ps315_options, option.value)}
    if chosen and profile is not Profile.BASIC:
        raise ConfigError(at, f"the options of PS3.15 refine the Basic profile, not {profile}", f"choose {Profile.BASIC}")
    if {Option.FULL_DATES, Option.MODIFIED_DATES} <= chosen:
        raise ConfigError(at, "dates are kept in full or modified, not both", "give one of the two options")
    if config.options.clean_descriptors is not None:
        chosen.add(Option.DESCRIPTORS)
    return frozenset(chosen)


def _verb(action: Action, at: str) -> Verb | None:
    """The one thing an action does; None for cleanImageTag."""
    fields = {str(field.alias): name for name, field in Action.model_fields.items() if name != "queries"}
    given = [alias for alias, name in fields.items() if getattr(action, name) is not None]
    if len(given) != 1:
        raise ConfigError(at, "an action does exactly one thing", f"give one of {', '.join(sorted(fields))}", ", ".join(given))
    if not action.queries:
        raise ConfigError(f"{at}.queries", "an action without a query does nothing", f"write {_QUERY_FORMS}")
    return None if given[0] == _CLEAN_IMAGE else Verb(given[0])


def _check_clean_image(query: Query, at: str) -> None:
    """cleanImageTag on PixelData is `options.cleanImage`; within a sequence the API makes it keepTag, we delete those samples."""
    if len(query.parts) > 1 or query.parts[0].tag != _PIXEL_DATA:
        raise ConfigError(at, "cleanImageTag cleans PixelData only", "write PixelData, or another action", query.text)


def _check(verb: Verb, query: Query, at: str, keeps_ids: bool) -> None:
    """Refuse what could not be obeyed."""
    tag = query.parts[-1].tag
    if tag is not None and tag >> 16 in (0x0000, 0x0002):
        raise ConfigError(at, "file meta information and commands are made afresh", "leave this element out", query.text)
    if tag in NAMES_AN_INSTANCE and verb in (Verb.KEEP, Verb.REGENERATE_UID):
        if keeps_ids is not (verb is Verb.KEEP):
            raise ConfigError(at, "UIDs that name instances are kept or regenerated together", "say so by options.primaryIds", query.text)
    elif tag in NEEDED and verb is not Verb.KEEP:
        raise ConfigError(at, f"{verb} would break the object", "leave this element out, or use keepTag", query.text)
    vr, allowed = query.vr, _VRS.get(verb, tuple(sorted(API_TEXT_VRS | MORE_TEXT_VRS)) if verb is Verb.CLEAN_TEXT else ())
    if vr is not None and allowed and vr not in allowed:
        raise ConfigError(at, f"{verb} is for {', '.join(allowed)}, and this is {vr}", "use another action", query.text)


def _text(config: TextConfig, key_place: KeyPlace | None) -> TextPlan:
    """The profile, overridden by the transformations; excluded infoTypes stay as they are."""
    if config.transformations and config.additional_transformations:
        raise ConfigError("config.text.transformations", "this is the old name of additionalTransformations", "give one of them")
    field = "transformations" if config.transformations else "additionalTransformations"
    base = TextPlan((), None) if config.profile_type is TextProfile.EMPTY else TextPlan()
    named, default = dict(base.by_info_type), base.default
    told: set[str] = set()
    for number, entry in enumerate(config.transformations or config.additional_transformations):
        at = f"config.text.{field}.{number}"
        transformation = _transformation(entry, at, key_place)
        for info_type in entry.info_types or ("",):
            if info_type in told:
                raise ConfigError(
                    f"{at}.infoTypes", "another transformation is for this already", "name each infoType once", info_type or "[]"
                )
            told.add(info_type)
        if entry.info_types:
            named |= dict.fromkeys(entry.info_types, transformation)
        else:
            default = transformation
            named = {info_type: chosen for info_type, chosen in named.items() if info_type in told}
    return TextPlan(tuple(sorted(named.items(), key=lambda item: item[0])), default, frozenset(config.exclude_info_types))


def _transformation(entry: InfoTypeTransformation, at: str, key_place: KeyPlace | None) -> Transformation:
    fields = {str(field.alias): name for name, field in InfoTypeTransformation.model_fields.items() if name != "info_types"}
    given = [alias for alias, name in fields.items() if getattr(entry, name) is not None]
    if len(given) != 1:
        raise ConfigError(at, "exactly one transformation is needed", f"give one of {', '.join(sorted(fields))}", ", ".join(given))
    kind = TextKind(given[0])
    if entry.character_mask_config is not None:
        return Transformation(kind, entry.character_mask_config.masking_character)
    keyed = entry.date_shift_config or entry.crypto_hash_config
    return Transformation(kind, key=_key(keyed, f"{at}.{kind}", key_place) if keyed is not None else None)


def _key(keyed: KeyedConfig, at: str, key_place: KeyPlace | None) -> KeyReference | None:
    if keyed.crypto_key is not None and keyed.kms_wrapped is not None:
        raise ConfigError(at, "cryptoKey and kmsWrapped exclude each other", "give one of them")
    if keyed.kms_wrapped is not None:
        return key_place(keyed.kms_wrapped.reference) if key_place else keyed.kms_wrapped.reference
    if keyed.crypto_key is None:
        return None
    if key_place is None:
        raise ConfigError(
            f"{at}.cryptoKey", "a raw key cannot travel to a remote runner", "use kmsWrapped, or leave it out and use --key_uri"
        )
    return key_place(keyed.crypto_key)
