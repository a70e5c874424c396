"""Any R4 Provenance has a row in either form of the table, and every value of it is in that row."""

import collections
import json

import pytest
from any_provenance import provenances
from hypothesis import HealthCheck, given, settings

from transforms.bigquery.marshal import provenance_row
from transforms.bigquery.schema import Schema

NOW = "2026-03-01T09:30:00.000Z"


def leaves(value, within=""):
    """All values by their types; texts of JSON unfolded; what names an extension and what the table leaves out is none."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, within)
    elif within == "contained":
        yield from leaves(json.loads(value))
    elif within == "unmapped":
        yield from leaves(json.loads(value)["value"])
    elif within not in ("id", "url", "lastUpdated", "resourceType", "versionId") and value is not None:
        yield float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize("schema", Schema)
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(resource=provenances())
def test_every_value_of_any_provenance_is_in_its_row(resource, schema, conforms):
    row = provenance_row(resource, NOW, schema)
    conforms(row, schema)
    assert collections.Counter(leaves(row)) == collections.Counter(leaves(resource))
    assert json.loads(json.dumps(row, allow_nan=False)) == row
