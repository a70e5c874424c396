"""Any data set of any elements of PS3.6, private ones too, at any depth, in any VR: what names the patient is nowhere in the output."""

import io
import zlib

import pydicom
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.keys import Secret
from transforms.model.needed import NEEDED
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.tags.scrubber import Scrubber

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
CLASSES = ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.7"]
NAME, NUMBER = "Quarrelsome", "73920465"
"""The patient's family name and id."""
WIDTHS = {"OB": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "UN": 1}
BY_VR = {
    **dict.fromkeys(("DS", "IS", "TM"), NUMBER),
    **dict.fromkeys(("SL", "SV", "UL", "UV"), int(NUMBER)),
    **dict.fromkeys(("AE", "CS"), NAME.upper()),
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), f"of {NAME}"),
    **{
        "PN": f"{NAME}^Ann",
        "UI": f"1.2.826.{NUMBER}.1",
        "UR": f"https://x.example/{NUMBER}",
        "FD": float(NUMBER),
        "DT": NUMBER,
        "DA": NUMBER,
    },
    **{vr: NUMBER.encode().ljust(8, b"\0") for vr in WIDTHS},
}
"""A value of each VR that names the patient; AS, AT, FL, SS and US are too small to."""
PRIVATE = [(0x00290000 + 0x1000 + number, vr) for number, vr in enumerate(BY_VR, 1)]
STANDARD = [(tag, entry[0]) for tag, entry in DicomDictionary.items() if entry[0] in BY_VR and tag >> 16 > 8 and tag not in NEEDED]
PLANS = {
    "basic": ActionPlan(Profile.BASIC, False, ALL_TEXT),
    "minimal": ActionPlan(Profile.MINIMAL, False, ALL_TEXT),
    "cleaned": ActionPlan(
        Profile.BASIC, False, ALL_TEXT, options=frozenset({Option.MODIFIED_DATES, Option.DESCRIPTORS, Option.STRUCTURED})
    ),
    "contents": ActionPlan(Profile.CONTENTS, False, ALL_TEXT),
}
HOLDERS = [0x00082218, 0x00400440, 0x52009229, 0x0040A730, 0x00291080]


@st.composite
def datasets(draw, depth: int = 3) -> Dataset:
    dataset = Dataset()
    for tag, vr in draw(st.lists(st.one_of(st.sampled_from(STANDARD), st.sampled_from(PRIVATE)), max_size=5)):
        dataset.add_new(tag, vr, BY_VR[vr])
    if depth:
        for holder in draw(st.lists(st.sampled_from(HOLDERS), max_size=2, unique=True)):
            dataset.add_new(holder, "SQ", draw(st.lists(datasets(depth - 1), min_size=1, max_size=2)))
    if any(tag >> 16 == 0x0029 for tag in dataset.keys()):  # noqa: SIM118 - iterating a Dataset gives elements
        dataset.add_new(0x00290010, "LO", "PLANTED")
    return dataset


def lossy() -> Dataset:
    """What a run states itself where it encodes anew, with the patient in it."""
    dataset = Dataset()
    dataset.add_new(0x00282112, "DS", NUMBER)
    dataset.add_new(0x00282114, "CS", NAME.upper())
    return dataset


def encoded(dataset: Dataset, syntax: str, sop_class: str) -> bytes:
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.826.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.2", "1.2.826.3"
    dataset.PatientName, dataset.PatientID = f"{NAME}^Ann", NUMBER
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def numbers(dataset: Dataset) -> set[float]:
    """The values of all elements that hold numbers."""
    found = set()
    for element in dataset.iterall():
        if element.VR in ("FD", "SL", "SV", "UL", "UV"):
            found.update(element.value if element.VM > 1 else [element.value])
    return found


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(dataset=datasets(), syntax=st.sampled_from(SYNTAXES), sop_class=st.sampled_from(CLASSES))
@example(dataset=lossy(), syntax=ExplicitVRLittleEndian, sop_class=CLASSES[0])
def test_nothing_of_the_patient_is_left_and_the_file_can_be_read(opened, plan, dataset, syntax, sop_class):
    content = encoded(dataset, syntax, sop_class)
    scrubbed, again = (Scrubber(plan, Secret(b"k" * 32)).scrub(opened(content)) for _ in range(2))
    assert (again.content, again.findings) == (scrubbed.content, scrubbed.findings)
    new = pydicom.dcmread(io.BytesIO(scrubbed.content))
    assert float(NUMBER) not in numbers(new)
    raw = scrubbed.content
    if syntax == DeflatedExplicitVRLittleEndian:
        start = 144 + new.file_meta.FileMetaInformationGroupLength
        raw = zlib.decompress(raw[start:], wbits=-zlib.MAX_WBITS)
    assert NUMBER.encode() not in raw
    assert NAME.lower().encode() not in raw.lower()
