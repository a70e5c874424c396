"""Rows, views and questions in BigQuery's emulator, whose SQL is parsed and analyzed by GoogleSQL itself."""

import datetime as dt
import json

import bigquery_rows
import bigquery_server
import pytest

from pipeline.local import sql, table
from pipeline.operation_row import operation_row
from transforms.bigquery import load, marshal
from transforms.bigquery.client import bigquery_client
from transforms.bigquery.operation import TableTarget, load_operation
from transforms.bigquery.schema import Schema, operations_table, provenance_table
from transforms.bigquery.views import VIEWS, questions
from transforms.model import spool

pytestmark = pytest.mark.servers("bigquery")
NAME = f"{bigquery_server.PROJECT}:{bigquery_server.DATASET}"


def now():
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def emulator(tmp_path):
    server = bigquery_server.Emulator(tmp_path)
    yield server.url
    server.stop()


@pytest.fixture
def ask(emulator):
    client = bigquery_client(bigquery_server.PROJECT, emulator)

    def answer(text):
        named = text.replace("PROJECT_ID.BIGQUERY_DATASET", f"{bigquery_server.PROJECT}.{bigquery_server.DATASET}")
        job = client.query(named, retry=None, job_retry=None)  # the client would try a failed job for ten minutes
        return [tuple(row.values()) for row in job.result(retry=None)]

    return answer


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


def test_rows_go_in_once_whatever_is_repeated_and_wherever_a_try_breaks_off(emulator, ask, told, monkeypatch):
    folder, names = told
    target = TableTarget(f"{NAME}.Provenance", endpoint=emulator)
    monkeypatch.setattr(load, "_merge", broken_off)  # after the rows are in the staging table
    with pytest.raises(KeyboardInterrupt):
        load_operation(target, folder, names, now)
    monkeypatch.undo()
    assert not folder.loaded_file.exists()
    for _ in range(2):
        load_operation(target, folder, names, now)
        assert ask("SELECT COUNT(*), COUNT(DISTINCT id) FROM research.Provenance") == [(3, 3)]
        assert ask("SELECT COUNT(*) FROM research.ProvenanceOperations") == [(0,)]  # its row comes when the operation ends
        folder.loaded_file.unlink()  # as if the run had ended between the load and its mark


def test_what_bigquery_refuses_is_told_row_by_row(emulator, ask):
    refused = []
    loader = TableTarget(f"{NAME}.Provenance", Schema.LOSSLESS, emulator).loader(now)
    rows = [{"id": f"p{number}", "lastUpdated": "2026-03-01T09:30:00Z" if number != 2 else "no time"} for number in range(4)]
    loader.load("op1", [load.Line.of("r", row) for row in rows], lambda line, why: refused.append((line.id, why)))
    assert ask("SELECT id FROM research.Provenance ORDER BY id") == [("p0",), ("p1",), ("p3",)]
    assert [name for name, _ in refused] == ["p2"]


@pytest.fixture
def both(emulator, ask, workspace, google):
    """A function that asks the local table and the emulator, of which both hold the same run, and gives both answers."""
    folder = workspace.operation("op1")
    folder.spool.mkdir(parents=True)
    folder.provenance_file.write_text(json.dumps(google.operation))
    spool.write_entries(folder.spool, [(f"{n:016x}", {"provenance": made}) for n, made in enumerate(google.resources)])
    assert table.build(workspace) == {"op1": 3}
    rows = [marshal.provenance_row(resource, google.operation["occurredDateTime"]) for resource in (google.operation, *google.resources)]
    loader = TableTarget(f"{NAME}.Provenance", endpoint=emulator).loader(now)
    loader.load("op1", [], broken_off)  # makes the table
    loader.make_views()
    ask(bigquery_rows.insert("research.Provenance", rows, provenance_table()))
    ask(bigquery_rows.insert("research.Operations", [operation_row(folder)], operations_table()))
    return lambda text: (sql.query(workspace, text)[1], ask(text))


@pytest.fixture
def counted(emulator):
    return TableTarget(f"{NAME}.Provenance", endpoint=emulator).loader(now).count


def test_the_views_and_questions_are_answered_as_on_a_laptop(both):
    for text in [f"SELECT * FROM `PROJECT_ID.BIGQUERY_DATASET.{view}`" for view in VIEWS] + [asked.sql for asked in questions()]:
        here, there = both(text)
        assert sorted(map(repr, map(alike, there))) == sorted(map(repr, map(alike, here))), text


def test_an_operations_rows_are_counted(both, counted, google):
    started, operation = google.operation["occurredDateTime"], google.operation["id"]
    assert counted(started, operation) == 3
    assert counted(started, "operation-other") == 0
    assert counted("2020-01-01T00:00:00Z", operation) == 0


def alike(row):
    """A row in which equal numbers and times look the same."""
    return [
        cell.astimezone(dt.UTC) if isinstance(cell, dt.datetime) else float(cell) if isinstance(cell, int | float) else cell for cell in row
    ]
