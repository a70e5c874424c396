"""All counts of one run agree, whoever is asked: destination, store, table, operation, answers, report, and the run itself."""

import collections
import json
import shutil

import pytest
from html_tables import Tables

from pipeline.local.answers import answers
from pipeline.local.sql import query
from pipeline.report.page import report
from transforms.model import spool
from transforms.model.workspace import Workspace

DEAD = 3
"""Instances whose Provenance the store will not have."""


@pytest.fixture(scope="module")
def mixed(few, tmp_path_factory):
    """A dozen sound files; one cut short, two that share a UID, a copy, a letter."""
    folder = tmp_path_factory.mktemp("mixed")
    for path in few.iterdir():
        shutil.copy(path, folder)
    whole = (few / "MR_small.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(whole[:2000])
    (folder / "letter.txt").write_text("no image at all")
    shutil.copy(few / "rtplan.dcm", folder / "copy.dcm")
    other = bytearray((few / "CT_small.dcm").read_bytes())
    other[-200] ^= 1
    (folder / "other.dcm").write_bytes(other)
    return folder


def told(workspace):
    """What the workspace's table says of its operation, by column of ProvenanceOperations, and the ids of its rows."""
    columns, (operation,) = query(workspace, "SELECT * FROM p.d.ProvenanceOperations")
    ids = [identity for (identity,) in query(workspace, "SELECT id FROM p.d.Provenance")[1]]
    return dict(zip(columns, operation, strict=True)), ids


def reported(workspace, tmp_path):
    """The tables of its report."""
    report(workspace, str(tmp_path / "report.html"))
    return Tables((tmp_path / "report.html").read_text()).rows


@pytest.mark.parametrize("options", [(), ("--provenance_for_held",)], ids=["held untold", "held told"])
def test_all_counts_agree_after_a_run_with_every_outcome_and_dead_letters(deidentify, dicom_deid, mixed, tmp_path, gate, options):
    chosen = set()

    def harm(_number, ids):
        chosen.update(ids[: DEAD - len(chosen)])
        return dict.fromkeys(chosen & set(ids), 422)

    gate.harm = harm
    finished = deidentify(mixed, tmp_path, "--fhir_store", gate.url, *options)
    assert finished.code == 1, finished.output
    counts = finished.counts
    assert counts.pop("listed") == len(list(mixed.iterdir())) == sum(counts.values())
    assert min(counts.values()) >= 1
    proven = counts["written"] + (counts["held"] if options else 0)
    workspace = Workspace(str(finished.workspace))
    folder = workspace.operation(finished.operation["name"].rpartition("/")[2])
    letters = [json.loads(line) for file in folder.dead_letters.iterdir() for line in file.read_text().splitlines()]

    assert len(finished.published()) == counts["written"]
    assert len(list(folder.quarantine.glob("*.dcm"))) == counts["held"]
    assert collections.Counter(line["outcome"] for line in finished.outcomes) == {
        name: counts[name] for name in ("held", "failed", "skipped")
    }
    ids = {entry["provenance"]["id"] for entry in spool.read_all(folder.spool)}
    assert len(ids) == proven
    assert {letter["id"] for letter in letters} == chosen
    assert len(chosen) == DEAD
    assert gate.versions().keys() == ids - chosen | {f"operation-{folder.operation_id}"}

    operation, rows = told(workspace)
    assert sorted(rows) == sorted(ids | {operation["Operation"]})
    assert len(rows) == proven + 1
    expected = {"Listed": sum(counts.values()), **{name.title(): count for name, count in counts.items()}}
    expected |= {"Proven": proven, "Answered": proven - DEAD, "DeadLetters": DEAD, "RefusedRows": 0}
    assert {name: operation[name] for name in expected} == expected
    assert sum(kind["instances"] for kind in operation["Outcomes"]) == sum(counts.values()) - counts["written"]

    *_, when, _, each = answers(workspace)
    assert dict(zip(when.columns, when.rows[0], strict=True))["Instances"] == len(each.rows) == proven
    page = reported(workspace, tmp_path)
    titles, row = page["operations"]
    of_report = dict(zip(titles, row, strict=True))
    names = {"Provenance answered": "Answered", "Dead letters": "DeadLetters", "Rows refused": "RefusedRows"}
    shown = ("Listed", "Written", "Held", "Failed", "Skipped", *names)
    assert {name: of_report[name] for name in shown} == {name: str(expected[names.get(name, name)]) for name in shown}
    outcomes = collections.Counter()
    for why in page["not-published"][1:]:
        outcomes[why[0]] += int(why[4])
    assert outcomes == {name: counts[name] for name in ("held", "failed", "skipped")}
    assert sum(int(letter[2]) for letter in page["dead-letters"][1:]) == DEAD
    assert collections.Counter(instance[2] for instance in page["instances"][1:]) == +collections.Counter(
        published=counts["written"], held=proven - counts["written"]
    )
    assert f"{proven - DEAD + 1} in the FHIR store (one an instance, one for the operation), {DEAD} dead letters" in finished.output

    gate.harm = None
    assert dicom_deid("replay", "--workspace", finished.workspace).wait(120) == 1  # some are held and failed still
    operation, rows = told(workspace)
    assert gate.versions().keys() == set(rows)
    assert (operation["Answered"], operation["DeadLetters"], len(rows)) == (proven, 0, proven + 1)
    assert "dead-letters" not in reported(workspace, tmp_path)


@pytest.mark.parametrize("options", [(), ("--provenance_for_held",)], ids=["held untold", "held told"])
def test_all_counts_agree_after_a_release(deidentify, verb, mixed, tmp_path, options):
    finished = deidentify(mixed, tmp_path, *options)
    counts, workspace = finished.counts, Workspace(str(finished.workspace))
    code, output = verb("release", "--all", "--by", "Dr. Ada Example")
    assert code == 1, output  # of two that share a UID only one can be published
    now, (operation, rows) = finished.counts, told(workspace)
    released = now["written"] - counts["written"]
    assert 0 < released == counts["held"] - now["held"] < counts["held"]
    assert len(finished.published()) == now["written"]
    folder = workspace.operation(finished.operation["name"].rpartition("/")[2])
    assert len(list(folder.quarantine.glob("*.dcm"))) == now["held"]
    assert finished.provenance() == sorted(rows)
    proven = counts["written"] + released + (now["held"] if options else 0)
    assert len(rows) == proven + 1
    expected = {"Written": now["written"], "Held": now["held"], "Answered": proven, "DeadLetters": 0}
    assert {name: operation[name] for name in expected} == expected
    *_, who, each = answers(workspace)
    assert (len(who.rows), len(each.rows)) == (released, proven)
    page = reported(workspace, tmp_path)
    assert collections.Counter(instance[2] for instance in page["instances"][1:]) == +collections.Counter(
        published=now["written"], held=proven - now["written"]
    )
    assert sum(int(why[4]) for why in page["not-published"][1:]) == sum(now[name] for name in ("held", "failed", "skipped"))
