"""The judge sees what is wrong: an output spoiled for a check type fails that type, and an unspoiled one passes all."""

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont

from benchmarks.judge.checks import verdicts
from benchmarks.judge.key import Answer, Check, Expectation
from benchmarks.judge.outputs import match


def failed(clean, key, again=None, policy=""):
    """The check types that fail, each with the files it fails for."""
    source, output = clean
    second = match(key, source, again) if again else None
    given = list(verdicts(key, policy, match(key, source, output), second))
    return {(verdict.check, verdict.file) for verdict in given if not verdict.passed}


def spoil(clean, change, name="1.dcm"):
    path = clean[1] / name
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def test_what_is_right_passes(clean, key):
    assert failed(clean, key) == set()


def test_the_source_itself_fails_wherever_something_had_to_go(clean, key):
    found = {check for check, _ in failed((clean[0], clean[0]), key)}
    assert found == {Check.TEXT_REMOVED, Check.DATE_SHIFTED, Check.UID_CHANGED, Check.TEXT_GONE, Check.DATE_EXACT}


SPOILED = {
    Check.TAG_RETAINED: lambda output: output.__delattr__("KVP"),
    Check.TEXT_NOTNULL: lambda output: output.__setattr__("Modality", ""),
    Check.TEXT_RETAINED: lambda output: output.__setattr__("StudyDescription", "CT"),
    Check.TEXT_REMOVED: lambda output: output.__setattr__("StudyDescription", "CT abdomen KOWALCZYK^A"),
    Check.DATE_SHIFTED: lambda output: output.__setattr__("StudyDate", "20210319"),
    Check.UID_CHANGED: lambda output: output.__setattr__("FrameOfReferenceUID", "1.2.3.7"),
    Check.UID_CONSISTENT: lambda output: output.__setattr__("FrameOfReferenceUID", "2.25.8"),
    Check.PATID_CONSISTENT: lambda output: output.__setattr__("PatientID", "subject-2"),
    Check.PIXELS_RETAINED: lambda output: output.__setattr__("PixelData", bytes(1) + output.PixelData[1:]),
    Check.TEXT_GONE: lambda output: output.private_block(0x0029, "X", create=True).add_new(1, "OB", b"\1\2MRN4711\3\4"),
    Check.DATE_EXACT: lambda output: output.__setattr__("StudyDate", "20210311"),
    Check.INTERVAL_KEPT: lambda output: output.__setattr__("SeriesDate", "20210321"),
    Check.REFERENCE_RESOLVES: lambda output: output.ReferencedImageSequence[0].__setattr__("ReferencedSOPInstanceUID", "2.25.9"),
}


@pytest.mark.parametrize("check", SPOILED)
def test_each_type_fails_where_an_output_is_spoiled_for_it(clean, key, check):
    spoil(clean, SPOILED[check])
    assert (check, "1.dcm") in failed(clean, key)


@pytest.mark.parametrize("keyword", ["KVP", "Modality", "StudyDescription", "FrameOfReferenceUID", "PatientID", "PixelData", "StudyDate"])
def test_what_is_absent_fails_where_it_was_to_stay(clean, key, keyword):
    spoil(clean, lambda output: output.__delattr__(keyword))
    wanted = {check for check in SPOILED if check not in (Check.TEXT_REMOVED, Check.DATE_SHIFTED, Check.UID_CHANGED, Check.TEXT_GONE)}
    assert {check for check, _ in failed(clean, key)} & wanted


def test_an_output_that_is_missing_fails_all_of_its_checks(clean, key):
    (clean[1] / "2.dcm").unlink()
    assert {check for check, file in failed(clean, key) if file == "2.dcm"} == {one.check for one in key[1].checks} | {Check.FILE_WRITTEN}


def test_two_patients_who_become_one_are_not_told_apart(clean, key):
    other = [Expectation(one.check, one.path, "MRN4712") if one.check is Check.PATID_CONSISTENT else one for one in key[1].checks]
    merged = [key[0], Answer(key[1].file, "q", key[1].marks, tuple(other))]
    assert {pair for pair in failed(clean, merged) if pair[0] is Check.PATID_CONSISTENT} == {
        (Check.PATID_CONSISTENT, "1.dcm"),
        (Check.PATID_CONSISTENT, "2.dcm"),
    }


def test_a_second_run_must_come_to_the_same(clean, key, tmp_path):
    again = tmp_path / "again"
    clean[1].rename(again)
    again.mkdir(exist_ok=True)
    clean[1].mkdir()
    for path in again.iterdir():
        (clean[1] / path.name).write_bytes(path.read_bytes())
    assert failed(clean, key, again) == set()
    spoil((clean[0], again), lambda output: output.__setattr__("StudyDate", "20210311"), "2.dcm")
    assert failed(clean, key, again) == {(Check.RUNS_AGREE, "2.dcm")}


def test_days_that_the_key_names_are_held_to(clean, key):
    days = [Expectation(one.check, one.path, one.value, days=-8) if one.check is Check.DATE_EXACT else one for one in key[0].checks]
    named = [Answer(key[0].file, "p", key[0].marks, tuple(days)), key[1]]
    assert failed(clean, named) == {(Check.DATE_EXACT, "1.dcm")}


def test_a_name_in_another_script_is_found_decoded_and_raw(clean, key):
    def write(output):
        output.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        output.PatientName = "Yamamoto^Kenjiro=山本^健次郎"

    spoil(clean, write)
    asked = [Answer(key[0].file, "p", key[0].marks, (Expectation(Check.TEXT_GONE, "", "健次郎"),))]
    assert failed(clean, asked) == {(Check.TEXT_GONE, "1.dcm")}


def test_letters_are_hidden_only_where_nobody_can_read_them(tmp_path, clean):
    picture = Image.new("L", (400, 60), 0)
    ImageDraw.Draw(picture).text((10, 10), "KOWALCZYK 20210319", 255, ImageFont.load_default(28))
    answers = [Answer("1.dcm", "p", {}, (Expectation(Check.PIXELS_HIDDEN, "7FE00010", "KOWALCZYK 20210319", box=(0, 0, 400, 60)),))]

    def draw(samples):
        def change(output):
            output.Rows, output.Columns = samples.shape
            output.PixelData = samples.astype(np.int16).tobytes()

        return change

    spoil(clean, draw(np.asarray(picture)))
    assert failed(clean, answers) == {(Check.PIXELS_HIDDEN, "1.dcm")}
    spoil(clean, draw(np.zeros((60, 400))))
    assert failed(clean, answers) == set()
