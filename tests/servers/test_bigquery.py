"""Rows, views and questions in BigQuery's emulator, whose SQL is parsed and analyzed by GoogleSQL itself."""

import datetime as dt
import json

import bigquery_server
import pytest

from transforms.bigquery import load
from transforms.bigquery.client import bigquery_client
from transforms.bigquery.operation import TableTarget, load_operation
from transforms.bigquery.schema import Schema
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
        job = client.query(text.replace("PROJECT_ID.BIGQUERY_DATASET", f"{bigquery_server.PROJECT}.{bigquery_server.DATASET}"))
        return [tuple(row.values()) for row in job.result()]

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
