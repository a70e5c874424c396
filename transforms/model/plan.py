"""What a config comes to, whichever generation it was written in: the plan that the stages carry out. Pickled with the graph."""

from __future__ import annotations

import dataclasses
import enum

import re2

from transforms.model.keys import KeyReference
from transforms.model.needed import NAMES_AN_INSTANCE, NEEDED
from transforms.model.pictures import OVERLAY_DATA, OVERLAY_GROUPS, OVERLAY_VRS
from transforms.model.query import Query

API_TEXT_VRS = frozenset({"AE", "AS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs that the API inspects (DEIDENTIFY_TAG_CONTENTS, cleanTextTag)."""

MORE_TEXT_VRS = frozenset({"CS", "DS", "IS", "TM", "UI", "UN", "UR"})
"""Those that we inspect beyond that: a name may stand in a CS, and private text is mostly UN."""


class TextKind(enum.StrEnum):
    """The transformations of InfoTypeTransformation, under the API's field names."""

    REDACT = "redactConfig"
    MASK = "characterMaskConfig"
    INFO_TYPE = "replaceWithInfoTypeConfig"
    DATE_SHIFT = "dateShiftConfig"
    HASH = "cryptoHashConfig"


@dataclasses.dataclass(frozen=True, slots=True)
class Transformation:
    """What becomes of one kind of text."""

    kind: TextKind
    masking_character: str = "*"
    key: KeyReference | None = None
    """A key of the config's own, 16, 24 or 32 bytes as hex digits; None: the run's, for this purpose (DESIGN 4)."""


@dataclasses.dataclass(frozen=True, slots=True)
class TextPlan:
    """What becomes of each infoType; as it stands, TextConfig's profile BASIC."""

    by_info_type: tuple[tuple[str, Transformation], ...] = (("DATE", Transformation(TextKind.DATE_SHIFT)),)
    default: Transformation | None = Transformation(TextKind.INFO_TYPE)
    """For infoTypes that are not named; None leaves them as they are (profile EMPTY)."""
    exclude: frozenset[str] = frozenset()
    """InfoTypes that are neither looked for nor transformed."""

    @property
    def transformations(self) -> tuple[Transformation, ...]:
        """All that are in it."""
        return (*(rule for _, rule in self.by_info_type), *((self.default,) if self.default else ()))

    def of(self, info_type: str) -> Transformation | None:
        """The transformation of an infoType; None where it stays."""
        return None if info_type in self.exclude else dict(self.by_info_type).get(info_type, self.default)


class TextMode(enum.Enum):
    """Which text in pixels is redacted."""

    NONE = enum.auto()
    SENSITIVE = enum.auto()
    """What inspection, a pattern or the header says is sensitive, and what cannot be read."""
    ALL = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of RE2 (github.com/google/re2/wiki/Syntax) whose match is sensitive: any match, or one in which one of these
    groups takes part.
    """

    pattern: str
    groups: tuple[int, ...] = ()

    def compiled(self) -> re2._Regexp:
        """What finds it, in time that grows with the text and no faster, whatever the pattern. Raises re2.error."""
        options = re2.Options()
        options.log_errors = False
        return re2.compile(self.pattern, options)


@dataclasses.dataclass(frozen=True, slots=True)
class ImagePlan:
    """What is redacted in samples; as it stands, nothing."""

    mode: TextMode = TextMode.NONE
    only: frozenset[str] | None = None
    """The infoTypes that are sensitive; None for all that inspection can tell."""
    additional: frozenset[str] = frozenset()
    """InfoTypes that the config names beside those of the mode."""
    exclude: frozenset[str] = frozenset()
    """InfoTypes that are not looked for."""
    patterns: tuple[Pattern, ...] = ()
    phrases: bool = False
    """Whether the instance's own descriptions are sensitive, too (REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS)."""

    @property
    def searches(self) -> bool:
        """Whether text is looked for at all."""
        return self.mode is not TextMode.NONE

    @property
    def info_types(self) -> frozenset[str]:
        """Every infoType that the config names."""
        return (self.only or frozenset()) | self.additional | self.exclude


NO_TEXT = ImagePlan()
ALL_TEXT = ImagePlan(TextMode.ALL)


class Profile(enum.StrEnum):
    """What a plan starts from: the API's profiles, and the two lists that v1 has in place of one."""

    MINIMAL = "MINIMAL_KEEP_LIST_PROFILE"
    BASIC = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"
    KEEP_ALL = "KEEP_ALL_PROFILE"
    CONTENTS = "DEIDENTIFY_TAG_CONTENTS"
    KEEP_LIST = "keepList"
    REMOVE_LIST = "removeList"


class Verb(enum.StrEnum):
    """What an Action does with the elements it names, under the API's field names."""

    KEEP = "keepTag"
    REMOVE = "removeTag"
    DELETE = "deleteTag"
    RESET = "resetTag"
    CLEAN_TEXT = "cleanTextTag"
    RECURSE = "recurseTag"
    REGENERATE_UID = "regenUidTag"


class Option(enum.StrEnum):
    """The options of PS3.15 E.3 for tags, as the columns of Table E.1-1 are called here."""

    SAFE_PRIVATE = "retain_safe_private"
    UIDS = "retain_uids"
    DEVICE = "retain_device_identity"
    INSTITUTION = "retain_institution_identity"
    CHARACTERISTICS = "retain_patient_characteristics"
    FULL_DATES = "retain_longitudinal_full_dates"
    MODIFIED_DATES = "retain_longitudinal_modified_dates"
    DESCRIPTORS = "clean_descriptors"
    STRUCTURED = "clean_structured_content"
    GRAPHICS = "clean_graphics"


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One query of one Action."""

    verb: Verb
    query: Query

    @property
    def takes_away(self) -> bool:
        """Whether nothing of the value stays."""
        return self.verb in (Verb.REMOVE, Verb.DELETE, Verb.RESET)


class PatientMode(enum.StrEnum):
    """What the Basic profile puts into Patient ID and Patient's Name (`--patient_id`)."""

    PSEUDONYM = "pseudonym"
    EMPTY = "empty"


@dataclasses.dataclass(frozen=True, slots=True)
class PatientPlan:
    """Who patients are in the result."""

    mode: PatientMode = PatientMode.PSEUDONYM
    map_uri: str = ""
    """Of the map (`--patient_map`), which comes before pseudonyms; only its name and digest travel."""
    map_digest: str = ""


PSEUDONYMS = PatientPlan()
"""A keyed pseudonym for each patient."""


@dataclasses.dataclass(frozen=True, slots=True)
class ActionPlan:
    """What is done with the elements and samples of every instance."""

    profile: Profile
    keep_primary_uids: bool
    image: ImagePlan
    listed: frozenset[int] = frozenset()
    """The tags of a keepList or removeList."""
    rules: tuple[Rule, ...] = ()
    """In the order of the config; of those that match an element the last decides."""
    options: frozenset[Option] = frozenset()
    text: TextPlan = TextPlan()
    trial: tuple[tuple[int, str], ...] = ()
    """Attributes of the clinical trial that are set in every instance: tags and values of VR LO."""
    patients: PatientPlan = PSEUDONYMS
    api_vrs_only: bool = False
    """Whether only texts of API_TEXT_VRS are inspected (`--api_vrs_only`)."""
    dlp_parent: str = ""
    """`projects/P/locations/L` where Cloud DLP is asked (`--inspection_engine dlp`); empty for the local engine."""

    def inspects(self, vr: str) -> bool:
        """Whether text of this VR is inspected where the plan cleans it."""
        return vr in API_TEXT_VRS or (vr in MORE_TEXT_VRS and not self.api_vrs_only)

    @property
    def cleans_text(self) -> bool:
        """Whether any text is inspected."""
        return (
            self.profile is Profile.CONTENTS or bool(self.options & _CLEANING) or any(rule.verb is Verb.CLEAN_TEXT for rule in self.rules)
        )

    @property
    def searches_overlays(self) -> bool:
        """Whether text is looked for in overlay planes, since they may stay."""
        return self.image.searches and self.may_keep_overlays

    @property
    def may_keep_overlays(self) -> bool:
        """Whether overlay planes (60xx) may stay in the output, as they are or cleaned like a text."""
        if self.profile in (Profile.KEEP_ALL, Profile.CONTENTS):
            return True
        return any(self._leaves(group << 16 | OVERLAY_DATA, vr) for group in OVERLAY_GROUPS for vr in OVERLAY_VRS)

    def rule(self, path: tuple[int, ...], vr: str, creator: str = "") -> Rule | None:
        """The rule for an element; None where the profile decides. UIDs that name instances are kept or mapped together."""
        found = None
        for rule in self.rules:
            if rule.query.matches(path, vr, creator) and path[-1] not in _NEVER[rule.verb]:
                found = rule
        return found

    def keeps(self, path: tuple[int, ...], vr: str, creator: str = "") -> bool:
        """Whether the config leaves the element at `path` as it is: by a rule, a keep list, or a profile that keeps all else."""
        if path[-1] in NAMES_AN_INSTANCE:
            return self.keep_primary_uids
        above = {rule.verb for end in range(1, len(path)) if (rule := self.rule(path[:end], "SQ")) is not None}
        if above & _TAKES_WHOLE:
            return False
        rule = self.rule(path, vr, creator)
        if rule is not None and rule.verb is not Verb.RECURSE:
            return rule.verb is Verb.KEEP
        if Verb.KEEP in above:
            return True
        if self.profile is Profile.REMOVE_LIST:
            return not any(tag in self.listed or tag >> 24 == _OVERLAYS for tag in path)
        return self.profile is Profile.KEEP_ALL or (self.profile is Profile.KEEP_LIST and path[-1] in self.listed)

    def _leaves(self, tag: int, vr: str) -> bool:
        """Whether something of the value may stay because the config says so."""
        rule = self.rule((tag,), vr)
        return self.keeps((tag,), vr) or (rule is not None and rule.verb is Verb.CLEAN_TEXT and self.inspects(vr))


_TAKES_WHOLE = {Verb.REMOVE, Verb.DELETE, Verb.RESET}
"""Verbs that leave nothing of a sequence."""
_OVERLAYS = 0x60
"""The first byte of the groups that join every removeList (API: OverlayData)."""
_NEVER = {verb: NAMES_AN_INSTANCE if verb in (Verb.KEEP, Verb.REGENERATE_UID) else NEEDED for verb in Verb}
"""What a rule of each kind leaves alone, though its query may cover it."""
_CLEANING = frozenset(Option) - {Option.UIDS, Option.INSTITUTION, Option.FULL_DATES, Option.MODIFIED_DATES}
