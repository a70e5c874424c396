"""What reaches the FHIR store, counted on its way there, and what becomes of it when the store will not have it."""

import contextlib
import datetime as dt
import json
import shutil
import sqlite3

from transforms.model.workspace import Workspace

TOKEN = "swordfish-0123456789"


def folder(finished):
    return Workspace(str(finished.workspace)).operation(finished.operation["name"].rpartition("/")[2])


def letters(finished):
    return [json.loads(line) for file in folder(finished).dead_letters.glob("*.ndjson") for line in file.read_text().splitlines()]


def said(process):
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def test_a_clean_run_writes_once_for_each_instance_and_once_for_itself(deidentify, few, tmp_path, gate):
    options = ("--on_uid_collision=distinct", "--fhir_store", gate.url)
    finished = deidentify(few, tmp_path, *options)
    assert finished.code == 0, finished.output
    count = finished.counts["written"]
    assert count == len(list(few.iterdir()))
    assert (gate.operations, gate.entries) == (1, count)
    assert sorted(gate.versions().values()) == [1] * (count + 1)
    assert deidentify(few, tmp_path, *options).code == 0
    assert (gate.operations, gate.entries) == (1, count)


def test_a_store_that_takes_the_operation_alone_gets_the_rest_by_replay(deidentify, dicom_deid, few, tmp_path, gate):
    gate.refuse = 403
    finished = deidentify(few, tmp_path, "--on_uid_collision=distinct", "--fhir_store", gate.url)
    assert finished.code == 1, finished.output
    count = finished.counts["written"]
    published = finished.published()
    assert len(published) == count == len(list(few.iterdir()))
    assert len(letters(finished)) == count
    assert len(gate.versions()) == 1
    assert finished.operation["metadata"]["counter"]["secondaryFailure"] == str(count)

    refused, output = said(dicom_deid("replay", "--workspace", finished.workspace))
    assert refused == 1, output
    assert len(letters(finished)) == count

    gate.refuse = None
    healed, output = said(dicom_deid("replay", "--workspace", finished.workspace))
    assert healed == 0, output
    assert f"Provenance: {count + 1} in the FHIR store" in output
    assert letters(finished) == []
    assert sorted(gate.versions().values()) == [1] * (count + 1)
    counter = finished.operation["metadata"]["counter"]
    assert (counter["secondarySuccess"], counter["secondaryFailure"]) == (str(count), "0")
    assert finished.published() == published
    sent = gate.entries
    assert said(dicom_deid("replay", "--workspace", finished.workspace))[0] == 0
    assert (gate.operations, gate.entries) == (1, sent)


def test_an_operation_that_its_store_does_not_take_says_so_before_anything_is_published(deidentify, few, tmp_path, gate):
    gate.put_harm = lambda _: 400
    broken = deidentify(few, tmp_path, "--on_uid_collision=distinct", "--fhir_store", gate.url)
    assert (broken.code, broken.published()) == (3, {}), broken.output
    state = broken.operation
    assert (state["done"], state["error"]["code"], "HTTP 400" in state["error"]["message"]) == (True, 13, True), state
    gate.put_harm = None
    assert deidentify(few, tmp_path, "--on_uid_collision=distinct", "--fhir_store", gate.url).code == 0
    assert "response" in broken.operation


