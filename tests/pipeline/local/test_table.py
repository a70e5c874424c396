"""The local table: a row a Provenance id, whatever was spooled twice; built aside, and closed to others."""

import json
import stat

import duckdb
import pytest

from pipeline.local import table
from pipeline.local.sql import query
from pipeline.local.table import build, row_group
from pipeline.lock import alone
from pipeline.tables import Tables
from transforms.bigquery.marshal import provenance_row
from transforms.bigquery.operation import TableTarget
from transforms.bigquery.schema import provenance_table
from transforms.bigquery.views import VIEWS
from transforms.model.errors import PreflightError
from transforms.model.records import Action, TagFinding
from transforms.model.spool import read_all, write_entries
from transforms.provenance.shapes import Shape

ALL = "SELECT * FROM P.D.Provenance ORDER BY id"


def sparse(value):
    """A row without what says nothing, as it was marshalled."""
    if isinstance(value, dict):
        return {name: sparse(item) for name, item in value.items() if item not in (None, []) and sparse(item) != {}}
    return [sparse(item) for item in value] if isinstance(value, list) else value


def test_every_value_of_every_resource_is_in_the_table(tabled):
    columns, rows = query(tabled, ALL)
    assert columns == [field.name for field in provenance_table().fields]
    folder = tabled.operation("op1")
    resources = [json.loads(folder.provenance_file.read_text()), *(entry["provenance"] for entry in read_all(folder.spool))]
    expected = {made["id"]: provenance_row(made, "2026-03-01T09:30:00.000Z") for made in resources}
    found = {row[0]: sparse(dict(zip(columns, row, strict=True))) for row in rows}
    assert {made.pop("lastUpdated").isoformat() for made in found.values()} == {"2026-03-01T09:30:00+00:00"}
    assert found == {name: {key: value for key, value in row.items() if key != "lastUpdated"} for name, row in expected.items()}


def test_what_is_spooled_twice_is_one_row(workspace, spool_operation, made_instances):
    spool_operation("op1", made_instances, made_instances[:1], made_instances[1:])
    assert build(workspace) == {"op1": 4}
    assert query(workspace, "SELECT COUNT(*), COUNT(DISTINCT id) FROM P.D.Provenance")[1] == [(4, 4)]


def test_operations_of_a_workspace_stand_side_by_side(workspace, spool_operation, made_instances):
    spool_operation("op2", made_instances[:2])
    spool_operation("op1", made_instances)
    assert build(workspace) == {"op1": 4, "op2": 3}
    assert query(workspace, "SELECT Operation, COUNT(*) AS n FROM P.D.ProvenanceInstances GROUP BY Operation ORDER BY Operation")[1] == [
        ("operation-op1", 3),
        ("operation-op2", 2),
    ]


def test_building_again_gives_the_same_rows_in_the_same_order(tabled):
    unordered = "SELECT * FROM P.D.Provenance"
    before = query(tabled, unordered)
    build(tabled)
    assert query(tabled, unordered) == before


def test_both_shapes_of_provenance_give_the_same_table(tabled, spool_operation, made_instances):
    before = query(tabled, ALL)
    for shard in tabled.operation("op1").spool.iterdir():
        shard.unlink()
    spool_operation("op1", made_instances, shape=Shape.R4)
    build(tabled)
    assert query(tabled, ALL) == before


def test_a_workspace_without_operations_has_an_empty_table(workspace):
    assert build(workspace) == {}
    assert query(workspace, "SELECT COUNT(*) FROM P.D.ProvenanceBoxes")[1] == [(0,)]


def test_arrays_are_empty_and_never_null(tabled):
    null = "policy IS NULL OR reason IS NULL OR entity[OFFSET(0)].dicom_tags IS NULL OR entity[OFFSET(0)].deidentify_config IS NULL"
    assert query(tabled, f"SELECT COUNT(*), SUM(ARRAY_LENGTH(policy)) FROM P.D.Provenance WHERE NOT ({null})")[1] == [(4, 0)]


def test_only_the_owner_may_read_it_and_nothing_is_left_beside_it(tabled):
    names = {path.name for path in tabled.table_database.parent.iterdir()}
    assert names == {tabled.table_database.name, "operations"}
    assert stat.S_IMODE(tabled.table_database.stat().st_mode) == 0o600


def test_a_reader_of_the_old_table_is_not_disturbed(tabled, spool_operation, made_instances):
    with duckdb.connect(str(tabled.table_database), read_only=True) as reader:
        spool_operation("op2", made_instances)
        assert build(tabled) == {"op1": 4, "op2": 4}
        assert reader.execute("SELECT count(*) FROM Provenance").fetchall() == [(4,)]
    assert query(tabled, "SELECT COUNT(*) FROM P.D.Provenance")[1] == [(8,)]


