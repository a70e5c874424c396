"""Every question of queries/ is answered over a table whose answer is known."""

import json
from pathlib import Path

import pytest

from pipeline.local.sql import query
from pipeline.local.table import build
from transforms.model.records import Action, BoxFinding, TagFinding

QUERIES = Path(__file__).parents[3] / "queries"
NAMED = BoxFinding(0, 1, 1, 9, 9, "DOE", 0.3, info_type="PERSON_NAME")


@pytest.fixture
def ask(tabled):
    """A function from the name of a question and its parameters to rows as dicts."""

    def answer(name, **parameters):
        columns, rows = query(tabled, (QUERIES / f"{name}.sql").read_text(), parameters=parameters)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    return answer


def test_every_question_has_its_test_here():
    asked = Path(__file__).read_text()
    others = {"boxes", "elements"}  # test_sql.py
    assert [path.stem for path in QUERIES.glob("*.sql") if path.stem not in others and f'ask("{path.stem}"' not in asked] == []


def test_most_redacted_tags(ask):
    assert ask("most_redacted_tags") == [
        {"Tag": "00100010", "Action": "RESET", "Instances": 2, "Findings": 2},
        {"Tag": "00081155", "Action": "REGENERATED UID", "Instances": 1, "Findings": 1},
    ]


def test_low_confidence_boxes(ask):
    (row,) = ask("low_confidence_boxes", below=0.7)
    assert {name: row[name] for name in ("Instance", "Doubtful", "Unread", "Lowest")} == {
        "Instance": "2.25.31",
        "Doubtful": 1,
        "Unread": 0,
        "Lowest": 0.625,
    }
    assert ask("low_confidence_boxes", below=0.5) == []


@pytest.mark.parametrize("uid", ["1.2.3.4.1", "2.25.31"])
def test_boxes_of_instance(ask, uid):
    names = ("Frame", "Left", "Top", "Right", "Bottom", "Confidence", "InfoType", "Boxes")
    assert [tuple(row[name] for name in names) for row in ask("boxes_of_instance", uid=uid)] == [
        (0, 10.0, 20.0, 110.0, 40.0, 0.9, None, 1),
        (0, 10.0, 50.0, 90.0, 70.0, 0.63, None, 1),
    ]
    assert ask("boxes_of_instance", uid="2.25.3") == []


def test_text_by_infotype(ask, tabled, spool_operation, make_instance):
    found = TagFinding("00102000", Action.CLEANED, "Matched VR: LO", original="Doe", info_type="PERSON_NAME")
    spool_operation("op2", [make_instance(4, [found, found], [NAMED])])
    build(tabled)
    assert [tuple(row.values()) for row in ask("text_by_infotype")] == [
        ("elements", "PERSON_NAME", 1, 2),
        ("pixels", "not told apart", 1, 2),
        ("pixels", "PERSON_NAME", 1, 1),
    ]


def test_throughput_by_hour(ask):
    (row,) = ask("throughput_by_hour")
    assert row.pop("Hour").isoformat() == "2026-03-01T09:00:00+00:00"
    assert row == {"Operation": "operation-op1", "Instances": 3, "Boxes": 2, "MeanSeconds": 1.25, "LongestSeconds": 1.25}


def test_changes_between_operations(ask, tabled, spool_operation, made_instances):
    spool_operation("op2", made_instances[:1])
    build(tabled)
    rows = ask("changes_between_operations", before="operation-op1", after="operation-op2")
    assert [(row["Tag"], row["Before"], row["After"]) for row in rows] == [("00081155", 1, 0), ("00100010", 2, 1)]
    assert ask("changes_between_operations", before="operation-op1", after="operation-op1") == []


def test_instances_without_provenance(ask, tabled, made_instances):
    folder = tabled.operation("op1")
    counts = {"listed": 4, "done": 0, "new": 4, "held": 0, "failed": 0, "skipped": 0, "proven": 3, "answered": 2, "dead": 1}
    folder.counts_file.write_text(json.dumps(counts))
    build(tabled)
    assert ask("instances_without_provenance") == [
        {"Operation": "operation-op1", "Written": 4, "WithoutRow": 1, "RefusedByStore": 1, "RefusedByTable": 0}
    ]
