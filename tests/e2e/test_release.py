"""Held instances wait with their reasons, and a person's decision publishes them, is told of, and survives a kill."""

import contextlib
import csv
import json
import shutil
import sqlite3

import pydicom
import pytest

from pipeline.tables import Tables
from transforms.bigquery.operation import TableTarget
from transforms.model import spool
from transforms.model.workspace import Workspace

PERSON = "Dr. Ada Example"
OPTIONS = ("--operation_id=op",)
SHARED = "1.2.777.777.77.7.7777.7777.20030903150023"
"""The SOP Instance UID of the two."""


@pytest.fixture
def held(deidentify, source, tmp_path):
    """A run with a quarantine and a map of its own that holds three of four: the run, and the held files by their references."""
    finished = deidentify(source, tmp_path, *OPTIONS, "--quarantine", tmp_path / "quarantine", "--write_uid_map", tmp_path / "uids.csv")
    assert (finished.code, finished.counts["written"], finished.counts["held"]) == (1, 1, 3), finished.output
    return finished, {path.stem: path for path in (tmp_path / "quarantine" / "op").glob("*.dcm")}


@pytest.fixture
def source(tmp_path, few):
    """Two plans that share a UID, one of a class that nobody knows, and a sound one."""
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copy(few / "rtplan.dcm", folder / "a.dcm")
    plan = pydicom.dcmread(few / "rtplan.dcm")
    plan.RTPlanLabel = "B2"
    plan.save_as(folder / "b.dcm")
    plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    plan.save_as(folder / "sound.dcm")
    plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.6"
    plan.SOPClassUID = plan.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7"
    plan.save_as(folder / "unknown.dcm")
    return folder


def provenance(finished):
    """Of each instance in the store, by its target."""
    with contextlib.closing(sqlite3.connect(finished.workspace / "fhir.sqlite")) as database:
        found = [json.loads(row[0]) for row in database.execute("SELECT content FROM resources WHERE type = 'Provenance'")]
    return {resource["target"][0]["identifier"]["value"]: resource for resource in found if "occurredPeriod" in resource}


def mapped(tmp_path):
    """The SOP Instance UIDs of the source that the mapping file knows."""
    with (tmp_path / "uids.csv").open(newline="") as file:
        return {old for old, _ in csv.reader(file)} & {"1.2.3.4.5", "1.2.3.4.6", SHARED}


def published_at(finished, name):
    """The file of an instance, by the name that its Provenance gives it."""
    uids = name.partition("/studies/")[2].replace("/series/", "/").replace("/instances/", "/")
    return finished.destination / f"{uids}.dcm"


def test_what_is_held_waits_with_its_reasons_and_is_published_when_a_person_decides(verb, held, tmp_path):
    finished, files = held
    reasons = {path.stem: json.loads(path.with_suffix(".json").read_text())["reasons"] for path in files.values()}
    codes = {line["reference"]: line["code"] for line in finished.outcomes}
    assert {reference: [one["code"] for one in said] for reference, said in reasons.items()} == {one: [codes[one]] for one in files}
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "quarantine", *files.values())] == [0] * 4
    assert not Workspace(str(finished.workspace)).operation("op").quarantine.exists()
    first, second = sorted(reference for reference, code in codes.items() if code == "UID_COLLISION")
    assert pydicom.dcmread(files[first]).PatientIdentityRemoved == "NO"
    told = provenance(finished)
    assert mapped(tmp_path) == {"1.2.3.4.5"}
    for nothing in (("0123456789abcdef", "--by", PERSON), ("--by", PERSON), (first,), (first, "--by", " ")):
        assert verb("release", *nothing)[0] == 2
    assert (finished.counts["held"], len(finished.published())) == (3, 1)

    code, output = verb("release", first, "--by", PERSON)
    assert code == 1, output  # two are still held
    assert (finished.counts["written"], finished.counts["held"]) == (2, 2)
    (name,) = provenance(finished).keys() - told.keys()
    assert mapped(tmp_path) == {"1.2.3.4.5", SHARED}  # at once, not with the next run
    resource = provenance(finished)[name]
    assert (resource["activity"]["coding"][0]["code"], resource["activity"]["text"]) == ("released", "UID_COLLISION")
    assert resource["agent"][1]["who"]["identifier"]["value"] == PERSON
    assert resource["occurredPeriod"]["end"] < resource["recorded"]
    published = pydicom.dcmread(published_at(finished, name))
    assert (published.PatientIdentityRemoved, published.DeidentificationMethodCodeSequence[0].CodeValue) == ("YES", "113100")

    code, output = verb("release", "--all", "--by", PERSON)
    assert code == 1, output
    assert f"not released: {second}: the destination has an instance of its UID already" in output
    assert (finished.counts["written"], finished.counts["held"]) == (3, 1)
    assert {line["reference"] for line in finished.outcomes} == {second}
    assert [reference for reference, path in files.items() if path.exists()] == [second]
    assert (len(provenance(finished)), finished.rows()) == (3, (4, 4))
    code, output = verb("answers", "--operation", "op")
    assert (output.count(PERSON), "PRIVATE_SOP_CLASS" in output) == (2, True)


