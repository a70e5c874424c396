"""DeidentifyConfig as pydantic models under the API's own field names, for both generations; `resolve` makes the plan of one.

Source: Healthcare API discovery documents, v1 (`dicom`, `image`, `text`) and v1beta1 (`dicomTagConfig`, `text.profileType`,
`operationMetadata`). `dicomTagConfig.ps315Options` and some forms of queries are ours. A field that is not here is refused
by name: a config is never half obeyed.
"""

from __future__ import annotations

import base64
import binascii
import enum
import json
import re
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic.alias_generators import to_camel

from transforms.model.cryptokey import CryptoKey
from transforms.model.errors import ConfigError
from transforms.model.key_material import CRYPTO_KEY
from transforms.model.keys import KeyReference
from transforms.model.plan import Profile


class FilterProfile(enum.StrEnum):
    """DicomConfig.filterProfile (v1); unspecified means KEEP_ALL_PROFILE."""

    UNSPECIFIED = "TAG_FILTER_PROFILE_UNSPECIFIED"
    MINIMAL = Profile.MINIMAL.value
    BASIC = Profile.BASIC.value
    KEEP_ALL = Profile.KEEP_ALL.value
    CONTENTS = Profile.CONTENTS.value


class ProfileType(enum.StrEnum):
    """DicomTagConfig.profileType (v1beta1); unspecified means the Basic profile: the default flipped."""

    UNSPECIFIED = "PROFILE_TYPE_UNSPECIFIED"
    MINIMAL = Profile.MINIMAL.value
    BASIC = Profile.BASIC.value
    KEEP_ALL = Profile.KEEP_ALL.value
    CONTENTS = Profile.CONTENTS.value


class TextRedactionMode(enum.StrEnum):
    """ImageConfig.textRedactionMode; unspecified means REDACT_NO_TEXT, or what `additionalInfoTypes` and `customRegexes` name."""

    UNSPECIFIED = "TEXT_REDACTION_MODE_UNSPECIFIED"
    REDACT_ALL_TEXT = "REDACT_ALL_TEXT"
    REDACT_SENSITIVE_TEXT = "REDACT_SENSITIVE_TEXT"
    REDACT_NO_TEXT = "REDACT_NO_TEXT"
    REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS = "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS"


class PrimaryIds(enum.StrEnum):
    """Options.primaryIds; unspecified follows the profile, which regenerates."""

    UNSPECIFIED = "PRIMARY_IDS_OPTION_UNSPECIFIED"
    KEEP = "KEEP"
    REGEN = "REGEN"


class _Message(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_alias=True)


_MOST_SHOWN = 64
"""Characters of a wrong value that a message repeats."""
_M = TypeVar("_M", bound=_Message)


class CustomRegex(_Message):
    """ImageConfig.customRegexes: text that matches is redacted; of chosen groups, where one of them takes part in the match."""

    pattern: str
    group_indexes: tuple[int, ...] = ()


class ImageConfig(_Message):
    """What to redact in PixelData."""

    text_redaction_mode: TextRedactionMode = TextRedactionMode.UNSPECIFIED
    custom_regexes: tuple[CustomRegex, ...] = ()
    additional_info_types: tuple[str, ...] = ()
    exclude_info_types: tuple[str, ...] = ()


class Nothing(_Message):
    """An empty message: that it is there says all."""


class TagList(_Message):
    """DicomConfig.TagFilterList: keywords or eight hex digits."""

    tags: tuple[str, ...] = ()


class DicomConfig(_Message):
    """The v1 generation of tag configuration; `keepList`, `removeList` and `filterProfile` are a union."""

    filter_profile: FilterProfile | None = None
    keep_list: TagList | None = None
    remove_list: TagList | None = None
    skip_id_redaction: bool = False


class Options(_Message):
    """DicomTagConfig.options: overrides the profile."""

    primary_ids: PrimaryIds = PrimaryIds.UNSPECIFIED
    clean_descriptors: Nothing | None = None
    clean_image: ImageConfig | None = None


class Action(_Message):
    """DicomTagConfig.actions: queries, and exactly one of the others."""

    queries: tuple[str, ...]
    keep_tag: Nothing | None = None
    remove_tag: Nothing | None = None
    delete_tag: Nothing | None = None
    reset_tag: Nothing | None = None
    clean_text_tag: Nothing | None = None
    clean_image_tag: ImageConfig | None = None
    recurse_tag: Nothing | None = None
    regen_uid_tag: Nothing | None = None


