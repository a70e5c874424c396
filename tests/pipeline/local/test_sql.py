"""BigQuery SQL over the local table: the same answers as BigQuery would give, or a refusal in one sentence."""

import csv
import io
import json
from pathlib import Path

import pytest

from pipeline.local.sql import parameter, query, render, write_csv
from transforms.model.errors import ConfigError

SEED = Path(__file__).parents[2] / "seed_page"
TABLE = "`a-project.a_dataset.Provenance`"
BOXES = "`a-project.a_dataset.ProvenanceBoxes`"


@pytest.fixture
def ask(tabled):
    """A function from SQL to its rows."""
    return lambda sql: query(tabled, sql)[1]


def test_the_pages_query_answers_as_written(tabled):
    columns, rows = query(tabled, (SEED / "boxes.sql").read_text())
    assert columns == ["Source", "Destination", "Left", "Right", "Top", "Bottom", "Quote", "InfoType", "Confidence"]
    boxes = [dict(zip(columns, row, strict=True)) for row in rows]
    assert len(boxes) == 2
    assert {box["Source"].rpartition("/dicomWeb/")[2] for box in boxes} == {"studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1"}
    assert {box["Destination"].rpartition("/dicomWeb/")[2] for box in boxes} == {"studies/2.25.1/series/2.25.2/instances/2.25.31"}
    assert [[box[edge][0]["value"]["decimal"] for edge in ("Left", "Right", "Top", "Bottom")] for box in boxes] == [
        [10.0, 110.0, 20.0, 40.0],
        [10.0, 90.0, 50.0, 70.0],
    ]
    assert [box["Quote"] for box in boxes] == [[{"value": {"string": "DOE JOHN"}}], [{"value": {"string": "F 42"}}]]
    assert [box["Confidence"][0]["value"]["decimal"] for box in boxes] == [0.9, 0.625]
    assert [box["InfoType"] for box in boxes] == [[], []]


@pytest.mark.parametrize(
    "table", ["`PROJECT_ID.BIGQUERY_DATASET.Provenance`", "other.provenance", "Provenance", "`p`.`d`.`Provenance`", "`d.c:p.d.Provenance`"]
)
def test_whatever_project_and_dataset_is_named_the_table_is_the_local_one(ask, table):
    assert ask(f"SELECT COUNT(*) FROM {table}") == [(4,)]


def test_the_views_give_plain_columns(ask):
    assert ask(f"SELECT Frame, `Left`, `Right`, Top, Bottom, RelativeLeft, RelativeBottom, Quote, Boxes FROM {BOXES} ORDER BY Top") == [
        (0, 10.0, 110.0, 20.0, 40.0, 0.015625, 0.083333, "DOE JOHN", 1),
        (0, 10.0, 90.0, 50.0, 70.0, 0.015625, 0.145833, "F 42", 1),
    ]
    assert ask("SELECT Tag, Path, Action, TextOriginal, TextReplaced FROM x.y.ProvenanceTags ORDER BY Tag, ProvenanceId LIMIT 1") == [
        ("00081155", "00081140[0]", "REGENERATED UID", "1.2.9", "2.25.9")
    ]
    assert ask("SELECT DestinationInstance, Elements, Boxes, Seconds FROM x.y.ProvenanceInstances ORDER BY Started") == [
        ("2.25.31", 1, 2, 1.25),
        ("2.25.32", 2, 0, 1.25),
        ("2.25.33", 0, 0, 1.25),
    ]


TAGS = f"{TABLE} AS p, UNNEST(p.entity) AS e, UNNEST(e.dicom_tags) AS d"
ANSWERS = {
    "fields of an un-aliased UNNEST are columns": (
        f"SELECT t.value.string FROM {TABLE}, UNNEST(entity), UNNEST(dicom_tags), UNNEST(tag_id) AS t ORDER BY 1",
        [("00081155",), ("00100010",), ("00100010",)],
    ),
    "offsets count from 0": (
        f"SELECT n, t.value.string FROM {TAGS}, UNNEST(d.tag_id) AS t WITH OFFSET AS n ORDER BY n, 2",
        [(0, "00100010"), (0, "00100010"), (1, "00081155")],
    ),
    "an offset without a name is called offset": (f"SELECT MAX(offset) FROM {TAGS}, UNNEST(d.tag_id) WITH OFFSET", [(1,)]),
    "an array position counts from 0, given as a number or found": (
        f"SELECT d.tag_id[OFFSET(0)].value.string, d.tag_id[SAFE_OFFSET(ARRAY_LENGTH(d.tag_id) - 1)].value.string, "
        "d.tag_id[ORDINAL(1)].value.string, d.tag_id[SAFE_OFFSET(9)].value.string "
        f"FROM {TAGS} ORDER BY ARRAY_LENGTH(d.tag_id) DESC LIMIT 1",
        [("00100010", "00081155", "00100010", None)],
    ),
    "a comma join drops rows without elements, a left join keeps them": (
        f"SELECT COUNT(*), COUNT(d) FROM {TABLE} AS p LEFT JOIN UNNEST(p.entity) AS e LEFT JOIN UNNEST(e.dicom_tags) AS d",
        [(4, 2)],
    ),
    "a left join of an array of which all are empty keeps all rows": (
        f"SELECT COUNT(*) FROM {TABLE} LEFT JOIN UNNEST(policy) AS p",
        [(4,)],
    ),
    "a join of an array by its path": (f"SELECT COUNT(*) FROM {TABLE} AS p, p.entity AS e WHERE e.role = 'source'", [(4,)]),
    "an array in a subquery": (
        f"SELECT (SELECT COUNT(*) FROM UNNEST(entity), UNNEST(dicom_images), UNNEST(frame_index)) AS n FROM {TABLE} ORDER BY n DESC",
        [(2,), (0,), (0,), (0,)],
    ),
    "an array in EXISTS": (f"SELECT COUNT(*) FROM {TABLE} WHERE EXISTS(SELECT 1 FROM UNNEST(entity) WHERE role = 'source')", [(4,)]),
    "a value among an array's": (f"SELECT COUNT(*) FROM {TABLE} WHERE 'x' IN UNNEST(policy)", [(0,)]),
    "an array of a subquery": (f"SELECT ARRAY(SELECT role FROM UNNEST(entity)) FROM {TABLE} LIMIT 1", [(["source"],)]),
    "a name that the query itself defines": (f"WITH Found AS (SELECT id FROM {TABLE}) SELECT COUNT(*) FROM found", [(4,)]),
    "the table's own name as its alias": (f"SELECT COUNT(Provenance.id) FROM {TABLE}", [(4,)]),
    "times are UTC": (
        "SELECT DISTINCT FORMAT_TIMESTAMP('%F %H:%M', lastUpdated), "
        f"EXTRACT(HOUR FROM TIMESTAMP('2026-03-01T09:30:00-04:00')) FROM {TABLE}",
        [("2026-03-01 09:30", 13)],
    ),
    "division gives fractions": ("SELECT 1 / 4", [(0.25,)]),
}


