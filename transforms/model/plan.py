"""What a config comes to, whichever generation it was written in: the plan that the stages carry out. Plain data, pickled with the graph."""

from __future__ import annotations

import dataclasses
import enum

from transforms.model.keys import KeyReference


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

    def of(self, info_type: str) -> Transformation | None:
        """The transformation of an infoType; None where it stays."""
        return None if info_type in self.exclude else dict(self.by_info_type).get(info_type, self.default)