class Ps315Options(_Message):
    """Ours: the options of PS3.15 E.3, each a column of Table E.1-1."""

    retain_safe_private: bool = False
    retain_uids: bool = False
    retain_device_identity: bool = False
    retain_institution_identity: bool = False
    retain_patient_characteristics: bool = False
    retain_longitudinal_full_dates: bool = False
    retain_longitudinal_modified_dates: bool = False
    clean_descriptors: bool = False
    clean_structured_content: bool = False
    clean_graphics: bool = False


def _is_lo(value: str) -> str:
    if len(value) > 64 or not re.fullmatch(r"[ -\[\]-~]*", value) or value != value.strip():
        raise ValueError("this is at most 64 characters of ASCII without a backslash, or spaces at an end")
    return value


_Lo = Annotated[str, pydantic.AfterValidator(_is_lo)]


class ClinicalTrial(_Message):
    """Ours: the trial that the instances are made for (PS3.3 C.7.1.3), stated in each of them; what is left out is empty (Type 2).

    Clinical Trial Subject ID is the patient's pseudonym or subject.
    """

    sponsor_name: Annotated[_Lo, pydantic.Field(min_length=1)]
    protocol_id: Annotated[_Lo, pydantic.Field(min_length=1)]
    protocol_name: _Lo = ""
    site_id: _Lo = ""
    site_name: _Lo = ""


class DicomTagConfig(_Message):
    """The v1beta1 generation of tag configuration."""

    profile_type: ProfileType = ProfileType.UNSPECIFIED
    options: Options = Options()
    ps315_options: Ps315Options = Ps315Options()
    clinical_trial: ClinicalTrial | None = None
    actions: tuple[Action, ...] = ()


class CharacterMaskConfig(_Message):
    """Each character of the text becomes this one."""

    masking_character: str = pydantic.Field(default="*", min_length=1, max_length=1)

    @pydantic.field_validator("masking_character")
    @classmethod
    def _stands_in_a_text(cls, character: str) -> str:
        if character == "\\" or not character.isprintable():
            raise ValueError("a backslash parts values and control characters are no text")
        return character


class KmsWrappedCryptoKey(_Message):
    """A key that a key of Cloud KMS has encrypted."""

    wrapped_key: str
    """Base64, standard or URL-safe, as JSON carries bytes."""
    crypto_key: str
    """`projects/P/locations/L/keyRings/R/cryptoKeys/K`."""

    @pydantic.field_validator("wrapped_key")
    @classmethod
    def _is_base64(cls, value: str) -> str:
        try:
            empty = not base64.b64decode(_standard(value), validate=True)
        except (binascii.Error, ValueError):
            empty = True
        if empty:
            raise ValueError("a wrapped key is base64 of what Cloud KMS encrypted")
        return value

    @pydantic.field_validator("crypto_key")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not CRYPTO_KEY.fullmatch(value):
            raise ValueError("a key of Cloud KMS is projects/P/locations/L/keyRings/R/cryptoKeys/K")
        return value

    @property
    def reference(self) -> KeyReference:
        """Where the key is; the wrapped one is no secret, and travels with it."""
        return KeyReference(f"kms:{self.crypto_key}#base64:{_standard(self.wrapped_key)}")


def _standard(encoded: str) -> str:
    return encoded.replace("-", "+").replace("_", "/")


class KeyedConfig(_Message):
    """DateShiftConfig and CryptoHashConfig; without a key the run's own is used. The two keys exclude each other."""

    crypto_key: CryptoKey | None = None
    kms_wrapped: KmsWrappedCryptoKey | None = None


class InfoTypeTransformation(_Message):
    """Exactly one transformation, for these infoTypes; without any, for all that are not named elsewhere."""

    info_types: tuple[str, ...] = ()
    redact_config: Nothing | None = None
    character_mask_config: CharacterMaskConfig | None = None
    replace_with_info_type_config: Nothing | None = None
    date_shift_config: KeyedConfig | None = None
    crypto_hash_config: KeyedConfig | None = None


class TextProfile(enum.StrEnum):
    """TextConfig.profileType (v1beta1); unspecified means BASIC, and so does v1, which has none."""

    UNSPECIFIED = "PROFILE_TYPE_UNSPECIFIED"
    EMPTY = "EMPTY"
    BASIC = "BASIC"


class TextConfig(_Message):
    """What becomes of text wherever it is inspected."""

    profile_type: TextProfile = TextProfile.UNSPECIFIED
    transformations: tuple[InfoTypeTransformation, ...] = ()
    """Deprecated name of `additionalTransformations`."""
    additional_transformations: tuple[InfoTypeTransformation, ...] = ()
    exclude_info_types: tuple[str, ...] = ()


