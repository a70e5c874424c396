"""What names the patient in odd places is gone or the instance held, under every policy; and what is left would be seen."""

import io

import pydicom
import pytest

from benchmarks.leaks.look import left
from benchmarks.leaks.planted import planted
from benchmarks.leaks.policies import POLICIES, Policy

SETS = 8
WORDS = {
    "family": "Quarrelsome",
    "given": "Bo",
    "id": "4711",
    "accession": "120",
    "birth": "19670304",
    "study": "1.2.826.0.1.77001.5",
}


@pytest.mark.parametrize("name", POLICIES)
def test_nothing_is_published_that_a_policy_takes_away(name):
    policy = Policy(POLICIES[name])
    outcomes = [policy.run(planted(f"{name}/{number}")) for number in range(SETS)]
    assert [outcome.told for outcome in outcomes if outcome.kind == "leak"] == []
    assert sum(outcome.kind == "clean" for outcome in outcomes) > SETS // 2


def test_the_same_seed_plants_the_same():
    assert planted("x") == planted("x")
    assert planted("x") != planted("y")


@pytest.mark.parametrize(
    ("keyword", "value", "kinds"),
    [
        ("StudyDescription", "xquarrelsomey", ["family"]),
        ("StudyDescription", "(Bo)", ["given"]),
        ("StudyDescription", "Bo angle", []),
        ("StudyDescription", "CT_4711_1", ["id"]),
        ("SeriesNumber", "4711", ["id"]),
        ("InstanceNumber", "120", []),
        ("SliceThickness", "47.11", []),
        ("BodyPartExamined", "4711", ["id"]),
        ("StudyDate", "19670304", ["birth"]),
        ("StudyDescription", "born 1967-03-04", ["birth"]),
        ("FrameOfReferenceUID", "1.2.826.0.1.77001.5", ["study"]),
        ("FrameOfReferenceUID", "1.2.826.0.1.77001.5.1", []),
    ],
)
def test_a_word_that_is_left_is_seen(real_file, keyword, value, kinds):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    assert left(real_file("CT_small.dcm").read_bytes(), WORDS) == []
    setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert [one.kind for one in left(buffer.getvalue(), WORDS)] == kinds


@pytest.mark.parametrize(("keyword", "seen"), [("StudyTime", 0), ("SeriesNumber", 1)])
def test_a_time_of_day_is_no_short_id(real_file, keyword, seen):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    setattr(dataset, keyword, "0012")
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert len(left(buffer.getvalue(), {"accession": "0012"})) == seen
