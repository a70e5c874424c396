"""The command: its exit code, its list of failures, and keys and outputs of somebody else."""

import csv
import json
import shutil

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from benchmarks.judge.__main__ import main
from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import REMOVING, Check, Expectation, read_key, write_key
from benchmarks.judge.outputs import match
from benchmarks.judge.plant import plant
from benchmarks.judge.policies import DATES
from benchmarks.judge.report import Row, shortfalls


@pytest.fixture
def arguments(clean, key, tmp_path):
    write_key(tmp_path / "key.jsonl", key)
    return ["--key", str(tmp_path / "key.jsonl"), "--source", str(clean[0]), "--deidentified", str(clean[1])]


def test_the_exit_code_says_whether_the_target_is_met(arguments, clean, tmp_path, capsys):
    assert main(arguments) == 0
    assert "| all | 32/32 100 % |" in capsys.readouterr().out
    shutil.copy(clean[0] / "1.dcm", clean[1] / "1.dcm")
    assert main([*arguments, "--failures", str(tmp_path / "failures.csv")]) == 1
    with (tmp_path / "failures.csv").open(newline="") as file:
        assert "text_removed" in {row["check"] for row in csv.DictReader(file)}
    assert main([*arguments, "--key", str(tmp_path / "none")]) == 2


def test_an_output_that_no_key_names_is_no_success(arguments, clean, capsys):
    shutil.copy(clean[1] / "1.dcm", clean[1] / "0.dcm")
    assert main(arguments) == 1
    assert "nobody judged them" in capsys.readouterr().out


def test_a_key_is_read_as_it_was_written(key, tmp_path):
    write_key(tmp_path / "key.jsonl", key)
    assert read_key(tmp_path / "key.jsonl") == key


@pytest.mark.parametrize(
    "line", ["{", '{"file": "x"}', '{"file": "x", "checks": [{"check": "text_moved"}]}', '{"file": "x", "checks": [{"chek": 1}]}']
)
def test_a_key_of_another_form_is_refused_by_its_line(tmp_path, line):
    (tmp_path / "key.jsonl").write_text(json.dumps({"file": "a", "checks": []}) + "\n" + line + "\n")
    with pytest.raises(ValueError, match="line 2 of the key"):
        read_key(tmp_path / "key.jsonl")


def test_a_check_is_due_under_the_policies_it_names():
    assert Expectation(Check.TAG_RETAINED).is_due("any")
    assert Expectation(Check.TAG_RETAINED, when=("dates",)).is_due("dates")
    assert not Expectation(Check.TAG_RETAINED, when=("dates",)).is_due("basic")


def test_outputs_are_known_by_a_map_or_by_marks_wherever_they_lie(clean, key, tmp_path):
    for number in (1, 2):
        (clean[1] / f"{number}.dcm").rename(clean[1] / f"out{number}.dcm")
    assert {file: output.path.name for file, output in match(key, *clean).outputs.items()} == {"1.dcm": "out1.dcm", "2.dcm": "out2.dcm"}
    (tmp_path / "map.csv").write_text("id_old,id_new\n1.2.3.9.1,2.25.9.2\n1.2.3.9.2,2.25.9.1\n")
    mapped = match(key, *clean, tmp_path / "map.csv").outputs
    assert {file: output.path.name for file, output in mapped.items()} == {"1.dcm": "out2.dcm", "2.dcm": "out1.dcm"}


def test_a_file_that_cannot_be_read_is_told(clean, key):
    (clean[1] / "2.dcm").write_text("no image at all")
    matched = match(key, *clean)
    assert [path.name for path in matched.unreadable] == ["2.dcm"]
    assert set(matched.outputs) == {"1.dcm"}


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("text_removed", 9999, 10000), False),
        (Row("text_retained", 9990, 10000), True),
        (Row("text_retained", 9989, 10000), False),
        (Row("all", 99949, 100000), False),
        (Row("all", 99950, 100000), True),
        (Row("all", 0, 0), False),
    ],
)
def test_the_target_is_met_or_not(row, met):
    assert (shortfalls([row]) == []) is met


def test_what_has_to_go_stands_in_the_planted_set(planted):
    """So that no check passes for want of a thing to find; but private VRs cannot be seen in a file without VRs."""
    source, answers = planted / "source", read_key(planted / "key.jsonl")
    matched = match(answers, source, source)
    assert set(matched.outputs) == {answer.file for answer in answers}
    assert (matched.strangers, matched.unreadable, len(answers)) == ((), (), 20)
    given = list(verdicts(answers, DATES, matched))
    hidden = {one.file for one in given if str(matched.outputs[one.file].dataset.file_meta.TransferSyntaxUID) == ImplicitVRLittleEndian}
    assert [one for one in given if one.check in REMOVING and one.passed and not (one.file in hidden and one.path[:4] == "0029")] == []
    staying = [one for one in given if one.check not in REMOVING and one.check is not Check.DATE_EXACT]
    assert [one for one in staying if not one.passed] == []
    assert {check for check in Check if check is not Check.RUNS_AGREE} == {one.check for one in given}


def test_the_same_seed_plants_the_same_bytes(planted, tmp_path):
    plant(20261122, tmp_path, patients=2, studies=2, slices=2)
    for path in planted.rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(planted)).read_bytes() == path.read_bytes(), path.name


def test_another_seed_plants_another_set(tmp_path, planted):
    plant(7, tmp_path, patients=1, studies=1, slices=1)
    uids = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in (tmp_path / "source").rglob("*.dcm")}
    first = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in (planted / "source").rglob("*.dcm")}
    assert len(uids) == 4
    assert not uids & first