def test_what_cannot_be_a_row_is_told_and_stops_nothing(tabled):
    folder = tabled.operation("op1")
    bad = {"resourceType": "Provenance", "id": "bad", "recorded": ["DOE"]}
    write_entries(folder.spool, [("0123456789abcdef", {"provenance": bad})])
    assert build(tabled) == {"op1": 4}
    (line,) = folder.refused_rows.read_text().splitlines()
    assert json.loads(line) == {
        "reference": "0123456789abcdef",
        "id": "bad",
        "why": "Provenance.recorded: a value of type STRING is expected",
    }
    assert query(tabled, "SELECT RefusedRows FROM P.D.ProvenanceOperations")[1] == [(None,)]  # no run came to its end here
    for shard in folder.spool.iterdir():
        shard.unlink()
    assert build(tabled) == {"op1": 1}
    assert not folder.refused_rows.exists()


@pytest.mark.parametrize("rows", [0, 1, 20_000, 131_071, 250_000, 10**7])
def test_few_rows_are_gathered_at_a_time_and_many_do_not_make_too_many_groups(rows):
    group = row_group(rows)
    assert group % 2048 == 0  # DuckDB takes no other
    assert 2048 <= group <= 20480
    assert group == 20480 or rows / group <= 64
    assert group == 2048 or group * 32 <= rows


def test_more_rows_than_are_gathered_at_a_time_are_all_there(tabled):
    small = ({"resourceType": "Provenance", "id": f"small-{number}"} for number in range(row_group(0) + 1))
    write_entries(tabled.operation("op1").spool, ((f"{number:016x}", {"provenance": made}) for number, made in enumerate(small, 1000)))
    assert build(tabled) == {"op1": 4 + row_group(0) + 1}
    assert query(tabled, "SELECT COUNT(DISTINCT id) FROM P.D.Provenance WHERE id LIKE 'small-%'")[1] == [(row_group(0) + 1,)]


def test_many_batches_give_the_table_that_one_gives(tabled, monkeypatch):
    before = query(tabled, "SELECT * FROM P.D.Provenance")
    monkeypatch.setattr(table, "BATCH_BYTES", 1)
    assert build(tabled) == {"op1": 4}
    assert query(tabled, "SELECT * FROM P.D.Provenance") == before


def test_views_are_made_where_little_memory_does_not_do(tabled, monkeypatch):
    before = [query(tabled, f"SELECT * FROM P.D.{view}") for view in VIEWS]
    monkeypatch.setattr(table, "LEAST_MEMORY", 1 << 20)
    with pytest.raises(duckdb.OutOfMemoryException), table._opened(tabled.table_database, 2048, table.LEAST_MEMORY) as connection:
        connection.execute("CREATE TABLE more AS SELECT * FROM Provenance")
    build(tabled)
    assert [query(tabled, f"SELECT * FROM P.D.{view}") for view in VIEWS] == before


def test_a_resource_of_the_largest_size_has_its_row(workspace, spool_operation, make_instance):
    tags = [TagFinding(f"{tag:08X}", Action.REMOVED, "Matched ID: 00100010 (Basic Z)", original="x" * 4000) for tag in range(1000)]
    spool_operation("op1", [make_instance(1, tags)])
    assert build(workspace) == {"op1": 2}
    assert query(workspace, "SELECT COUNT(*), SUM(LENGTH(TextOriginal)) FROM P.D.ProvenanceTags")[1] == [(1000, 1000 * 4000)]


def test_a_workspace_without_a_table_has_it_built_for_whoever_asks_first(tabled):
    before = query(tabled, ALL)
    tabled.table_database.unlink()
    with alone(tabled), pytest.raises(PreflightError, match="another run is at work"):
        query(tabled, ALL)
    assert query(tabled, ALL) == before


def test_what_bigquery_refused_of_an_operation_is_not_lost_by_a_build(tabled):
    folder, line = tabled.operation("op1"), b'{"reference": "r", "id": "x", "why": "BigQuery refuses the row (invalid)"}\n'
    Tables(tabled, TableTarget("my-project:research.Provenance")).save(folder)
    folder.refused_rows.write_bytes(line)
    build(tabled)
    assert folder.refused_rows.read_bytes() == line
    Tables(tabled).save(folder)
    build(tabled)
    assert not folder.refused_rows.exists()
