"""One data set of any elements of PS3.6 and private ones, in any VR and at any depth, with the header's own words in them."""

from __future__ import annotations

import dataclasses
import io
import random

import pydicom
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

FAMILIES = ("Quarrelsome", "Zebulon", "Grünwald", "Li", "Kim", "Pancreas", "Moss", "Brown", "Head", "Chest")
GIVEN = ("Ann", "Wilhelmina", "Bo", "May")
PATIENT_IDS = ("73920465", "A-12345", "4711", "QX7", "MRN00482913", "90210", "ab")
ACCESSIONS = ("A7731", "88", "ACC556677", "0012")
BIRTHS = ("19670304", "19310811", "20010101")
FRAMES = ("{}", "of {} today", "CT_{}_1", "({})", "x{}y", "{}.", "{}-{}")
SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.481.3",
)
LENGTHS = {
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DA": 8,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "PN": 64,
    "SH": 16,
    "ST": 1024,
    "TM": 14,
    "UI": 64,
}
"""PS3.5 6.2."""
VRS = (*LENGTHS, "OB", "OW", "UC", "UN", "UR", "UT")
BARE = frozenset({"AS", "DA", "DS", "DT", "IS", "TM", "UI"})
"""VRs of a fixed form: what names the patient stands there alone."""
BYTES = frozenset({"OB", "OW", "UN"})
CREATORS = (("PLANTED", 0x29), ("SIEMENS CSA HEADER", 0x29), ("GEMS_IDEN_01", 0x09), ("Philips Imaging DD 001", 0x2001))
_OWN = frozenset({0x00080005, 0x00080016, 0x00080018, 0x00080050, 0x00100010, 0x00100020, 0x00100030, 0x0020000D, 0x0020000E})
_NO_GROUPS = frozenset({0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFA, 0xFFFC, 0xFFFE})
STANDARD = [
    (tag, entry[0]) for tag, entry in DicomDictionary.items() if entry[0] in VRS and tag >> 16 not in _NO_GROUPS and tag not in _OWN
]
HOLDERS = [tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ" and tag >> 16 not in _NO_GROUPS] + [0x00291080]


@dataclasses.dataclass(frozen=True, slots=True)
class Planted:
    """A file and who is in it."""

    content: bytes
    words: dict[str, str]
    """family, given, id, accession, birth, study, series, instance."""


def planted(seed: str) -> Planted:
    """The data set of this seed: always the same."""
    chance = random.Random(seed)  # noqa: S311 - a seeded choice, no secret
    root = "1.2.3.4" if chance.random() < 0.4 else f"1.2.826.0.1.{chance.randrange(10**6, 10**9)}"
    words = {
        "family": chance.choice(FAMILIES),
        "given": chance.choice(GIVEN),
        "id": chance.choice(PATIENT_IDS),
        "accession": chance.choice(ACCESSIONS),
        "birth": chance.choice(BIRTHS),
        **{level: f"{root}.{number}" for number, level in enumerate(("instance", "study", "series"), 1)},
    }
    dataset = _filled(chance, words, chance.randrange(4))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = chance.choice(CLASSES), words["instance"]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = words["study"], words["series"]
    dataset.PatientName, dataset.PatientID = f"{words['family']}^{words['given']}", words["id"]
    dataset.AccessionNumber, dataset.PatientBirthDate = words["accession"], words["birth"]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = chance.choice(SYNTAXES)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return Planted(buffer.getvalue(), words)


def _filled(chance: random.Random, words: dict[str, str], depth: int) -> Dataset:
    """One to four elements, one in four of them private, one in ten of another VR than its own; below them items as deep as `depth`."""
    elements: dict[Tag, RawDataElement | pydicom.DataElement] = {}
    for _ in range(chance.randrange(1, 5)):
        if chance.random() < 0.75:
            tag, vr = chance.choice(STANDARD)
            vr = chance.choice(VRS) if chance.random() < 0.1 else vr
        else:
            creator, group = chance.choice(CREATORS)
            elements[Tag(group, 0x10)] = pydicom.DataElement(Tag(group, 0x10), "LO", creator)
            tag, vr = group << 16 | 0x1000 | chance.randrange(1, 0xFF), chance.choice(VRS)
        value = _value(chance, words, vr)
        elements[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
        if vr in BYTES:  # raw, the writer would parse it by PS3.6
            elements[Tag(tag)] = pydicom.DataElement(Tag(tag), "OB", value)
            elements[Tag(tag)].VR = vr
    for _ in range(chance.randrange(3) if depth else 0):
        holder = chance.choice(HOLDERS)
        items = [_filled(chance, words, depth - 1) for _ in range(chance.randrange(1, 3))]
        elements[Tag(holder)] = pydicom.DataElement(Tag(holder), "SQ", items)
        if holder >> 16 == 0x29:
            elements[Tag(0x00290010)] = pydicom.DataElement(Tag(0x00290010), "LO", "PLANTED")
    return Dataset(elements)


def _value(chance: random.Random, words: dict[str, str], vr: str) -> bytes:
    """Something of the header in a value of this VR, padded."""
    kind = chance.choice(sorted(words))
    word = words[kind]
    if kind == "birth" and chance.random() < 0.5:
        word = chance.choice("-/").join((word[:4], word[4:6], word[6:]))
    if vr in ("CS", "AE"):
        word = word.upper()
    text = ("{}" if vr in BARE else chance.choice(FRAMES)).replace("{}", word)
    longest = LENGTHS.get(vr, len(text))
    value = (text if len(text) <= longest else word[:longest]).encode()
    return value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
