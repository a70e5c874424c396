"""PHI planted into one data set, and the checks that follow: by attribute, by VR, by depth, in private blocks.

Written from PS3.5 (VRs), PS3.6 (attributes), PS3.15 Table E.1-1 (what the Basic Profile and its options take and leave).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.judge.key import Check, Expectation
from benchmarks.judge.people import Person
from benchmarks.judge.policies import BUT_RETAINED, CLEANED, RETAINED, SHIFTED, leave


@dataclasses.dataclass(frozen=True)
class Visit:
    """One study of a patient: what its records say."""

    person: Person
    accession: str
    day: dt.date
    serial: str
    """Of the device."""
    station: str


@dataclasses.dataclass
class Planting:
    """A data set that grows, with its checks."""

    visit: Visit
    rng: random.Random
    dataset: Dataset = dataclasses.field(default_factory=Dataset)
    checks: list[Expectation] = dataclasses.field(default_factory=list)

    def put(self, keyword: str, value: Any) -> None:
        """An attribute of which nothing is asked."""
        setattr(self.dataset, keyword, value)

    def ask(self, check: Check, keyword: str, value: str = "", when: Iterable[str] = (), about: str = "", **more: Any) -> None:
        """A check of a top-level attribute."""
        self.checks.append(Expectation(check, f"{tag_for_keyword(keyword):08X}", value, tuple(when), about, **more))

    def retained(self, keyword: str, value: Any, when: Iterable[str] = ()) -> None:
        """An attribute that must stay: by default as `leave` has it, since it says nothing of a person."""
        self.put(keyword, value)
        when = tuple(when) or leave(keyword)
        text = "\\".join(map(str, value)) if isinstance(value, list) else str(value)
        self.ask(Check.TAG_RETAINED, keyword, when=when)
        self.ask(Check.TEXT_RETAINED, keyword, text, when)

    def removed(self, keyword: str, value: str) -> None:
        """An attribute whose value identifies."""
        self.put(keyword, value)
        self.ask(Check.TEXT_REMOVED, keyword, value, about="attribute of Table E.1-1")

    def retainable(self, keyword: str, value: str) -> None:
        """One that an option of PS3.15 retains."""
        self.put(keyword, value)
        self.ask(Check.TEXT_REMOVED, keyword, value, BUT_RETAINED, "attribute of Table E.1-1")
        self.ask(Check.TEXT_RETAINED, keyword, value, (RETAINED,), "retained by an option")

    def described(self, keyword: str, text: str, phi: str) -> None:
        """A description of harmless words around something that identifies, at `{}`."""
        self.put(keyword, text.format(phi))
        self.ask(Check.TEXT_REMOVED, keyword, phi, about="in a description")
        self.ask(Check.TEXT_RETAINED, keyword, text.replace("{}", ""), CLEANED, "the rest of a description")

    def dated(self, keyword: str, day: dt.date, rest: str = "") -> None:
        """A DA or DT of a day, with `rest` (time, offset) behind it."""
        text = f"{day:%Y%m%d}"
        self.put(keyword, text + rest)
        self.ask(Check.DATE_SHIFTED, keyword, text, BUT_RETAINED)
        self.ask(Check.DATE_EXACT, keyword, text + rest, SHIFTED)
        self.ask(Check.TEXT_RETAINED, keyword, text + rest, (RETAINED,), "a full date")

    def uid(self, keyword: str, uid: str, when: Iterable[str]) -> None:
        """A UID that names something of this patient; under the policies `when` it must be mapped, everywhere alike."""
        self.put(keyword, uid)
        self.ask(Check.UID_CHANGED, keyword, uid, when)
        self.ask(Check.UID_CONSISTENT, keyword, uid, when)
        self.ask(Check.TEXT_NOTNULL, keyword, when=when)
        self.ask(Check.TEXT_RETAINED, keyword, uid, (RETAINED,), "a retained UID")


def reference(target: Dataset, purpose: bool = False) -> Dataset:
    """An item that names an instance (PS3.3 Table 10-3), with a purpose if asked."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = target.SOPClassUID, target.SOPInstanceUID
    if purpose:
        item.PurposeOfReferenceCodeSequence = Sequence([code("121322", "DCM", "Source image for image processing operation")])
    return item


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept (PS3.3 Table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


_TEXTS = {
    "AE": "ReceivingAE DestinationAE SelectorAEValue",
    "CS": "AcquisitionContrast ViewPosition TypeOfPatientID ScanningSequence",
    "LO": "SecondaryCaptureDeviceManufacturer DigitalImageFormatAcquired AcquisitionMode PaddleDescription TypeOfFilters",
    "LT": "DetectorMode GridAbsorbingMaterial SurfaceComments AlgorithmParameters MediaDisposition",
    "PN": "EvaluatorName SecondaryReviewerName",
    "SH": "ReceiveCoilName TransmitCoilName SequenceName FilterType CollimatorGridName StackID",
    "ST": "SegmentDescription IndicationDescription OpticalPathDescription SensorName MaskOperationExplanation",
    "UC": "LongCodeValue OECFColumnNames PotentialDiagnosticTasks",
    "UT": "TextValue TrackingID ImageFilterDescription UniversalEntityID",
    "UR": "RetrieveURL ContactURI FolderAccessURI",
    "UI": "EquipmentFrameOfReferenceUID VolumeFrameOfReferenceUID AssertionUID TrackingUID",
    "DS": "SensorTemperature PulseWidth Damping MaterialThickness IncidentAngle",
    "IS": "CountsAccumulated CineRate StageNumber SubjectArea",
    "DA": "SecondaryReviewDate ExpiryDate ProcedureCreationDate",
    "DT": "StudyUpdateDateTime ExpirationDateTime AlarmDecisionTime",
    "TM": "SecondaryReviewTime TimeOfGainCalibration",
    "UL": "TriggerSamplePosition NumberOfTableEntries RegionFlags TemporalPositionIndex",
    "SL": "RationalNumeratorValue DopplerSampleVolumeXPosition",
    "FD": "SlabThickness TimeRange ContrastBolusInjectionDelay",
    "UV": "FileOffsetInContainer SelectorUVValue",
    "SV": "SelectorSVValue",
    "OB": "CoordinateSystemAxisValues BadPixelImage FillPattern",
    "OW": "SelectorOWValue BlendingLookupTableData",
    "OF": "VectorGridData SelectorOFValue",
    "OD": "SelectorODValue FilterLookupTableData",
    "OL": "TrackPointIndexList SelectorOLValue",
    "OV": "SelectorOVValue",
}
"""Attributes that Table E.1-1 (2026d) does not list, by VR: that one of them holds PHI happens. It lists all AE. AT, FL, SS and US are too
small for anything that identifies, and AS holds an age."""
_PRIVATE_ONLY = ("UN",)
ALL_VRS = (*_TEXTS, *_PRIVATE_ONLY)

_CHAINS = (
    ("AnatomicRegionSequence", "AnatomicRegionModifierSequence", "EquivalentCodeSequence", "ContextGroupIdentificationSequence"),
    ("SharedFunctionalGroupsSequence", "RealWorldValueMappingSequence", "MeasurementUnitsCodeSequence", "EquivalentCodeSequence"),
    ("ViewCodeSequence", "ViewModifierCodeSequence", "MappingResourceIdentificationSequence", "EquivalentCodeSequence"),
)
"""Sequences that the Basic Profile leaves, to be nested in this order."""


_IN_CHARSET = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs whose text is in Specific Character Set (PS3.5 6.1.2.2); others hold the default repertoire."""
_WIDTHS = {"OB": 2, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_NUMERIC = frozenset({"UI", "DS", "IS", "TM", "UL", "SL", "FD", "UV", "SV"})


def _identifying(vr: str, visit: Visit, rng: random.Random) -> tuple[Any, str]:
    """Something of the patient's record as a value of this VR, and the words of it that must go."""
    who = visit.person
    digits = "".join(filter(str.isdigit, who.patient_id)).lstrip("0")
    if vr in ("AE", "CS", "PN"):
        code_string = who.family[:16].upper() if who.in_ascii else visit.accession
        text = who.name.partition("=")[0] if vr == "PN" else code_string
        return text, text
    if vr in _IN_CHARSET or vr == "UN":
        return _sentence(vr, visit, rng)
    if vr == "UR":
        return f"https://pacs.{who.house.lower()}.example/wado?patientID={who.patient_id}", who.patient_id
    if vr in ("DA", "DT"):
        day = f"{visit.day if rng.random() < 0.5 else who.birth:%Y%m%d}"
        return day + ("101500" if vr == "DT" else ""), day
    if vr in _NUMERIC:
        return _as_number(vr, digits), digits
    text = f"ID={who.patient_id}"
    return text.encode().ljust(-(-len(text) // _WIDTHS[vr]) * _WIDTHS[vr], b"\0"), who.patient_id


def _sentence(vr: str, visit: Visit, rng: random.Random) -> tuple[Any, str]:
    """A text that names the patient, an id, a date of theirs or, where there is room, a telephone or a physician."""
    who = visit.person
    birth, study = f"{who.birth:%Y%m%d}", f"{visit.day:%Y%m%d}"
    choices = [(f"MRN {who.patient_id}", who.patient_id), (f"Acc {visit.accession}", visit.accession)]
    choices += [(birth, birth), (who.birth.isoformat(), who.birth.isoformat()), (study, study)]
    if vr in _IN_CHARSET or who.in_ascii:
        choices += [(who.family, who.family), (f"{who.given} {who.family}", who.family)]
    referring = who.referring.partition("^")[0]
    choices += [(f"call {who.phone}", who.phone), (f"sent by {referring}", referring)]
    text, words = rng.choice([choice for choice in choices if vr != "SH" or len(choice[0]) <= 16])
    return (text.encode() if vr == "UN" else text), words


def _as_number(vr: str, digits: str) -> str | int | float:
    if vr == "UI":
        return f"1.2.840.113619.2.1.{digits}.7"
    if vr in ("DS", "IS", "TM"):
        return digits
    return float(digits) if vr == "FD" else int(digits)


def plant_outside_the_table(on: Planting, vr: str) -> None:
    """PHI in an attribute that no table says holds any."""
    keyword = on.rng.choice(_TEXTS[vr].split())
    assert dictionary_VR(tag_for_keyword(keyword) or 0) == vr, keyword
    value, words = _identifying(vr, on.visit, on.rng)
    on.put(keyword, value)
    on.ask(_removing(vr), keyword, words, _due(words, on.visit), f"{vr} outside the table")


def plant_nested(on: Planting, vr: str, depth: int) -> None:
    """The same, in an item at this depth (1 to 4) of sequences that stay; the items say what they should besides."""
    keyword = on.rng.choice(_TEXTS[vr].split())
    value, words = _identifying(vr, on.visit, on.rng)
    chain, holder, path = on.rng.choice(_CHAINS)[:depth], on.dataset, ""
    for name in chain:
        if name not in holder:
            setattr(holder, name, Sequence([code("T-D4000", "SRT", "Abdomen")]))
        path += f"{tag_for_keyword(name):08X}[0]."
        holder = getattr(holder, name)[0]
    setattr(holder, keyword, value)
    due, about, left = _due(words, on.visit), f"{vr} at depth {depth}", leave(chain[0])
    on.checks.append(Expectation(_removing(vr), f"{path}{tag_for_keyword(keyword):08X}", words, due, about))
    on.checks.append(Expectation(Check.TEXT_RETAINED, f"{path}00080104", "Abdomen", left, f"the meaning of a code at depth {depth}"))


def plant_private(on: Planting, vrs: Iterable[str], group: int = 0x0029, creator: str = "PLANTED BY 1.1") -> None:
    """A private block with PHI in these VRs, and once more in a private sequence."""
    block = on.dataset.private_block(group, creator, create=True)
    item = Dataset()
    inner = item.private_block(group, creator, create=True)
    for number, vr in enumerate(vrs):
        value, words = _identifying(vr, on.visit, on.rng)
        for place, path in ((block, ""), (inner, f"{group:04X}10FE[0].")):
            place.add_new(number + 1, vr, value)
            tag = f"{path}{group:04X}10{number + 1:02X}"
            on.checks.append(Expectation(_removing(vr), tag, words, about=f"private {vr}"))
    block.add_new(0xFE, "SQ", Sequence([item]))


def _due(words: str, visit: Visit) -> tuple[str, ...]:
    """Under which policies these words have to go: always, but the day of a study where full dates are retained."""
    return BUT_RETAINED if words == f"{visit.day:%Y%m%d}" else ()


def _removing(vr: str) -> Check:
    return Check.DATE_SHIFTED if vr in ("DA", "DT") else Check.TEXT_REMOVED
