"""The three questions are answered from the run, and no answer names a patient or a source."""

import pytest

from pipeline.local.answers import Chosen, answers, render
from pipeline.local.sql import query
from pipeline.local.table import build
from transforms.model.errors import ConfigError


@pytest.fixture
def found(tabled):
    """Answers by the first word of their question, rows as dicts."""
    return {answer.question.split()[0]: [dict(zip(answer.columns, row, strict=True)) for row in answer.rows] for answer in answers(tabled)}


def test_what_was_de_identified(found):
    assert found["What"] == [
        {"What": "element 00100010", "Instances": 2, "Findings": 2},
        {"What": "text in pixels", "Instances": 1, "Findings": 2},
        {"What": "element 00081155", "Instances": 1, "Findings": 1},
    ]


def test_how_and_why(found):
    assert found["How"] == [
        {"How": "RESET", "Why": "Matched ID: 00100010 (Basic Z, 2026d)", "Tags": 1, "Instances": 2, "Findings": 2},
        {"How": "box over pixels", "Why": "text, whatever it says", "Tags": 0, "Instances": 1, "Findings": 2},
        {"How": "REGENERATED UID", "Why": "Matched ID: 00081155 (Basic U, 2026d)", "Tags": 1, "Instances": 1, "Findings": 1},
    ]


def test_when_and_how_long(found):
    (operation,) = found["When"]
    assert (operation["Started"].isoformat(), operation["Ended"].isoformat()) == (
        "2026-03-01T09:30:00+00:00",
        "2026-03-01T09:30:04.250000+00:00",
    )
    assert [operation[name] for name in ("Seconds", "Instances", "MeanSeconds", "LongestSeconds")] == [4.25, 3, 1.25, 1.25]


def test_instance_by_instance(found):
    assert [(row["Instance"], row["Elements"], row["Boxes"], row["Seconds"], row["Operation"]) for row in found["Instance"]] == [
        ("2.25.31", 1, 2, 1.25, "operation-op1"),
        ("2.25.32", 2, 0, 1.25, "operation-op1"),
        ("2.25.33", 0, 0, 1.25, "operation-op1"),
    ]


def test_an_operation_that_wrote_nothing_still_says_when_it_started(workspace, spool_operation):
    spool_operation("empty")
    build(workspace)
    by_question = {answer.question: answer.rows for answer in answers(workspace)}
    assert [len(rows) for rows in by_question.values()] == [0, 0, 1, 0, 0]


def test_no_answer_names_a_patient_a_source_or_a_text(tabled, capsys):
    render(answers(tabled), shown=None)
    printed = capsys.readouterr().out
    assert "RESET" in printed
    assert "PatientName (0010,0010)" in printed
    assert [secret for secret in ("Doe", "DOE", "A1B2", "F 42", "1.2.3", "1.2.9", "dicomStores", "/secret") if secret in printed] == []


def test_counts_agree_with_the_table(tabled, found):
    assert sum(row["Findings"] for row in found["What"]) == sum(row["Findings"] for row in found["How"])
    assert query(tabled, "SELECT COUNT(*) FROM p.d.Provenance")[1] == [(len(found["Instance"]) + len(found["When"]),)]


CHOICES = [
    (("--instance", "2.25.31"), ["2.25.31"]),
    (("--instance", "1.2.3.4.2"), ["2.25.32"]),
    (("--operation", "op1"), ["2.25.31", "2.25.32", "2.25.33"]),
    (("--operation", "operation-op1"), ["2.25.31", "2.25.32", "2.25.33"]),
    (("--patient", "Doe^John"), ["2.25.31", "2.25.32"]),
    (("--patient", "A1B2"), ["2.25.31", "2.25.32"]),
]


@pytest.mark.parametrize(("chosen", "instances"), CHOICES)
def test_of_an_instance_an_operation_or_a_patient(tabled, spool_operation, make_instance, chosen, instances):
    spool_operation("op2", [make_instance(4)])
    build(tabled)
    what, how, when, _, each = answers(tabled, Chosen(*chosen))
    assert [row[0] for row in each.rows] == instances
    assert [(row[0], row[4]) for row in when.rows] == [("operation-op1", len(instances))]
    assert sum(row[2] for row in what.rows) == sum(row[4] for row in how.rows)


@pytest.mark.parametrize("option", ["--instance", "--operation", "--patient"])
def test_what_the_table_has_nothing_of_is_said(tabled, option):
    with pytest.raises(ConfigError, match=option) as refusal:
        answers(tabled, Chosen(option, "Roe^Jane"))
    assert "Roe" not in str(refusal.value)
