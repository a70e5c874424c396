"""What `dicom-deid query`, `answers` and `views` print, on which stream, and the exit code they end with."""

import csv
import io
import json

import pytest
import sqlglot

from pipeline.cli import main
from transforms.bigquery.views import VIEWS

BOXES = "SELECT Quote, Confidence, Boxes, InfoType FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceBoxes` ORDER BY Top"
BELOW = "SELECT Quote FROM p.d.ProvenanceBoxes WHERE Confidence < @below AND Top > @top"


@pytest.fixture
def said(capsys):
    """A function from the words of a command line to its exit code and what it printed on either stream."""

    def run(*words):
        code = main(list(map(str, words)))
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def asked(said, tabled, tmp_path):
    """The same for a query, given as SQL."""

    def ask(sql, *words):
        file = tmp_path / "question.sql"
        file.write_text(sql)
        return said("query", "--workspace", tabled.root, "--sql_file", file, *words)

    return ask


def refused(answer):
    """The one sentence of a command that was refused and printed nothing else."""
    code, output, fault = answer
    assert (code, output, fault.count("\n")) == (2, "", 1)
    assert fault.startswith("dicom-deid: ")
    return fault


def test_an_answer_is_a_table_csv_or_an_object_a_row(asked):
    code, table, _ = asked(BOXES)
    assert code == 0
    assert [word for word in ("Quote", "DOE JOHN", "0.625", "F 42") if word not in table] == []
    code, text, _ = asked(BOXES, "--format", "csv")
    assert code == 0
    assert list(csv.reader(io.StringIO(text))) == [
        ["Quote", "Confidence", "Boxes", "InfoType"],
        ["DOE JOHN", "0.9", "1", ""],
        ["F 42", "0.625", "1", ""],
    ]
    code, lines, _ = asked(BOXES, "--format", "json")
    assert code == 0
    assert list(map(json.loads, lines.splitlines())) == [
        {"Quote": "DOE JOHN", "Confidence": 0.9, "Boxes": 1, "InfoType": None},
        {"Quote": "F 42", "Confidence": 0.625, "Boxes": 1, "InfoType": None},
    ]


def test_arrays_and_times_are_json_in_json_and_in_csv(asked):
    sql = "SELECT lastUpdated, [1, 2] AS numbers, STRUCT(1.5 AS x) AS record FROM p.d.Provenance LIMIT 1"
    (line,) = asked(sql, "--format", "json")[1].splitlines()
    assert json.loads(line) == {"lastUpdated": "2026-03-01T09:30:00+00:00", "numbers": [1, 2], "record": {"x": 1.5}}
    (row,) = csv.DictReader(io.StringIO(asked(sql, "--format", "csv")[1]))
    assert row == {"lastUpdated": "2026-03-01T09:30:00+00:00", "numbers": "[1, 2]", "record": '{"x": 1.5}'}


def test_an_answer_without_rows_still_has_its_columns(asked):
    assert asked("SELECT id FROM p.d.Provenance WHERE FALSE", "--format", "csv") == (0, "id\n", "")
    assert asked("SELECT id FROM p.d.Provenance WHERE FALSE", "--format", "json") == (0, "", "")


def test_parameters_are_given_by_name_and_type(asked):
    answer = asked(BELOW, "--parameter", "below:FLOAT64:0.95", "--parameter", "top:INT64:30", "--format", "csv")
    assert answer == (0, "Quote\nF 42\n", "")


REFUSED = {
    "it is no SELECT": ("DELETE FROM p.d.Provenance WHERE TRUE", (), "one SELECT is answered"),
    "it is no SQL": ("SELECT FROM WHERE", (), "not BigQuery SQL"),
    "it has two": ("SELECT 1; SELECT 2", (), "one SELECT is answered"),
    "it is empty": ("-- nothing", (), "one SELECT is answered"),
    "a function is not known": ("SELECT FARM_FINGERPRINT(id) FROM p.d.Provenance", (), "FARM_FINGERPRINT"),
    "a table is not there": ("SELECT * FROM p.d.Patient", (), "no such table"),
    "a parameter is missing": (BELOW, ("--parameter", "below:FLOAT64:1"), "not given (top)"),
    "a parameter is too many": ("SELECT 1", ("--parameter", "below:FLOAT64:1"), "does not name (below)"),
    "a parameter has no such type": (BELOW, ("--parameter", "below:NUMERIC:1"), "STRING, INT64"),
    "a parameter has another value": (BELOW, ("--parameter", "below:FLOAT64:low"), "no FLOAT64"),
}


@pytest.mark.parametrize(("sql", "words", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_query_is_refused_in_one_sentence_where(asked, sql, words, sentence):
    assert sentence in refused(asked(sql, *words))


def test_a_query_says_which_file_or_table_it_lacks(said, tabled, tmp_path):
    assert "--sql_file" in refused(said("query", "--workspace", tabled.root, "--sql_file", tmp_path / "none.sql"))
    for verb in (("answers",), ("query", "--sql_file", __file__)):
        assert "there is no such folder" in refused(said(verb[0], "--workspace", tmp_path / "none", *verb[1:]))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "lock").touch()
    assert "run a de-identification" in refused(said("answers", "--workspace", tmp_path / "empty"))


def test_answers_are_the_three_questions_and_the_instances(said, tabled):
    code, output, _ = said("answers", "--workspace", tabled.root)
    assert code == 0
    words = ("What was", "How and why was", "When did", "Instance by instance", "PatientName (0010,0010)", "text in pixels", "2.25.33")
    assert [word for word in words if word not in output] == []


@pytest.mark.parametrize(
    ("option", "value", "others"),
    [("--instance", "1.2.3.4.2", ["2.25.31", "2.25.33"]), ("--patient", "Doe^John", ["2.25.33"]), ("--operation", "op1", ["2.25.34"])],
)
def test_answers_of_a_part_tell_of_nothing_else(said, tabled, option, value, others):
    code, output, _ = said("answers", "--workspace", tabled.root, option, value)
    assert code == 0
    assert "2.25.32" in output
    assert [other for other in others if other in output] == []
    sentence = refused(said("answers", "--workspace", tabled.root, option, "Roe^Jane"))
    assert option in sentence
    assert "Roe" not in sentence


def test_answers_are_of_one_part_only(tabled, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["answers", "--workspace", tabled.root, "--instance", "1", "--patient", "2"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_views_are_printed_without_a_server(said):
    code, output, _ = said("views", "--bigquery_table", "my-project:research.Log", "--print")
    statements = sqlglot.parse(output, read="bigquery")
    assert code == 0
    assert [statement.this.name for statement in statements] == list(VIEWS)
    assert {statement.kind for statement in statements} == {"VIEW"}
    lossless = said("views", "--bigquery_table", "my-project:research.Log", "--bigquery_schema", "lossless", "--print")[1]
    assert lossless.count("CREATE OR REPLACE VIEW") == 1


def test_views_need_a_table_in_full_and_a_url(said):
    assert "PROJECT:DATASET.TABLE" in refused(said("views", "--bigquery_table", "Log", "--print"))
    words = ("views", "--bigquery_table", "my-project:research.Log", "--bigquery_endpoint", "localhost:1")
    assert "--bigquery_endpoint" in refused(said(*words))
