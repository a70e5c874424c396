"""The tables as Parquet and NDJSON: every row and every nested value, read back by another library."""

import datetime as dt
import json
import stat

import pyarrow.parquet
import pytest

from pipeline.local.sql import query
from pipeline.local.table_files import export


def plain(value):
    """As JSON has it: times as the instant they mean, and no difference between what is null and what is not there."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


@pytest.fixture
def rows(tabled):
    columns, found = query(tabled, "SELECT * FROM P.D.Provenance ORDER BY id")
    return [plain(dict(zip(columns, row, strict=True))) for row in found]


def test_parquet_holds_every_row_with_its_nested_values(tabled, rows):
    export(tabled, "parquet")
    found = pyarrow.parquet.read_table(tabled.table_file("Provenance", "parquet")).to_pylist()
    assert [plain(row) for row in sorted(found, key=lambda row: row["id"])] == rows
    assert len(pyarrow.parquet.read_table(tabled.table_file("Operations", "parquet"))) == 1


def test_ndjson_holds_every_row_with_its_nested_values(tabled, rows):
    export(tabled, "ndjson")
    export(tabled, "ndjson")  # in place of the first
    file = tabled.table_file("Provenance", "ndjson")
    found = sorted(map(json.loads, file.read_text().splitlines()), key=lambda row: row["id"])
    for row in found:
        row["lastUpdated"] = dt.datetime.fromisoformat(row["lastUpdated"])
    assert [plain(row) for row in found] == rows
    assert {path.name for path in file.parent.iterdir()} == {"Provenance.ndjson", "Operations.ndjson"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