def test_what_was_released_stays_so_and_a_quarantine_is_left_where_it_is_and_purged(deidentify, verb, source, held, tmp_path):
    finished, files = held
    (reference,) = (line["reference"] for line in finished.outcomes if line["code"] == "PRIVATE_SOP_CLASS")
    content = files[reference].read_bytes()
    assert verb("release", reference, "--by", PERSON)[0] == 1
    whole, versions, rows = finished.published(), finished.versions(), finished.rows()
    files[reference].write_bytes(content)  # as after a kill between its Provenance and its end in the quarantine
    again = deidentify(source, tmp_path, *OPTIONS, "--quarantine", tmp_path / "quarantine", "--write_uid_map", tmp_path / "uids.csv")
    assert (again.code, again.counts["written"], again.counts["held"]) == (1, 2, 2), again.output
    assert (again.published(), again.versions(), again.rows()) == (whole, versions, rows)
    assert not files[reference].exists()
    assert verb("release", reference, "--by", PERSON)[0] == 2

    elsewhere = deidentify(source, tmp_path, *OPTIONS, "--write_uid_map", tmp_path / "uids.csv")
    assert (elsewhere.code, "--quarantine: earlier runs of this operation hold instances elsewhere" in elsewhere.output) == (2, True)
    assert verb("purge", "op", "--yes")[0] == 0
    assert [path for path in (tmp_path / "quarantine").rglob("*") if path.is_file()] == []
    assert finished.published() == whole


def test_what_is_held_is_released_though_its_source_is_gone_or_broken(deidentify, verb, source, held, tmp_path):
    """What waits may be the only copy by then."""
    finished, files = held
    codes = {line["reference"]: line["code"] for line in finished.outcomes}
    (unknown,) = (reference for reference, code in codes.items() if code == "PRIVATE_SOP_CLASS")
    (source / "unknown.dcm").unlink()
    for name in ("a.dcm", "b.dcm"):
        (source / name).write_bytes((source / name).read_bytes()[:400])
    again = deidentify(source, tmp_path, *OPTIONS, "--quarantine", tmp_path / "quarantine", "--write_uid_map", tmp_path / "uids.csv")
    assert (again.code, again.counts["written"], again.counts["held"], again.counts["failed"]) == (1, 1, 1, 2), again.output
    (earlier,) = (line for line in again.outcomes if line.get("earlier"))
    assert (earlier["reference"], earlier["outcome"], earlier["code"]) == (unknown, "held", "PRIVATE_SOP_CLASS")
    assert all(path.exists() for path in files.values())
    code, output = verb("release", "--all", "--by", PERSON)
    assert (code, again.counts["written"], again.counts["held"], again.counts["failed"]) == (1, 3, 0, 1), output
    assert "the destination has an instance of its UID already" in output  # of the two that share one
    assert len(provenance(finished)) == len(finished.published()) == 3


def test_nothing_is_released_before_all_that_is_told_of_it_can_be_told(deidentify, verb, source, held, tmp_path):
    finished, files = held
    (reference,) = (line["reference"] for line in finished.outcomes if line["code"] == "PRIVATE_SOP_CLASS")
    before = finished.published()
    folder, nowhere = Workspace(str(finished.workspace)).operation("op"), "http://127.0.0.1:9"
    Tables(Workspace(str(finished.workspace)), TableTarget("my-project:d.t", endpoint=nowhere)).save(folder)
    code, output = verb("release", reference, "--by", PERSON)
    assert (code, "--bigquery_table" in output, finished.published(), files[reference].exists()) == (2, True, before, True), output
    (entry,) = (one for one in spool.read_all(folder.releasable) if one["reference"] == reference)
    spool.write_entries(folder.decided, [(reference, entry)])  # as a kill leaves it after the decision

    options = (*OPTIONS, "--quarantine", tmp_path / "quarantine", "--write_uid_map", tmp_path / "uids.csv")
    refused = deidentify(source, tmp_path, *options, "--bigquery_table=my-project:d.t", f"--bigquery_endpoint={nowhere}")
    assert (refused.code, refused.published(), files[reference].exists()) == (2, before, True), refused.output
    assert (deidentify(source, tmp_path, *options).code, len(finished.published()), files[reference].exists()) == (1, 2, False)
