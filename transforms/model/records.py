"""The records that stages hand on, and what they may carry over a stage boundary.

Only `InstanceRef`, `Outcome`, `ShardRef` and counts cross a boundary; all are under 1 kB. `OpenInstance`,
`ScrubbedInstance` and `WrittenInstance` carry an instance's bytes or findings and live inside one fused stage.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum

from pydicom.dataset import FileDataset

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.large import Content, View


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceRef:
    """One source instance: where it is and how big. `uri` is confidential, `reference` is not."""

    reference: str
    """16 hex digits of a keyed hash of the canonical URI; the instance's only name outside the workspace."""
    uri: str
    size: int
    """Bytes."""
    distinct: str = ""
    """Content hash to mix into the new SOP Instance UID and the Provenance id (`--on_uid_collision distinct`)."""
    hold: str = ""
    """A code (`UID_COLLISION`) for which the instance goes to the quarantine even if all else is well."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an instance that was not written. No PHI."""

    reference: str
    kind: OutcomeKind
    stage: str
    code: str
    sentence: str

    @classmethod
    def of(cls, reference: str, problem: InstanceProblem) -> Outcome:
        """The outcome that a problem makes of the instance."""
        return cls(reference, problem.kind, problem.stage, problem.code, problem.sentence)


@dataclasses.dataclass(frozen=True, slots=True)
class ShardRef:
    """One finished spool shard."""

    name: str
    entries: int
    size: int
    """Bytes."""


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceUids:
    """The three UIDs that name an instance in a DICOM store."""

    study: str
    series: str
    instance: str

    @property
    def path(self) -> str:
        """The DICOMweb path below a store (PS3.18, 10.4)."""
        return f"studies/{self.study}/series/{self.series}/instances/{self.instance}"


class Action(enum.StrEnum):
    """What was done to an element; the values of `deidentify-action` on the API's page."""

    REMOVED = "REMOVED"
    """Emptied (code Z)."""
    DELETED = "DELETED"
    """Gone (code X)."""
    REGENERATED_UID = "REGENERATED UID"
    RESET = "RESET"
    """Replaced by a dummy (code D)."""
    CLEANED = "CLEANED"
    RECURSED = "RECURSED"


@dataclasses.dataclass(frozen=True, slots=True)
class TagFinding:
    """One changed element. `original` and `replaced` may be PHI; they go to the Provenance and nowhere else."""

    tag: str
    """Eight upper-case hex digits."""
    action: Action
    reason: str
    """`Matched ID: …`, `Matched VR: …` or `Matched Expression: …`, with profile code and edition; no value in it."""
    path: str = ""
    """Sequences above it, as `00081140[0].00081199[2]`, items from 0; empty at the top."""
    original: str | None = None
    """The element's text where it has one; None for sequences and binary values."""
    replaced: str | None = None
    info_type: str | None = None
    byte_start: int | None = None
    """Of what was found inside a text, as it stood encoded in the source; None where the element changed as a whole."""
    byte_end: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class BoxFinding:
    """One redacted box. Pixels of the frame as stored, half open: left <= x < right, top <= y < bottom."""

    frame: int
    """From 0."""
    left: int
    top: int
    right: int
    bottom: int
    text: str = ""
    """What was read there; may be PHI."""
    confidence: float | None = None
    """0 to 1; None if nothing was recognised."""
    info_type: str | None = None
    reason: str = ""
    """Why it was redacted, where infoType and mode do not say it: `template NAME` and the like. No value in it."""


class PixelSearch(enum.StrEnum):
    """How thoroughly the pixels were searched; the header may claim no more (DESIGN 15)."""

    NONE = "none"
    FAST = "fast"
    DEFAULT = "default"
    STRICT = "strict"


class SecondLook(enum.StrEnum):
    """What the redacted frames showed when they were searched once more (DESIGN 17)."""

    NONE = "none"
    """Nobody looked."""
    CLEAN = "clean"
    RESIDUAL = "residual"
    """Text was still there after it was redacted a second time."""


@dataclasses.dataclass(frozen=True, slots=True)
class LossyStep:
    """A lossy re-encoding of redacted frames, for (0028,2110), (0028,2112) and (0028,2114)."""

    method: str
    """A defined term of (0028,2114), such as ISO_10918_1."""
    ratio: float
    """Native size of the re-encoded frames over their coded size."""


