"""The objects of a planted set: CT slices, a screen with burned-in text, a report, a key object selection (PS3.3 A.3, A.8, A.35)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedSRStorage, KeyObjectSelectionDocumentStorage, SecondaryCaptureImageStorage

from benchmarks.judge.key import Check, Expectation
from benchmarks.judge.planting import Planting, code, reference
from benchmarks.judge.policies import BUT_RETAINED, BY_TABLE, CONTENTS, LISTED, MINIMAL, RETAINED, STRUCTURED

_KEPT_CONTENT = (STRUCTURED, CONTENTS)
"""Policies that leave the content of reports."""
SHAPE = (96, 96)
SCREEN = (240, 480)


def common(on: Planting, uids: dict[str, str], modality: str, sop_class: str, number: int) -> None:
    """Patient, study, series and equipment (PS3.3 C.7), with their checks; `number` is unique in the set."""
    who, visit = on.visit.person, on.visit
    if who.charset:
        values = who.charset.split("\\")
        on.put("SpecificCharacterSet", values if len(values) > 1 else values[0])
    on.put("SOPClassUID", sop_class)
    for keyword, uid in uids.items():
        primary = keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        on.uid(keyword, uid, BUT_RETAINED if primary else BY_TABLE)
    on.removed("PatientName", who.name)
    on.removed("PatientID", who.patient_id)
    on.ask(Check.PATID_CONSISTENT, "PatientID", who.patient_id, (*BY_TABLE, RETAINED, MINIMAL))
    on.put("PatientBirthDate", f"{who.birth:%Y%m%d}")
    on.ask(Check.DATE_SHIFTED, "PatientBirthDate", f"{who.birth:%Y%m%d}")
    on.retained("PatientSex", "F", (CONTENTS, RETAINED, LISTED))
    on.retained("PatientWeight", "71.5", (CONTENTS, RETAINED))
    on.removed("PatientAddress", who.street)
    on.removed("PatientTelephoneNumbers", who.phone)
    on.removed("OtherPatientIDs", who.other_id)
    on.removed("ReferringPhysicianName", who.referring)
    on.removed("OperatorsName", who.operator)
    on.retainable("InstitutionName", f"{who.house} Infirmary")
    on.removed("AccessionNumber", visit.accession)
    on.retainable("DeviceSerialNumber", visit.serial)
    on.retainable("StationName", visit.station)
    on.put("StudyID", f"E{visit.accession[-4:]}")
    on.dated("StudyDate", visit.day)
    on.dated("SeriesDate", visit.day)
    on.put("StudyTime", "101530")
    on.retained("Modality", modality)
    on.retained("InstanceNumber", number)
    on.retained("SeriesNumber", number % 7 + 1)
    on.retained("Manufacturer", "SIEMENS")
    on.retained("ManufacturerModelName", on.rng.choice(("SOMATOM Force", "LOGIQ E9", "Aquilion ONE", "Ingenia")))
    on.retained("SoftwareVersions", "syngo CT VA48A")
    name = who.family if on.rng.random() < 0.5 else f"{who.given} {who.family}"
    on.described("StudyDescription", "CT abdomen {} with contrast", name)
    on.described("SeriesDescription", "axial {} 3.0 mm", on.rng.choice((who.patient_id, visit.accession, who.family)))
    on.described("RequestedProcedureDescription", "follow-up liver, born {}", who.birth.strftime("%Y-%m-%d"))


def ct(on: Planting, slice_number: int) -> None:
    """A CT slice of a phantom: an ellipse with smooth structure, no text, samples of 12 bits."""
    on.retained("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"])
    on.retained("BodyPartExamined", "ABDOMEN")
    on.retained("KVP", "120")
    on.retained("SliceThickness", "3")
    on.retained("ConvolutionKernel", "B30f")
    on.retained("ScanOptions", "HELICAL MODE")
    on.retained("PatientPosition", "HFS")
    on.retained("PixelSpacing", ["0.75", "0.75"])
    on.retained("ImagePositionPatient", ["-180", "-180", str(3 * slice_number)])
    on.retained("ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"])
    on.retained("RescaleIntercept", "-1024")
    on.retained("RescaleSlope", "1")
    on.retained("RescaleType", "HU")
    on.retained("WindowCenter", "40")
    on.retained("WindowWidth", "400")
    on.described("ProtocolName", "Abdomen {} routine", on.visit.person.family)
    on.dated("AcquisitionDate", on.visit.day)
    on.dated("ContentDate", on.visit.day + dt.timedelta(days=1))
    on.dated("AcquisitionDateTime", on.visit.day, "101512.25+0100")
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centre = (SHAPE[0] / 2 + slice_number, SHAPE[1] / 2)
    inside = ((rows - centre[0]) / 34) ** 2 + ((columns - centre[1]) / 40) ** 2 < 1
    smooth = 1000 + 60 * np.sin(rows / 11 + on.rng.random()) + 60 * np.cos(columns / 13 + slice_number)
    _samples(on, np.where(inside, smooth, 20).astype(np.uint16), 12)


def screen(on: Planting) -> None:
    """A captured screen: a blank area, and a banner that names the patient (PS3.3 A.8.1)."""
    who = on.visit.person
    on.put("ConversionType", "WSD")
    on.dated("DateOfSecondaryCapture", on.visit.day)
    lines = [f"{who.family.upper()}, {who.given}" if who.in_ascii else who.referring.split("^")[0].upper(), f"ID {who.patient_id}"]
    lines.append(f"{who.birth:%Y-%m-%d}")
    image = Image.new("L", (SCREEN[1], SCREEN[0]), 0)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(28)
    for number, line in enumerate(lines):
        pen.text((16, 12 + 40 * number), line, 255, font)
        left, top, right, bottom = (int(edge) for edge in pen.textbbox((16, 12 + 40 * number), line, font))
        box = (max(left - 6, 0), max(top - 6, 0), right + 6, bottom + 6)
        words = line.removeprefix("ID ")
        on.checks.append(Expectation(Check.PIXELS_HIDDEN, "7FE00010", words, about="burned in", box=box))
    _samples(on, np.asarray(image, np.uint8), 8)


def _samples(on: Planting, samples: np.ndarray[Any, np.dtype[Any]], bits: int) -> None:
    on.retained("SamplesPerPixel", 1)
    on.retained("PhotometricInterpretation", "MONOCHROME2")
    on.retained("Rows", samples.shape[0])
    on.retained("Columns", samples.shape[1])
    on.retained("BitsStored", bits)
    on.put("BitsAllocated", 8 * samples.dtype.itemsize)
    on.put("HighBit", bits - 1)
    on.put("PixelRepresentation", 0)
    on.put("PixelData", samples.tobytes())


def report(on: Planting, images: list[tuple[str, Dataset]]) -> None:
    """An SR with a person, texts, dates and images at four depths of its tree (PS3.3 A.35.2, PS3.16 TID 2000)."""
    who = on.visit.person
    _document(on, "18748-4", "LN", "Diagnostic imaging report", images)
    deepest = _container("121076", "Conclusions", [_text("121077", "Conclusion", f"Stable lesion in {who.family} since last visit")])
    middle = _container("121070", "Findings", [_text("121071", "Finding", f"{who.patient_id} shows a hypodense lesion of 14 mm"), deepest])
    outer = _container(
        "121064", "Current Procedure Descriptions", [_text("121065", "Procedure Description", "CT abdomen with contrast"), middle]
    )
    tree = [_named("PNAME", "121008", "Person Observer Name", "PersonName", who.referring)]
    tree.append(_named("PNAME", "121029", "Subject Name", "PersonName", who.name))
    tree.append(_named("DATETIME", "111060", "Study Date", "DateTime", f"{on.visit.day:%Y%m%d}101500"))
    tree.append(outer)
    for _, image in images:
        item = _named("IMAGE", "121112", "Source of Measurement", "ReferencedSOPSequence", Sequence([reference(image)]))
        tree.append(item)
    on.put("ContentSequence", Sequence(tree))
    content = "0040A730"
    for keyword, value in (("0040A123", who.referring), ("0040A123", who.name)):
        on.checks.append(Expectation(Check.TEXT_REMOVED, f"{content}[*].{keyword}", value, about="SR PNAME"))
    for depth, words in (
        (2, "CT abdomen with contrast"),
        (3, "shows a hypodense lesion of 14 mm"),
        (4, "Stable lesion in since last visit"),
    ):
        path = ".".join([f"{content}[*]"] * depth) + ".0040A160"
        on.checks.append(Expectation(Check.TEXT_RETAINED, path, words, _KEPT_CONTENT, f"SR TEXT at depth {depth}"))
    on.checks.append(Expectation(Check.TEXT_REMOVED, ".".join([f"{content}[*]"] * 3) + ".0040A160", who.patient_id, about="SR TEXT"))
    on.checks.append(Expectation(Check.TEXT_REMOVED, ".".join([f"{content}[*]"] * 4) + ".0040A160", who.family, about="SR TEXT"))
    on.checks.append(Expectation(Check.DATE_SHIFTED, f"{content}[*].0040A120", f"{on.visit.day:%Y%m%d}", about="SR DATETIME"))
    for file, _ in images:
        path = f"{content}[*].00081199[0].00081155"
        on.checks.append(Expectation(Check.REFERENCE_RESOLVES, path, file, _KEPT_CONTENT, "SR IMAGE"))


def key_objects(on: Planting, images: list[tuple[str, Dataset]]) -> None:
    """A key object selection that names images of the study (PS3.3 A.35.4, PS3.16 TID 2010)."""
    _document(on, "113000", "DCM", "Of Interest", images)
    tree = [_text("113012", "Key Object Description", f"shown to {on.visit.person.referring.split('^')[0]}")]
    tree += [_named("IMAGE", "", "", "ReferencedSOPSequence", Sequence([reference(image)])) for _, image in images]
    on.put("ContentSequence", Sequence(tree))
    on.checks.append(
        Expectation(
            Check.TEXT_REMOVED, "0040A730[*].0040A160", on.visit.person.referring.split("^")[0], about="text of a key object selection"
        )
    )


def _document(on: Planting, value: str, scheme: str, meaning: str, images: list[tuple[str, Dataset]]) -> None:
    on.dated("ContentDate", on.visit.day + dt.timedelta(days=2))
    on.put("ContentTime", "120000")
    on.put("ValueType", "CONTAINER")
    on.put("ContinuityOfContent", "SEPARATE")
    on.put("ConceptNameCodeSequence", Sequence([code(value, scheme, meaning)]))
    on.put("CompletionFlag", "COMPLETE")
    on.put("VerificationFlag", "UNVERIFIED")
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID = images[0][1].SeriesInstanceUID
    series.ReferencedSOPSequence = Sequence([reference(image) for _, image in images])
    study.StudyInstanceUID = images[0][1].StudyInstanceUID
    study.ReferencedSeriesSequence = Sequence([series])
    on.put("CurrentRequestedProcedureEvidenceSequence", Sequence([study]))
    for number, (file, _) in enumerate(images):
        path = f"0040A375[0].00081115[0].00081199[{number}].00081155"
        on.checks.append(Expectation(Check.REFERENCE_RESOLVES, path, file, about="evidence"))
    on.checks.append(Expectation(Check.UID_CONSISTENT, "0040A375[0].0020000D", str(study.StudyInstanceUID), about="evidence"))
    on.checks.append(Expectation(Check.UID_CONSISTENT, "0040A375[0].00081115[0].0020000E", str(series.SeriesInstanceUID), about="evidence"))


def _named(kind: str, value: str, meaning: str, keyword: str, content: Any) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    if value:
        item.ConceptNameCodeSequence = Sequence([code(value, "DCM", meaning)])
    setattr(item, keyword, content)
    return item


def _text(value: str, meaning: str, text: str) -> Dataset:
    return _named("TEXT", value, meaning, "TextValue", text)


def _container(value: str, meaning: str, content: list[Dataset]) -> Dataset:
    item = _named("CONTAINER", value, meaning, "ContinuityOfContent", "SEPARATE")
    item.ContentSequence = Sequence(content)
    return item


CLASSES = {
    "ct": ("CT", CTImageStorage),
    "sc": ("OT", SecondaryCaptureImageStorage),
    "sr": ("SR", EnhancedSRStorage),
    "ko": ("KO", KeyObjectSelectionDocumentStorage),
}