def test_a_token_reaches_the_store_and_nothing_else(deidentify, dicom_deid, few, tmp_path, gate):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(few / "CT_small.dcm", source)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    gate.token = TOKEN
    outside = deidentify(source, tmp_path, "--fhir_store", gate.url)
    assert outside.code == 2
    assert "the caller has no permission" in outside.output
    finished = deidentify(source, tmp_path, "--fhir_store", gate.url, "--fhir_token_uri", f"file:{tmp_path}/token")
    assert finished.code == 0, finished.output
    assert len(gate.versions()) == 2
    for place in (finished.workspace, finished.destination, tmp_path / "elsewhere"):
        assert [path for path in place.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in finished.output + outside.output
    assert said(dicom_deid("replay", "--workspace", finished.workspace))[0] == 0
    purge = ("purge", "--workspace", finished.workspace, folder(finished).operation_id, "--yes", "--everywhere")
    code, output = said(dicom_deid(*purge))
    assert (code, "gone: the Provenance in" in output, gate.versions()) == (0, True, {}), output


def test_held_instances_are_told_where_they_are_if_asked(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(few / "CT_small.dcm", source / "a.dcm")
    other = bytearray((few / "CT_small.dcm").read_bytes())
    other[-200] ^= 1
    (source / "b.dcm").write_bytes(other)
    shutil.copy(few / "MR_small.dcm", source)
    finished = deidentify(source, tmp_path, "--provenance_for_held", "--validate_provenance")
    assert finished.code == 1, finished.output
    assert (finished.counts["written"], finished.counts["held"]) == (1, 2)
    assert len(finished.provenance()) == 4
    targets = {resource["target"][0]["identifier"]["value"].partition("/dicomWeb/")[0]: resource for resource in resources(finished)}
    held = targets[f"projects/local/locations/local/datasets/local/dicomStores/quarantine-{folder(finished).state_file.stem}"]
    assert held["activity"]["text"] == "UID_COLLISION"
    before = finished.operation, finished.provenance(), sorted(path.name for path in folder(finished).spool.iterdir())
    again = deidentify(source, tmp_path, "--provenance_for_held", "--validate_provenance")
    assert (again.operation, again.provenance(), sorted(path.name for path in folder(again).spool.iterdir())) == before
    (source / "b.dcm").unlink()
    freed = deidentify(source, tmp_path, "--provenance_for_held", "--validate_provenance")
    assert (freed.counts["written"], freed.counts["held"], freed.code) == (2, 0, 0)
    assert len(freed.published()) == 2
    assert len(freed.provenance()) == 5  # that both were held once stays told, under ids of their own


def test_a_run_that_held_everything_can_be_run_again(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    content = (few / "rtplan.dcm").read_bytes()
    for number in (b"0", b"1"):
        (source / f"{number.decode()}.dcm").write_bytes(content.replace(b"Last^First", b"Last^Firs" + number))
    for _ in range(2):
        finished = deidentify(source, tmp_path, "--provenance_for_held")
        assert (finished.code, finished.counts["held"], finished.published()) == (1, 2, {}), finished.output
    assert len(finished.provenance()) == 3


def resources(finished):
    with contextlib.closing(sqlite3.connect(finished.workspace / "fhir.sqlite")) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT content FROM resources WHERE type = 'Provenance'")]


def test_how_long_an_operation_took_is_told_by_fhir_alone(deidentify, dicom_deid, few, tmp_path, gate):
    """The guide's query, asked of the store: the latest `recorded` of the instances less the operation's `occurredDateTime`."""
    finished = deidentify(few, tmp_path, "--on_uid_collision=distinct", "--fhir_store", gate.url)
    assert finished.code == 0, finished.output
    name = folder(finished).state_file.stem
    query = f"Provenance?deid-operation:contains={name}&_sort=-recorded"
    code, output = said(dicom_deid("search", "--fhir_store", gate.url, "--install", query, "--json"))
    assert code == 0, output
    found = {entry["resource"]["id"]: entry["resource"] for entry in json.loads(output.partition("\n")[2])["entry"]}
    began = dt.datetime.fromisoformat(found.pop(f"operation-{name}")["occurredDateTime"])
    recorded = [dt.datetime.fromisoformat(resource["recorded"]) for resource in found.values()]
    metadata = finished.operation["metadata"]
    assert len(recorded) == finished.counts["written"]
    assert recorded[0] == max(recorded)
    assert began == dt.datetime.fromisoformat(metadata["createTime"])
    assert dt.timedelta(0) < recorded[0] - began <= dt.datetime.fromisoformat(metadata["endTime"]) - began


def test_a_replay_says_what_it_lacks(dicom_deid, tmp_path):
    (tmp_path / "operations").mkdir()
    code, output = said(dicom_deid("replay", "--workspace", tmp_path))
    assert code == 2
    assert "does not hold exactly one operation" in output
    code, output = said(dicom_deid("replay", "--workspace", tmp_path, "--operation", "abc"))
    assert code == 2
    assert "no such operation" in output


def test_a_plan_says_what_a_run_would_take_and_leaves_no_trace(dicom_deid, few, tmp_path):
    places = ["--source", few, "--destination", tmp_path / "destination", "--workspace", tmp_path / "workspace"]
    code, output = said(dicom_deid("plan", *places, "--fhir_write_ops_per_minute=1"))
    assert code == 0, output
    count, size = len(list(few.iterdir())), sum(path.stat().st_size for path in few.iterdir())
    assert f"instances: {count} files, {size / 1e6:.1f} MB" in output
    assert f"writes to the FHIR store: {count + 1} at most" in output
    assert f"writing: {count + 1}.0 min at 1 writes a minute" in output
    assert output.rstrip().endswith("bound by: the FHIR store's write quota")
    assert list(tmp_path.iterdir()) == []
