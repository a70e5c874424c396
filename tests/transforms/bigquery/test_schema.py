"""The table's columns: those of the page's export and ours, in a form that BigQuery and Beam accept."""

import json
import runpy
from pathlib import Path

import pytest
from apache_beam.io.gcp.bigquery_tools import parse_table_schema_from_json
from google.cloud.bigquery import SchemaField

import transforms.bigquery
from transforms.bigquery.schema import load_parameters, provenance_table, table_schema

DATA = Path(transforms.bigquery.__file__).parent / "data"
PAGE = Path(__file__).parents[2] / "seed_page" / "provenance-analytics-v2.schema.json"


def flat(columns, prefix=""):
    for column in columns:
        path = f"{prefix}{column['name']}"
        yield path, (column["type"], column["mode"])
        yield from flat(column.get("fields", []), f"{path}.")


def test_every_column_of_the_pages_export_is_there_with_its_type_and_mode():
    ours, page = dict(flat(table_schema()["fields"])), dict(flat(json.loads(PAGE.read_text())))
    assert {path: ours.get(path) for path in page} == page


def test_the_file_is_what_its_generator_writes():
    assert (DATA / "provenance.schema.json").read_text() == runpy.run_path(str(DATA / "generate_schema.py"))["text"]()


def test_google_cloud_bigquery_takes_every_column_as_it_is():
    columns = table_schema()["fields"]
    made = [SchemaField.from_api_repr(column).to_api_repr() for column in columns]
    assert dict(flat(made)) == dict(flat(columns))


def test_beam_takes_the_schema():
    assert [field.name for field in parse_table_schema_from_json(json.dumps(table_schema())).fields] == [
        field.name for field in provenance_table().fields
    ]


def depth(columns):
    return 1 + max((depth(column.fields) for column in columns), default=-1)


def names_apart(columns):
    names = [column.name.lower() for column in columns]
    return len(names) == len(set(names)) and all(names_apart(column.fields) for column in columns)


def test_bigquerys_limits_of_nesting_and_its_blindness_to_case_are_kept():
    assert depth(provenance_table().fields) <= 15
    assert names_apart(provenance_table().fields)


@pytest.mark.parametrize("path", ["timePartitioning.field", "clustering.fields"])
def test_partitions_and_clusters_are_columns_of_the_top(path):
    part, _, key = path.partition(".")
    named = load_parameters()[part][key]
    assert set([named] if isinstance(named, str) else named) <= {field.name for field in provenance_table().fields if not field.fields}
