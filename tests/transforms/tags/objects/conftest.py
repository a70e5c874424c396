"""Fixtures of the tests of object types: an instance of a class full of a patient's traces, and what becomes of it."""

import dataclasses
import io
import subprocess

import pydicom
import pytest
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from transforms.model.keys import Purpose
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.model.records import Hold, PixelResult, PixelSearch, ScrubbedInstance, SecondLook
from transforms.proof.prover import Prover
from transforms.tags import policy, tables
from transforms.tags.attributes import required
from transforms.tags.dummies import dummy
from transforms.tags.scrubber import Scrubber
from transforms.tags.uids import UidMapper

TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
BASIC = ActionPlan(Profile.BASIC, keep_primary_uids=False, image=ALL_TEXT)

SEARCHED = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)
"""What a run without options comes to where there are samples and no text in them."""


@dataclasses.dataclass(frozen=True)
class Done:
    """What became of an instance."""

    source: bytes
    scrubbed: ScrubbedInstance
    new: Dataset
    holds: tuple[Hold, ...]


@pytest.fixture
def patient():
    """A function that writes one patient into a data set, which it returns."""

    def write(dataset):
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Kowalski^Jan", "MRN-00482913", "19670304"
        dataset.AccessionNumber, dataset.StudyID, dataset.StudyDate = "ACC-77120", "ST-5561", "20200110"
        dataset.ReferringPhysicianName, dataset.StudyDescription = "Nowak^Ewa", "Seen for Kowalski"
        return dataset

    return write


@pytest.fixture
def made(patient):
    """A function from a SOP class to an instance of all that it must have, and of all its texts that the table names."""

    def make(sop_class, **more):
        dataset = Dataset()
        for tag, kind in required(sop_class).items():
            vr = dictionary_VR(tag).split(" or ")[0]
            value = f"1.2.276.{tag}" if vr == "UI" else dummy(tag, vr, sop_class) if kind == "1" else [] if vr == "SQ" else None
            row = tables.row(tag)
            if vr in TEXTS and row is not None and dictionary_VM(tag).startswith("1"):
                value = "Kowalski^Jan"
            dataset.add_new(tag, vr, value)
        patient(dataset)
        dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.276.1.1"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.276.1.2", "1.2.276.1.3"
        if "Rows" in dataset:
            dataset.add_new("PixelData", "OW", bytes(2))
        for keyword, value in more.items():
            setattr(dataset, keyword, value)
        return dataset

    return make


@pytest.fixture
def encoded():
    """A function from a data set to its file; bytes stay as they are."""

    def write(dataset):
        if isinstance(dataset, bytes):
            return dataset
        dataset.file_meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = dataset.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian)
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        return buffer.getvalue()

    return write


@pytest.fixture
def deidentify(secret, opened, encoded):
    """A function from a data set, or a file's bytes, to what becomes of it under a plan or options; it must be admitted."""

    def run(source, *options: Option, plan=BASIC):
        plan = dataclasses.replace(plan, options=frozenset(options))
        content = encoded(source)
        instance = opened(content, SEARCHED)
        policy.admit(instance.dataset)
        scrubbed = Prover(plan).prove(Scrubber(plan, secret).scrub(instance))
        return Done(content, scrubbed, pydicom.dcmread(io.BytesIO(scrubbed.content)), scrubbed.holds)

    return run


@pytest.fixture
def sound(new_errors, tmp_path):
    """A function that fails unless dciodvfy finds no new error in an output, and dcmdump and gdcminfo read it.

    gdcminfo fails on every object of a class that it does not know: there it must say of the output what it says of the source.
    """

    def answer(tool, content):
        file = tmp_path / "instance.dcm"
        file.write_bytes(content)
        done = subprocess.run([*tool, str(file)], capture_output=True, check=False)
        return done.returncode, done.stderr

    def check(done):
        assert done.holds == ()
        assert new_errors(done.source, done.scrubbed.content) == set()
        assert answer(("dcmdump", "-q"), done.scrubbed.content) == (0, b"")
        info = answer(("gdcminfo",), done.scrubbed.content)
        assert info in ((0, b""), answer(("gdcminfo",), done.source))

    return check


@pytest.fixture
def uid_of(secret):
    """A function from a UID of a source to the one that stands for it everywhere."""
    return UidMapper(secret.purpose(Purpose.UID)).new


@pytest.fixture
def sound_class(made, deidentify, sound):
    """A function that fails unless an instance of a class, full of a patient's traces, comes out sound and without the name."""

    def check(sop_class):
        done = deidentify(made(sop_class))
        assert b"Kowalski" not in done.scrubbed.content
        sound(done)

    return check
