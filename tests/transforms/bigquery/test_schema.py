"""The table's columns: those of the page's export and ours, in a form that BigQuery and Beam accept."""

import json
import runpy
from pathlib import Path

import pytest
from apache_beam.io.gcp.bigquery_tools import parse_table_schema_from_json
from google.cloud.bigquery import SchemaField

import transforms.bigquery
from transforms.bigquery.schema import Schema, operations_columns, operations_table, provenance_columns, provenance_table

DATA = Path(transforms.bigquery.__file__).parent / "data"
PAGE = Path(__file__).parents[2] / "seed_page" / "provenance-analytics-v2.schema.json"


def flat(columns, prefix=""):
    for column in columns:
        path = f"{prefix}{column['name']}"
        yield path, (column["type"], column["mode"])
        yield from flat(column.get("fields", []), f"{path}.")


def test_every_column_of_the_pages_export_is_there_with_its_type_and_mode():
    ours, page = dict(flat(provenance_columns())), dict(flat(json.loads(PAGE.read_text())))
    assert {path: ours.get(path) for path in page} == page


def test_the_files_are_what_their_generator_writes():
    written = runpy.run_path(str(DATA / "generate_schema.py"))["files"]()
    assert {path.name: path.read_text() for path in DATA.glob("*.schema.json")} == written


TABLES = {
    "provenance": (provenance_columns(), provenance_table()),
    "lossless": (provenance_columns(Schema.LOSSLESS), provenance_table(Schema.LOSSLESS)),
    "operations": (operations_columns(), operations_table()),
}
tables = pytest.mark.parametrize(("columns", "table"), TABLES.values(), ids=TABLES)


@tables
def test_google_cloud_bigquery_takes_every_column_as_it_is(columns, table):
    made = [SchemaField.from_api_repr(column).to_api_repr() for column in columns]
    assert dict(flat(made)) == dict(flat(columns))


@tables
def test_beam_takes_the_schema(columns, table):
    made = parse_table_schema_from_json(json.dumps({"fields": columns}))
    assert [field.name for field in made.fields] == [field.name for field in table.fields]


def test_a_lossless_table_has_what_the_pages_resources_have_under_their_own_names():
    columns = dict(flat(provenance_columns(Schema.LOSSLESS)))
    inner = "entity.extension.extension.extension"
    expected = (
        "occurredPeriod.start",
        "target.identifier.value",
        f"{inner}.url",
        f"{inner}.valueDecimal",
        f"{inner}.extension.valueString",
    )
    assert [path for path in expected if path not in columns] == []
    assert not {"occurred", "entity.dicom_images"} & columns.keys()


def depth(columns):
    return 1 + max((depth(column.fields) for column in columns), default=-1)


def names_apart(columns):
    names = [column.name.lower() for column in columns]
    return len(names) == len(set(names)) and all(names_apart(column.fields) for column in columns)


@tables
def test_bigquerys_limits_of_nesting_and_columns_and_its_blindness_to_case_are_kept(columns, table):
    assert depth(table.fields) <= 15
    assert len(dict(flat(columns))) <= 10_000
    assert names_apart(table.fields)