@pytest.mark.parametrize(("sql", "rows"), ANSWERS.values(), ids=ANSWERS)
def test_it_answers_as_bigquery_does(ask, sql, rows):
    assert ask(sql) == rows


REFUSED = {
    "SELECT (": "not BigQuery SQL",
    "SELECT 1; SELECT 2": "one SELECT",
    "": "one SELECT",
    "DROP TABLE Provenance": "one SELECT",
    f"CREATE TABLE x AS SELECT * FROM {TABLE}": "one SELECT",
    "SELECT * FROM p.d.Patient": "no such table",
    "SELECT * FROM p.INFORMATION_SCHEMA.TABLES": "no such table",
    "SELECT * FROM read_csv('/etc/hostname')": "READ_CSV",
    f"SELECT no_column FROM {TABLE}": "no_column",
    f"SELECT CAST(Quote AS FLOAT64) FROM {BOXES}": "ConversionException",
    f"SELECT CAST(Quote AS INT64) FROM {BOXES}": "does not fit",
    f"SELECT target[OFFSET(7)] FROM {TABLE}": "failed",
    "SELECT 1 / 0": "failed",
    "SELECT @name": r"not given \(name\)",
    f"SELECT id FROM {TABLE} AS p WHERE p.lastUpdated = 'Doe^John'": "failed",
}


@pytest.mark.parametrize(("sql", "sentence"), REFUSED.items())
def test_what_it_cannot_answer_it_refuses_without_a_value(ask, sql, sentence):
    with pytest.raises(ConfigError, match=sentence) as refusal:
        ask(sql)
    assert "\n" not in str(refusal.value)
    assert "john" not in str(refusal.value).lower()


def test_a_query_reads_no_file_of_the_machine(tabled, tmp_path):
    (tmp_path / "secret.csv").write_text("secret\n")
    with pytest.raises(ConfigError):
        query(tabled, f"SELECT * FROM `{tmp_path / 'secret.csv'}`")


def test_without_a_table_it_says_what_to_do(workspace):
    with pytest.raises(ConfigError, match="run a de-identification"):
        query(workspace, f"SELECT 1 FROM {TABLE}")


def test_parameters_stand_for_their_values(tabled):
    given = dict(map(parameter, ["below:FLOAT64:0.7", "quote::F 42", "from:TIMESTAMP:2026-03-01T00:00:00Z"]))
    sql = f"SELECT Quote FROM {BOXES} WHERE Confidence < @below AND Quote = @quote AND @from < TIMESTAMP('2026-03-02')"
    assert query(tabled, sql, parameters=given)[1] == [("F 42",)]


@pytest.mark.parametrize("text", ["below", "below:0.5", "below:TEXT:x", "below:INT64:x", "a b:INT64:1", "t:DATE:1", "b:BOOL:maybe"])
def test_a_parameter_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="--parameter"):
        parameter(text)


def test_an_answer_is_csv_that_a_reader_reads_back(tabled):
    columns, rows = query(tabled, f"SELECT Quote, Confidence, InfoType FROM {BOXES} ORDER BY Quote")
    file = io.StringIO()
    write_csv([*columns, "x"], [(*row, [{"a": 'comma, "quote"\nline'}]) for row in rows], file)
    read = list(csv.reader(io.StringIO(file.getvalue())))
    assert read[0] == ["Quote", "Confidence", "InfoType", "x"]
    assert read[1][:3] == ["DOE JOHN", "0.9", ""]
    assert json.loads(read[1][3]) == [{"a": 'comma, "quote"\nline'}]


def test_an_answer_is_printed_with_what_is_left_out(capsys):
    render(["Tag", "Box", "n"], [("[0010]", [{"left": 1}], 1.5), (None, {}, 2), ("b", [], 3)], shown=2)
    printed = capsys.readouterr().out
    assert "[0010]" in printed
    assert '[{"left": 1}]' in printed
    assert "… and 1 more" in printed