@dataclasses.dataclass(frozen=True, slots=True)
class PixelResult:
    """What the pixel stage did. Coordinates of boxes are those of the stored frames."""

    search: PixelSearch = PixelSearch.NONE
    all_text: bool = False
    """Whether every line that was found was redacted, and not only what is sensitive."""
    second_look: SecondLook = SecondLook.NONE
    boxes: tuple[BoxFinding, ...] = ()
    findings: tuple[TagFinding, ...] = ()
    """What went from the coded stream that is not samples (JPEG segments and the like)."""
    pixel_data: View | None = None
    """The new value of PixelData, or of the element that is there in its place (encapsulated: items with the offset table,
    without the sequence delimiter, which pydicom writes itself); None: unchanged."""
    extended_offsets: tuple[bytes, bytes] | None = None
    """New values of (7FE0,0001) and (7FE0,0002), when the source had them and they changed."""
    lossy: LossyStep | None = None
    photometric: str | None = None
    """The new value of PhotometricInterpretation; None: unchanged."""
    overlays: tuple[tuple[TagFinding, bytes], ...] = ()
    """New values of OverlayData from which text was cleared, with what is told of it; for planes that stay in the output."""

    @property
    def is_without_text(self) -> bool:
        """Whether the header may say so (DESIGN 15): searched well, all that was found redacted, and nothing seen thereafter."""
        thorough = self.search in (PixelSearch.DEFAULT, PixelSearch.STRICT)
        return thorough and self.all_text and self.second_look is SecondLook.CLEAN


@dataclasses.dataclass(frozen=True, slots=True)
class OpenInstance:
    """A source instance, read and parsed. The data set is never changed in place: stages make new values."""

    ref: InstanceRef
    source: InstanceUids
    """As in the header, or derived from the content where the header has none."""
    dataset: FileDataset
    started: dt.datetime
    """When reading began, with time zone."""
    pixels: PixelResult = PixelResult()


@dataclasses.dataclass(frozen=True, slots=True)
class Hold:
    """A doubt that sends a de-identified instance to the quarantine."""

    stage: str
    code: str
    sentence: str


STATED_BY_RELEASE = frozenset({"00120062", "00120064"})
"""PatientIdentityRemoved and De-identification Method Code Sequence."""


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """What more may be said of an instance that was held once a person has looked at it and released it (DESIGN 15)."""

    methods: tuple[tuple[str, str], ...] = ()
    """Codes of DCM and their meanings, for (0012,0064); with them (0012,0062) is YES. None: the header stays as it is."""
    findings: tuple[TagFinding, ...] = ()
    """Of these two elements, in place of those told of them."""


@dataclasses.dataclass(frozen=True, slots=True)
class ScrubbedInstance:
    """A whole de-identified instance, not yet published."""

    opened: OpenInstance
    target: InstanceUids
    content: Content
    """The complete Part 10 file."""
    findings: tuple[TagFinding, ...]
    holds: tuple[Hold, ...] = ()
    release: Release = Release()
    published: bool = False
    """Whether the destination has it already, byte for byte."""


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenInstance:
    """A published or held instance: all that its Provenance needs, without its bytes."""

    ref: InstanceRef
    source: InstanceUids
    target: InstanceUids
    columns: int
    """0 where there are no pixels."""
    rows: int
    frames: int
    structured_size: int
    """Bytes of the published file that are not the value of PixelData (DICOM_STRUCTURED_SIZE on the page)."""
    tags: tuple[TagFinding, ...]
    boxes: tuple[BoxFinding, ...]
    search: PixelSearch
    started: dt.datetime
    recorded: dt.datetime
    """When it stood in the destination, or in the quarantine."""
    held: str = ""
    """The code for which it is in the quarantine, and not in the destination; empty for a published instance."""
    all_text: bool = True
    """As in `PixelResult`."""
    release: Release = Release()
    """Of a held instance."""

    @property
    def released(self) -> WrittenInstance:
        """A held instance as it is told of when a person has released it."""
        if not self.release.methods:
            return dataclasses.replace(self, held="")
        stay = tuple(finding for finding in self.tags if finding.path or finding.tag not in STATED_BY_RELEASE)
        return dataclasses.replace(self, held="", tags=stay + self.release.findings)