class FhirOutput(_Message):
    """OperationMetadata.fhirOutput."""

    fhir_store: str


class OperationMetadata(_Message):
    """Where the operation's Provenance goes."""

    fhir_output: FhirOutput | None = None


class DeidentifyConfig(_Message):
    """The whole configuration."""

    dicom: DicomConfig | None = None
    image: ImageConfig | None = None
    dicom_tag_config: DicomTagConfig | None = None
    text: TextConfig | None = None
    use_regional_data_processing: bool = False
    """Nothing to do: all processing takes place where the run runs, and no text leaves it."""
    operation_metadata: OperationMetadata | None = None

    @property
    def fhir_store(self) -> str | None:
        """The store that `operationMetadata` names."""
        output = self.operation_metadata.fhir_output if self.operation_metadata else None
        return output.fhir_store if output else None

    def to_json(self) -> str:
        """Canonical JSON with the API's names, as Provenance records it. Holds no key material."""
        return json.dumps(
            self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True), sort_keys=True, separators=(",", ":")
        )


class FilterConfig(_Message):
    """Which instances of the source a request is about."""

    resource_paths_gcs_uri: str
    """`gs://BUCKET/OBJECT` with a path a line."""


class DeidentifyDicomStoreRequest(_Message):
    """Body of `dicomStores.deidentify`."""

    destination_store: str
    config: DeidentifyConfig | None = None
    gcs_config_uri: str | None = None
    """`gs://BUCKET/OBJECT` with a DeidentifyConfig, in place of `config`."""
    filter_config: FilterConfig | None = None


SAFE_CONFIG = DeidentifyConfig.model_validate_json(
    '{"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",'
    ' "options": {"cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}}}'
)
"""What a run does when no config is given (DESIGN 16)."""


def parse_config(text: str, at: str = "config") -> DeidentifyConfig:
    """A DeidentifyConfig from JSON text. Raises ConfigError naming the JSON path."""
    return _parse(DeidentifyConfig, text, at)


def parse_request(text: str, at: str = "request") -> DeidentifyDicomStoreRequest:
    """A DeidentifyDicomStoreRequest from JSON text. Raises ConfigError naming the JSON path."""
    return _parse(DeidentifyDicomStoreRequest, text, at)


def _parse(model: type[_M], text: str, at: str) -> _M:
    try:
        parsed = model.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise _first_problem(model, error, at) from None
    twice = _given_twice(text)
    if twice:
        raise ConfigError(at, "a field is given twice, and only one of them could be obeyed", "leave one out", twice[0])
    return parsed


def _given_twice(text: str) -> list[str]:
    """The fields that stand twice in one object of a JSON text; its parsers take the last of them and say nothing."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        found.extend(name for number, name in enumerate(names) if name in names[:number])

    json.loads(text, object_pairs_hook=note)
    return found


def _first_problem(model: type[_Message], error: pydantic.ValidationError, at: str) -> ConfigError:
    problem: Any = error.errors(include_url=False)[0]
    path = ".".join((at, *(str(part) for part in problem["loc"])))
    if problem["type"] == "json_invalid":
        return ConfigError(at, f"this is not JSON ({problem['ctx']['error']})", "check commas, quotes and braces")
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(_fields_at(model, problem["loc"][:-1]))
        return ConfigError(path, "this field is unknown or not supported", f"allowed here: {allowed}")
    if problem["type"] == "missing":
        return ConfigError(path, "this field is required", "add it")
    if problem["type"] == "enum":
        return ConfigError(path, "this value is unknown or not supported", f"allowed: {problem['ctx']['expected']}", _shown(problem))
    if problem["type"] == "value_error":
        return ConfigError(path, str(problem["ctx"]["error"]), "correct it")
    return ConfigError(path, problem["msg"][:1].lower() + problem["msg"][1:], "correct it", _shown(problem))


def _shown(problem: Any) -> str:
    """A wrong value for a message, where it is short and no key."""
    place, value = problem["loc"], problem["input"]
    if any(str(part) in ("cryptoHashConfig", "dateShiftConfig") for part in place) or not isinstance(value, str | int | float):
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MOST_SHOWN else ""


def _fields_at(model: type[_Message], loc: tuple[Any, ...]) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            continue
        annotation: Any = next(field.annotation for field in model.model_fields.values() if field.alias == part)
        candidates = [annotation, *getattr(annotation, "__args__", ())]  # of X | None and tuple[X, ...]
        model = next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, _Message))
    return sorted(str(field.alias) for field in model.model_fields.values())
