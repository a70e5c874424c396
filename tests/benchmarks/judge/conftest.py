"""A small planted set, and copies of it that a test may spoil."""

import pydicom
import pytest

from benchmarks.judge.key import Answer, Check, Expectation
from benchmarks.judge.outputs import pixel_md5
from benchmarks.judge.plant import plant

SEED = 20261122


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """The folder of a set of two patients in two character sets: 20 instances and their key."""
    folder = tmp_path_factory.mktemp("planted")
    plant(SEED, folder, patients=2, studies=2, slices=2)
    return folder


@pytest.fixture
def clean(tmp_path):
    """A source and an output that a key of every check type finds nothing wrong with: `clean(name)` opens an output to be spoiled."""
    source, output = tmp_path / "source", tmp_path / "output"
    for folder, patient, days, root in ((source, "MRN4711", 0, "1.2.3"), (output, "subject-1", -9, "2.25")):
        folder.mkdir()
        for number in (1, 2):
            dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
            dataset.PatientID, dataset.InstanceNumber = patient, number
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{root}.9.{number}"
            dataset.FrameOfReferenceUID = f"{root}.7"
            dataset.StudyDate, dataset.SeriesDate = f"202103{19 + days}", f"202103{29 + days}"
            dataset.StudyDescription = "CT abdomen Kowalczyk" if folder is source else "CT abdomen"
            dataset.ReferencedImageSequence = [pydicom.Dataset()]
            dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = f"{root}.9.{3 - number}"
            dataset.save_as(folder / f"{number}.dcm")
    return source, output


@pytest.fixture
def key(clean):
    """Every check type on both instances of `clean`, but for pixels_hidden, which has a picture of its own."""
    answers = []
    for number in (1, 2):
        source = pydicom.dcmread(clean[0] / f"{number}.dcm")
        checks = (
            Expectation(Check.TAG_RETAINED, "00180060"),
            Expectation(Check.TEXT_NOTNULL, "00080060"),
            Expectation(Check.TEXT_RETAINED, "00081030", "CT abdomen"),
            Expectation(Check.TEXT_RETAINED, "00180050", f"{float(source.SliceThickness):.3f}"),
            Expectation(Check.TEXT_REMOVED, "00081030", "Kowalczyk"),
            Expectation(Check.DATE_SHIFTED, "00080020", "20210319"),
            Expectation(Check.UID_CHANGED, "00200052", "1.2.3.7"),
            Expectation(Check.UID_CONSISTENT, "00200052", "1.2.3.7"),
            Expectation(Check.PATID_CONSISTENT, "00100020", "MRN4711"),
            Expectation(Check.PIXELS_RETAINED, "7FE00010", pixel_md5(source)),
            Expectation(Check.TEXT_GONE, "", "MRN4711"),
            Expectation(Check.DATE_EXACT, "00080020", "20210319"),
            Expectation(Check.DATE_EXACT, "00080021", "20210329"),
            Expectation(Check.INTERVAL_KEPT, "00080021", "20210329", to=("1.dcm", "00080020", "20210319")),
            Expectation(Check.REFERENCE_RESOLVES, "00081140[0].00081155", f"{3 - number}.dcm"),
        )
        answers.append(Answer(f"{number}.dcm", "p", {"00200013": str(number)}, checks))
    return answers
