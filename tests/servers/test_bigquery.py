"""Rows, views and questions in BigQuery: its emulator, whose SQL is GoogleSQL's own, or a project of Google Cloud (scripts/cloud-check)."""

import datetime as dt
import json
import re

import bigquery_rows
import bigquery_server
import pytest
from html_tables import Tables
from table_rows import comparable

from pipeline.local import sql, table
from pipeline.operation_row import operation_row
from pipeline.report.page import report
from pipeline.tables import Tables as RunTables
from transforms.bigquery import load, marshal
from transforms.bigquery.operation import TableTarget, load_operation
from transforms.bigquery.schema import Schema, operations_table, provenance_table
from transforms.bigquery.views import VIEWS, questions
from transforms.model import spool

pytestmark = pytest.mark.servers("bigquery")
FROM = "FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance`"
COUNT = f"SELECT COUNT(*), COUNT(DISTINCT id) {FROM}"
UNQUOTED_TIME = re.compile(r":(\d{4}-\d\d-\d\dT[0-9:.]+Z)")
"""As the emulator writes a time into JSON."""


def now():
    return dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with bigquery_server.place(tmp_path_factory.mktemp("bigquery")) as found:
        yield found


@pytest.fixture
def dataset(server):
    with bigquery_server.dataset(*server) as made:
        yield made


@pytest.fixture
def target(dataset):
    return TableTarget(f"{dataset.full}.Provenance", endpoint=dataset.endpoint)


@pytest.fixture
def told(google, workspace):
    """A workspace that holds a real operation: its folder, and its instances in two shards."""
    folder = workspace.operation("op1")
    folder.spool.mkdir(parents=True)
    folder.provenance_file.write_text(json.dumps(google.operation))
    names = {spool.write_entries(folder.spool, [(f"{n:016x}", {"provenance": made})])[0].name for n, made in enumerate(google.resources)}
    return folder, names


def broken_off(*_):
    raise KeyboardInterrupt


def test_rows_go_in_once_whatever_is_repeated_and_wherever_a_try_breaks_off(dataset, target, told, monkeypatch):
    folder, names = told
    monkeypatch.setattr(load, "_merge", broken_off)  # after the rows are in the staging table
    with pytest.raises(KeyboardInterrupt):
        load_operation(target, folder, names, now)
    monkeypatch.undo()
    assert not folder.loaded_file.exists()
    for _ in range(2):
        load_operation(target, folder, names, now)
        assert dataset.ask(COUNT) == [(3, 3)]
        assert dataset.ask("SELECT COUNT(*) FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceOperations`") == [(0,)]  # it comes at the end
        folder.loaded_file.unlink()  # as if the run had ended between the load and its mark


@pytest.mark.parametrize("schema", Schema)
def test_every_nested_value_comes_through_load_job_and_merge_under_its_name(dataset, told, google, schema):
    folder, names = told
    load_operation(TableTarget(f"{dataset.full}.Provenance", schema, dataset.endpoint), folder, names, now)
    answer = dataset.ask(f"SELECT TO_JSON_STRING(p) {FROM} AS p ORDER BY id")
    found = [comparable(json.loads(UNQUOTED_TIME.sub(r':"\1"', text)), provenance_table(schema)) for (text,) in answer]
    started = google.operation["occurredDateTime"]
    rows = [marshal.provenance_row(resource, started, schema) for resource in (google.operation, *google.resources)]
    assert found == sorted((comparable(row, provenance_table(schema)) for row in rows), key=lambda row: row["id"])


def test_what_bigquery_refuses_is_told_row_by_row(dataset):
    refused = []
    loader = TableTarget(f"{dataset.full}.Provenance", Schema.LOSSLESS, dataset.endpoint).loader(now)
    rows = [{"id": f"p{number}", "lastUpdated": "2026-03-01T09:30:00Z" if number != 2 else "no time"} for number in range(4)]
    loader.load("op1", [load.Line.of("r", row) for row in rows], lambda line, why: refused.append((line.id, why)))
    assert dataset.ask(f"SELECT id {FROM} ORDER BY id") == [("p0",), ("p1",), ("p3",)]
    assert [name for name, _ in refused] == ["p2"]


