"""All SQL here is BigQuery's to two parsers that share no code, and both see it read the same tables: sqlglot's and sqlfluff's."""

from pathlib import Path

import pytest
import sqlfluff
import sqlglot
from sqlfluff.core import Linter
from sqlglot import exp
from sqlglot.errors import SqlglotError

from transforms.bigquery import load
from transforms.bigquery.schema import Schema, operations_table, provenance_table
from transforms.bigquery.views import create_views

ROOT = Path(__file__).parents[1]
FILES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in ("queries", "transforms", "pipeline")
    for path in (ROOT / folder).rglob("*.sql")
}
PAGE = {"the page's query": (ROOT / "tests" / "seed_page" / "boxes.sql").read_text()}
VIEWS = create_views("my-project:research.log")
TABLES = {
    "Provenance": provenance_table(),
    "lossless": provenance_table(Schema.LOSSLESS),
    "Operations": operations_table(),
}
LOADS = {
    f"{verb} {name}": sql
    for name, columns in TABLES.items()
    for verb, sql in (
        ("make", f"CREATE TABLE IF NOT EXISTS `p.d.t` ({load._ddl(columns)}){load._PARTITIONS}"),
        ("merge", load._merge("p.d.t", "p.d.t_staging_0", columns)),
    )
}
STATEMENTS = {**FILES, **PAGE, **VIEWS, **LOADS}


def by_sqlglot(sql):
    """The tables that a statement names, apart from those that it defines itself."""
    (statement,) = sqlglot.parse(sql, read="bigquery")
    defined = {cte.alias for cte in statement.find_all(exp.CTE)}
    return {table.parts[-1].name for table in statement.find_all(exp.Table)} - defined


def by_sqlfluff(sql):
    tree = Linter(dialect="bigquery").parse_string(sql).tree
    defined = {next(cte.recursive_crawl("identifier", "naked_identifier")).raw for cte in tree.recursive_crawl("common_table_expression")}
    named = {table.raw.replace("`", "").rpartition(".")[2] for table in tree.recursive_crawl("table_reference")}
    return named - defined


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS)
def test_two_parsers_take_it_and_see_the_same_tables(sql):
    sqlfluff.parse(sql, dialect="bigquery")
    tables = by_sqlglot(sql)
    assert tables
    assert by_sqlfluff(sql) == tables


@pytest.mark.parametrize("sql", ["SELECT a FROM", "SELECT a b c FROM d", "SELECT (a FROM d"])
def test_neither_takes_what_is_no_sql(sql):
    with pytest.raises(sqlfluff.api.simple.APIParsingError):
        sqlfluff.parse(sql, dialect="bigquery")
    with pytest.raises(SqlglotError):
        sqlglot.parse(sql, read="bigquery")


def test_the_pack_is_looked_at():
    assert len(FILES) >= 20
