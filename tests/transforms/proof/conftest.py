"""Fixtures of the proof's tests: a source, and an output that a scrub might have made of it."""

import datetime as dt
import io

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from transforms.model.plan import ALL_TEXT, ActionPlan, Profile
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.proof.prover import Prover

BASIC = ActionPlan(Profile.BASIC, False, ALL_TEXT)
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
SOURCE_UIDS = {"StudyInstanceUID": "1.2.276.5551.1", "SeriesInstanceUID": "1.2.276.5551.2", "SOPInstanceUID": "1.2.276.5551.3"}


def part10(dataset: Dataset, syntax: str = pydicom.uid.ExplicitVRLittleEndian, preamble: bytes = bytes(128)) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.preamble = preamble
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def source() -> Dataset:
    """A patient with names in three scripts, ids, a birth date and a referring physician at depth."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    for keyword, uid in SOURCE_UIDS.items():
        setattr(dataset, keyword, uid)
    dataset.PatientName = "Kowalski^Jan=山田^太郎=やまだ^たろう"
    dataset.PatientID = "MRN-00482913"
    dataset.AccessionNumber = "A7731"
    dataset.PatientBirthDate = "19670304"
    step = Dataset()
    step.ScheduledPerformingPhysicianName = "Müller^Ute"
    dataset.RequestAttributesSequence = [step]
    return dataset


@pytest.fixture
def output() -> Dataset:
    """What a faultless scrub leaves of it."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.StudyInstanceUID = "2.25.48290013"
    dataset.SeriesInstanceUID = "2.25.48290014"
    dataset.SOPInstanceUID = "2.25.48290015"
    dataset.PatientName = "Q7R2TK5M"
    dataset.PatientID = "Q7R2TK5M"
    dataset.Modality = "OT"
    dataset.Manufacturer = "Jansen Imaging"
    return dataset


@pytest.fixture
def prove(source):
    """A function from an output (data set or bytes) to its holds."""

    def run(output: Dataset | bytes, plan: ActionPlan = BASIC, of: Dataset | None = None):
        dataset = pydicom.dcmread(io.BytesIO(part10(source if of is None else of)))
        content = output if isinstance(output, bytes) else part10(output)
        uids = InstanceUids(*(str(dataset[keyword].value) for keyword in SOURCE_UIDS))
        opened = OpenInstance(InstanceRef("00" * 8, "/x.dcm", 0), uids, dataset, NOON)
        return Prover(plan).prove(ScrubbedInstance(opened, uids, content, ())).holds

    return run