@pytest.fixture
def both(dataset, target, told, workspace, google):
    """A function that asks the local table and BigQuery, of which both hold the same run, and gives both answers."""
    folder, names = told
    assert table.build(workspace) == {"op1": 3}
    if dataset.is_google:
        load_operation(target, folder, names, now)
        target.loader(now).load_operation(operation_row(folder))
    else:
        rows = [
            marshal.provenance_row(resource, google.operation["occurredDateTime"]) for resource in (google.operation, *google.resources)
        ]
        loader = target.loader(now)
        loader.load("op1", [], broken_off)  # makes the table
        loader.make_views()
        dataset.ask(bigquery_rows.insert(f"{dataset.name}.Provenance", rows, provenance_table()))
        dataset.ask(bigquery_rows.insert(f"{dataset.name}.Operations", [operation_row(folder)], operations_table()))
    return lambda text: (sql.query(workspace, text)[1], dataset.ask(text))


def test_the_views_and_questions_are_answered_as_on_a_laptop(both):
    for text in [f"SELECT * FROM `PROJECT_ID.BIGQUERY_DATASET.{view}`" for view in VIEWS] + [asked.sql for asked in questions()]:
        here, there = both(text)
        assert sorted(map(repr, map(alike, there))) == sorted(map(repr, map(alike, here))), text


def test_an_operations_rows_are_counted(both, target, google):
    counted = target.loader(now).count
    started, operation = google.operation["occurredDateTime"], google.operation["id"]
    assert counted(started, operation) == 3
    assert counted(started, "operation-other") == 0
    assert counted("2020-01-01T00:00:00Z", operation) == 0
    target.loader(now).forget("2020-01-01T00:00:00Z", operation)
    assert counted(started, operation) == 3
    target.loader(now).forget(started, operation)
    assert counted(started, operation) == 0
    assert both("SELECT COUNT(*) FROM `PROJECT_ID.BIGQUERY_DATASET.Operations`")[1] == [(0,)]


def test_what_an_operation_wrote_is_told_as_on_a_laptop(both, target, told, google, workspace):
    folder, _ = told
    written = {resource["id"] for resource in google.resources}
    assert RunTables(workspace, target).written(folder, now) == RunTables(workspace).written(folder, now) == written
    started, operation = google.operation["occurredDateTime"], google.operation["id"]
    assert target.loader(now).written(started, operation, "projects/elsewhere/dicomStores/d") == set()


def test_a_whole_run_loads_its_rows_and_still_has_its_report(dataset, deidentify, tmp_path):
    """The emulator cannot count rows by a nested value that was loaded, so there, and only there, the run does not reconcile."""
    options = ("--bigquery_table", f"{dataset.full}.Provenance", *(() if dataset.is_google else ("--bigquery_endpoint", dataset.endpoint)))
    done = deidentify(*options)
    assert done.code == (0 if dataset.is_google else 3), done.output
    assert dataset.ask(COUNT) == [(3, 3)]
    ((state, written),) = dataset.ask("SELECT State, Written FROM `PROJECT_ID.BIGQUERY_DATASET.ProvenanceOperations`")
    assert (state, written) == ("DONE", 2)
    assert not done.workspace.table_database.exists()
    report(done.workspace, str(tmp_path / "report.html"))
    assert len(Tables((tmp_path / "report.html").read_text()).rows["instances"]) == 1 + 2


def test_what_a_run_into_bigquery_makes_old_is_built_anew(dataset, target, told, workspace, google):
    folder, _ = told
    table.build(workspace)
    RunTables(workspace, target).update(folder, now)
    assert dataset.ask("SELECT id, state FROM `PROJECT_ID.BIGQUERY_DATASET.Operations`") == [(google.operation["id"], "RUNNING")]
    assert not workspace.table_database.exists()
    assert sql.query(workspace, "SELECT COUNT(*) FROM p.d.Provenance")[1] == [(3,)]


def alike(row):
    """A row in which equal numbers and times look the same."""
    return [
        cell.astimezone(dt.UTC) if isinstance(cell, dt.datetime) else float(cell) if isinstance(cell, int | float) else cell for cell in row
    ]
