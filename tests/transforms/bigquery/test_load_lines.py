"""What is loaded is read back whole by another library, under the types that Google's own client gives the columns.

BigQuery reads a line of JSON by the names of its columns and takes no name that it does not know. Arrow's reader does the
same here, with the columns as google-cloud-bigquery says them to Arrow.
"""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.json
import pytest
from any_provenance import provenances
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery._pandas_helpers import bq_to_arrow_schema
from hypothesis import HealthCheck, given, settings
from table_rows import comparable

from transforms.bigquery.load import Line
from transforms.bigquery.marshal import provenance_row
from transforms.bigquery.schema import Schema, provenance_columns, provenance_table

NOW = "2026-03-01T09:30:00.125Z"
SAMPLE = json.loads((Path(__file__).parents[2] / "seed_page" / "sample-bundle.json").read_text())


def optional(field):
    """The same column, which may be absent, as one that is repeated may be from a line."""
    kind = field.type
    if pa.types.is_struct(kind):
        kind = pa.struct([optional(child) for child in kind])
    elif pa.types.is_list(kind):
        kind = pa.list_(optional(kind.value_field))
    return pa.field(field.name, kind)


TABLES = {
    schema: pa.schema(list(map(optional, bq_to_arrow_schema([SchemaField.from_api_repr(column) for column in provenance_columns(schema)]))))
    for schema in Schema
}


def read(lines, schema):
    """Lines as rows of the table; a name without a column is an error."""
    options = pyarrow.json.ParseOptions(explicit_schema=TABLES[schema], unexpected_field_behavior="error")
    blocks = pyarrow.json.ReadOptions(block_size=1 << 24)
    return pyarrow.json.read_json(io.BytesIO(b"".join(lines)), parse_options=options, read_options=blocks).to_pylist()


@pytest.mark.parametrize("schema", Schema)
def test_the_pages_bundle_is_loaded_with_every_nested_value(schema):
    resources = [{"id": f"p{number}"} | entry["resource"] for number, entry in enumerate(SAMPLE["entry"])]
    rows = [provenance_row(resource, NOW, schema) for resource in resources]
    for found, row in zip(read([Line.of("", row).content for row in rows], schema), rows, strict=True):
        assert comparable(found, provenance_table(schema)) == comparable(row, provenance_table(schema))


@pytest.mark.parametrize("schema", Schema)
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(resource=provenances())
def test_any_provenance_is_loaded_with_every_nested_value(resource, schema):
    row = provenance_row(resource, NOW, schema)
    (found,) = read([Line.of("", row).content], schema)
    assert comparable(found, provenance_table(schema)) == comparable(row, provenance_table(schema))


@pytest.mark.parametrize("schema", Schema)
def test_a_name_without_a_column_would_be_noticed(schema):
    with pytest.raises(pa.ArrowInvalid, match="unexpected field"):
        read([b'{"id": "p", "entity": [{"no_such_column": 1}]}\n'], schema)
