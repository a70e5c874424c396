"""DeidentifyConfig as pydantic models under the API's own field names, and the one plan both generations resolve to.

Source: Healthcare API discovery documents, v1 (`dicom`, `image`) and v1beta1 (`dicomTagConfig`, `operationMetadata`).
A field that is not here is refused by name: a config is never half obeyed.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any, TypeVar

import pydantic
from pydantic.alias_generators import to_camel

from transforms.model.errors import ConfigError


class Profile(enum.StrEnum):
    """`filterProfile` and `profileType`."""

    MINIMAL = "MINIMAL_KEEP_LIST_PROFILE"
    BASIC = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"
    KEEP_ALL = "KEEP_ALL_PROFILE"


class FilterProfile(enum.StrEnum):
    """DicomConfig.filterProfile (v1); unspecified means KEEP_ALL_PROFILE."""

    UNSPECIFIED = "TAG_FILTER_PROFILE_UNSPECIFIED"
    MINIMAL = Profile.MINIMAL.value
    BASIC = Profile.BASIC.value
    KEEP_ALL = Profile.KEEP_ALL.value


class ProfileType(enum.StrEnum):
    """DicomTagConfig.profileType (v1beta1); unspecified means the Basic profile: the default flipped."""

    UNSPECIFIED = "PROFILE_TYPE_UNSPECIFIED"
    MINIMAL = Profile.MINIMAL.value
    BASIC = Profile.BASIC.value
    KEEP_ALL = Profile.KEEP_ALL.value


class TextRedactionMode(enum.StrEnum):
    """ImageConfig.textRedactionMode; unspecified means REDACT_NO_TEXT."""

    UNSPECIFIED = "TEXT_REDACTION_MODE_UNSPECIFIED"
    REDACT_ALL_TEXT = "REDACT_ALL_TEXT"
    REDACT_NO_TEXT = "REDACT_NO_TEXT"


class PrimaryIds(enum.StrEnum):
    """Options.primaryIds; unspecified follows the profile, which regenerates."""

    UNSPECIFIED = "PRIMARY_IDS_OPTION_UNSPECIFIED"
    KEEP = "KEEP"
    REGEN = "REGEN"


class _Message(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_alias=True)


_M = TypeVar("_M", bound=_Message)


class ImageConfig(_Message):
    """What to redact in PixelData."""

    text_redaction_mode: TextRedactionMode = TextRedactionMode.UNSPECIFIED


class DicomConfig(_Message):
    """The v1 generation of tag configuration."""

    filter_profile: FilterProfile = FilterProfile.UNSPECIFIED
    skip_id_redaction: bool = False


class Options(_Message):
    """DicomTagConfig.options: overrides the profile."""

    primary_ids: PrimaryIds = PrimaryIds.UNSPECIFIED
    clean_image: ImageConfig | None = None


class DicomTagConfig(_Message):
    """The v1beta1 generation of tag configuration."""

    profile_type: ProfileType = ProfileType.UNSPECIFIED
    options: Options = Options()


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
    operation_metadata: OperationMetadata | None = None

    def to_json(self) -> str:
        """Canonical JSON with the API's names, as Provenance records it. Holds no key material."""
        return json.dumps(
            self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True), sort_keys=True, separators=(",", ":")
        )


class DeidentifyDicomStoreRequest(_Message):
    """Body of `dicomStores.deidentify`."""

    destination_store: str
    config: DeidentifyConfig = DeidentifyConfig()


@dataclasses.dataclass(frozen=True, slots=True)
class ActionPlan:
    """What a config comes to, whichever generation it was written in."""

    profile: Profile
    keep_primary_uids: bool
    redact_all_text: bool

    def leaves_identity(self) -> list[str]:
        """One line for each part of the plan that can leave identity behind (DESIGN 16); empty if none does."""
        lines = []
        if self.profile is Profile.KEEP_ALL:
            lines.append("KEEP_ALL_PROFILE keeps every element but the primary UIDs")
        if not self.redact_all_text:
            lines.append("REDACT_NO_TEXT leaves text burned into pixels")
        if self.keep_primary_uids:
            lines.append("the study, series and SOP instance UIDs stay as they are")
        return lines


SAFE_CONFIG = DeidentifyConfig.model_validate_json(
    '{"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",'
    ' "options": {"cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}}}'
)
"""What a run does when no config is given (DESIGN 16)."""


def resolve(config: DeidentifyConfig) -> ActionPlan:
    """The plan of a config. Raises ConfigError where both generations are given at once."""
    if config.dicom is not None and config.dicom_tag_config is not None:
        raise ConfigError("config.dicomTagConfig", "dicom and dicomTagConfig are two generations of the same thing", "give one of them")
    options = config.dicom_tag_config.options if config.dicom_tag_config else Options()
    if config.image is not None and options.clean_image is not None:
        raise ConfigError("config.image", "image and dicomTagConfig.options.cleanImage both say what to redact", "give one of them")
    image = config.image or options.clean_image or ImageConfig()
    if config.dicom_tag_config is not None:
        kind = config.dicom_tag_config.profile_type
        profile = Profile.BASIC if kind is ProfileType.UNSPECIFIED else Profile(kind.value)
    else:
        chosen = (config.dicom or DicomConfig()).filter_profile
        profile = Profile.KEEP_ALL if chosen is FilterProfile.UNSPECIFIED else Profile(chosen.value)
    keep = options.primary_ids is PrimaryIds.KEEP or bool(config.dicom and config.dicom.skip_id_redaction)
    return ActionPlan(profile, keep, image.text_redaction_mode is TextRedactionMode.REDACT_ALL_TEXT)


def parse_config(text: str, at: str = "config") -> DeidentifyConfig:
    """A DeidentifyConfig from JSON text. Raises ConfigError naming the JSON path."""
    return _parse(DeidentifyConfig, text, at)


def parse_request(text: str, at: str = "request") -> DeidentifyDicomStoreRequest:
    """A DeidentifyDicomStoreRequest from JSON text. Raises ConfigError naming the JSON path."""
    return _parse(DeidentifyDicomStoreRequest, text, at)


def _parse(model: type[_M], text: str, at: str) -> _M:
    try:
        return model.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise _first_problem(model, error, at) from None


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
        return ConfigError(path, "this value is unknown or not supported", f"allowed: {problem['ctx']['expected']}", str(problem["input"]))
    return ConfigError(path, problem["msg"][:1].lower() + problem["msg"][1:], "correct its type")


def _fields_at(model: type[_Message], loc: tuple[Any, ...]) -> list[str]:
    for part in loc:
        annotation: Any = next(field.annotation for field in model.model_fields.values() if field.alias == part)
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next(kind for kind in candidates if isinstance(kind, type) and issubclass(kind, _Message))
    return sorted(str(field.alias) for field in model.model_fields.values())
