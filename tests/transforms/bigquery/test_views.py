"""The package's SQL is BigQuery's, reads only what there is, and is catalogued."""

from importlib import resources
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from transforms.bigquery.schema import Schema
from transforms.bigquery.views import QUESTIONS, VIEWS, create_views, questions, sql_text
from transforms.model.errors import ConfigError

QUERIES = Path(__file__).parents[3] / "queries"
FILES = sorted(
    path.name.removesuffix(".sql")
    for path in resources.files("transforms.bigquery").joinpath("data").iterdir()
    if path.name.endswith(".sql")
)


def test_every_file_is_a_view_or_a_question():
    assert sorted([*VIEWS.values(), *QUESTIONS]) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_one_select_over_the_table_or_its_views(name):
    (statement,) = sqlglot.parse(sql_text(name), read="bigquery")
    assert isinstance(statement, exp.Query)
    defined = {cte.alias for cte in statement.find_all(exp.CTE)}
    read = {table.parts[-1].name for table in statement.find_all(exp.Table)} - defined
    assert read
    assert read <= {"Provenance", "Operations", *VIEWS}


def test_the_catalogue_names_every_file_and_view():
    catalogue = (QUERIES / "README.md").read_text()
    assert [name for name in [*(f"`{file}.sql`" for file in FILES), *VIEWS] if name not in catalogue] == []
    assert [path.name for path in QUERIES.glob("*.sql") if f"`{path.name}`" not in catalogue] == []


def test_the_pages_query_is_given_as_the_page_has_it():
    def bare(path):
        return [line for line in path.read_text().splitlines() if not line.startswith("--")]

    assert bare(QUERIES / "boxes.sql") == bare(QUERIES.parent / "tests" / "seed_page" / "boxes.sql")


def test_questions_are_the_pages_three_what_was_released_and_the_instances():
    assert [question.words for question in questions()] == [
        "What was de-identified?",
        "How and why was it de-identified?",
        "When did it occur, and how long did it take?",
        "Which instances had been held, and who released them, when?",
        "Instance by instance: how much was de-identified, when, and how long did it take?",
    ]


def test_views_are_made_beside_their_table():
    views = create_views("my-project:research.deid_log")
    statements = {view: sqlglot.parse_one(statement, read="bigquery") for view, statement in views.items()}
    made = {view: ".".join(part.name for part in statement.this.parts) for view, statement in statements.items()}
    assert made == {view: f"my-project.research.{view}" for view in VIEWS}
    read = {
        view: {".".join(part.name for part in table.parts) for table in statement.expression.find_all(exp.Table) if table.db}
        for view, statement in statements.items()
    }
    assert read.pop("ProvenanceOperations") == {"my-project.research.Operations"}
    assert set().union(*read.values()) == {"my-project.research.deid_log"}


def test_a_lossless_table_has_no_view_that_reads_columns_it_lacks():
    assert list(create_views("my-project:research.deid_log", Schema.LOSSLESS)) == ["ProvenanceOperations"]


def test_views_need_a_table_named_in_full():
    with pytest.raises(ConfigError, match="PROJECT:DATASET"):
        create_views("deid_log")
