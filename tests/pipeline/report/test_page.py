"""The report tells of all operations, of no text and no source, in one file that fetches nothing."""

import base64
import io
import json
import re
import shutil

import pytest
from html_tables import Tables
from PIL import Image

from pipeline.cli import main
from pipeline.local.table import build
from pipeline.report.gather import MAX_REASONS, MAX_REFERENCES
from transforms.model.names import LOCAL_DATASET
from transforms.model.records import Action, TagFinding
from transforms.model.spool import HELD, Shard
from transforms.model.storage import replace
from transforms.write.paths import destination_path

SECRETS = ("Doe", "DOE", "F 42", "/secret", "1.2.3", "4MR1", "CompressedSamples")


@pytest.fixture
def report(tmp_path):
    """A function from a workspace and options to the page."""

    def make(workspace, *options, code=0):
        file = tmp_path / "out" / "report.html"
        file.parent.mkdir(exist_ok=True)
        assert main(["report", "--workspace", workspace.root, "--output", str(file), *options]) == code
        assert file.stat().st_mode & 0o777 == 0o600
        return file.read_text()

    return make


@pytest.fixture
def published(tmp_path, tabled, made_instances, real_file):
    """The same workspace with a real image in the destination, where the first instance with boxes is."""
    destination = tmp_path / "destination"
    path = destination_path(str(destination), made_instances[0].target)
    path.parent.mkdir(parents=True)
    shutil.copyfile(real_file("MR_small.dcm"), path)
    replace(tabled.operation("op1").destination_file, str(destination).encode())
    return tabled


def test_it_tells_of_elements_boxes_and_instances(report, tabled):
    rows = Tables(report(tabled)).rows
    assert ["PatientName", "(0010,0010)", "RESET", "Matched ID: 00100010 (Basic Z, 2026d)", "2", "2"] in rows["actions"]
    assert rows["info-types"][1:] == [["not classified", "pixels", "1", "2"]]
    assert [(row[0], *row[2:5]) for row in rows["instances"][1:]] == [
        ("2.25.31", "published", "2", "1"),
        ("2.25.32", "published", "0", "2"),
        ("2.25.33", "published", "0", "0"),
    ]
    assert rows["operations"][1][0] == "op1"


def test_no_text_and_no_source_is_in_it(report, published):
    for page in (report(published), report(published, "--gallery")):
        told = re.sub(r"base64,[^\"]*", "", page)
        assert [secret for secret in SECRETS if secret in told] == []


def test_it_fetches_nothing(report, published):
    page = report(published, "--gallery")
    assert "default-src 'none'" in page
    assert {found[:5] for found in re.findall(r'(?:src|href|action|data)="([^"#]+)"', page)} <= {"data:"}
    assert "url(" not in page.split("</style>")[0]


def test_the_same_workspace_gives_the_same_page(report, published):
    assert report(published, "--gallery") == report(published, "--gallery")


def test_the_modality_is_that_of_the_published_file(report, published):
    assert Tables(report(published)).rows["modalities"][1:] == [["MR", "1", "3", "1", "2", "3"]]


def test_files_that_are_gone_have_no_modality(report, tabled):
    page = report(tabled, "--gallery")
    assert Tables(page).rows["modalities"][1][0] == "file not found"
    assert "1 more could not be shown" in page


def test_the_gallery_shows_the_published_frame_and_its_boxes(report, published):
    page = report(published, "--gallery")
    (picture,) = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (64, 64)
    boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', page.split('class="gallery"')[1])
    assert {tuple(map(float, box)) for box in boxes} == {(10, 20, 100, 20), (10, 50, 80, 20)}
    assert page.count("Not reviewed") == 2


def test_quotes_are_shown_where_they_are_asked_for_only(report, published, capsys):
    page = report(published, "--gallery", "--show_quotes")
    assert "<q>DOE JOHN</q>" in page
    assert "This page holds texts of patients" in page
    report(published, "--show_quotes", code=2)
    assert "--show_quotes" in capsys.readouterr().err


def test_held_instances_are_in_the_table_and_not_in_the_gallery(report, published, spool_operation, made_instances):
    folder, shard = published.operation("op1"), None
    (line,) = [entry for entry in _spooled(folder) if entry["provenance"]["target"][0]["identifier"]["value"].endswith("2.25.31")]
    for file in folder.spool.iterdir():
        file.unlink()
    shard = Shard(folder.spool, HELD)
    target = line["provenance"]["target"][0]["identifier"]
    target["value"] = f"{LOCAL_DATASET}/dicomStores/quarantine-op1/studies/" + target["value"].partition("/studies/")[2]
    shard.add(line["reference"], {"provenance": line["provenance"]})
    shard.close()
    build(published)
    page = report(published, "--gallery")
    assert [row[:3] for row in Tables(page).rows["instances"][1:]] == [["2.25.31", "not looked at", "held"]]
    assert "0 of 0 frames" in page
    assert "data:image" not in page


def _spooled(folder):
    return [json.loads(line) for file in sorted(folder.spool.glob("*.ndjson")) for line in file.read_text().splitlines()]


def test_why_instances_are_not_published_is_told_with_some_references(report, tabled):
    outcome = {"operation": "op1", "outcome": "failed", "stage": "read", "code": "TRUNCATED", "sentence": "the file <b>ends</b> early"}
    lines = [{**outcome, "reference": f"{number:016x}"} for number in range(MAX_REFERENCES + 5)]
    replace(tabled.outcomes_file, "".join(json.dumps(line) + "\n" for line in lines).encode())
    page = report(tabled)
    (row,) = Tables(page).rows["not-published"][1:]
    assert row[:5] == ["failed", "read", "TRUNCATED", "the file <b>ends</b> early", "25"]
    assert "<b>" not in page
    assert (f"{MAX_REFERENCES - 1:016x}" in row[5], f"{MAX_REFERENCES:016x}" in row[5]) == (True, False)


def test_of_many_reasons_the_most_frequent_are_listed(report, tabled):
    outcome = {"operation": "op1", "outcome": "held", "stage": "proof", "code": "RESIDUAL_TOKEN"}
    lines = [{**outcome, "sentence": f"it stands in {number}", "reference": f"{number:016x}"} for number in range(MAX_REASONS + 50)]
    lines.append({**lines[-1], "reference": "f" * 16})
    replace(tabled.outcomes_file, "".join(json.dumps(line) + "\n" for line in lines).encode())
    page = report(tabled)
    rows = Tables(page).rows["not-published"][1:]
    assert (len(rows), rows[0][3], rows[0][4]) == (MAX_REASONS, f"it stands in {MAX_REASONS + 49}", "2")
    assert f"The {MAX_REASONS} most frequent of 250 reasons, with 201 of 251." in page


def test_groups_of_elements_that_were_too_many_to_list_are_told(report, workspace, spool_operation, make_instance):
    many = [TagFinding(f"0009{number:04X}", Action.REMOVED, "private") for number in range(0x1000, 0x3000)]
    spool_operation("op1", [make_instance(1, many)])
    build(workspace)
    assert ["elements", "(0009,xxxx)", "REMOVED", "None", "1", "8,192"] in Tables(report(workspace)).rows["actions"]


def test_dead_letters_are_told(report, tabled):
    folder = tabled.operation("op1")
    letter = {"reference": "00000000000000aa", "id": "x", "status": 422, "code": "invariant", "attempts": 1, "retryable": False}
    replace(folder.dead_letters / "s.ndjson", json.dumps(letter).encode() + b"\n")
    refused = {"reference": "00000000000000bb", "id": "y", "why": "too deep"}
    replace(folder.refused_rows, json.dumps(refused).encode() + b"\n")
    rows = Tables(report(tabled)).rows["dead-letters"][1:]
    assert [row[:3] for row in rows] == [["422", "invariant", "1"], ["table", "too deep", "1"]]


def test_of_many_instances_those_with_the_most_boxes_are_listed(report, workspace, spool_operation, make_instance, made_instances):
    spool_operation("op1", [*(make_instance(number) for number in range(10, 2050)), made_instances[0]])
    build(workspace)
    page = report(workspace)
    rows = Tables(page).rows["instances"][1:]
    assert (len(rows), rows[0][0]) == (2000, "2.25.31")
    assert "A sample: the 2,000 of 2,041 instances" in page
    assert len(page) < 3_000_000


def test_where_it_may_not_be_written(workspace, published, tmp_path, capsys):
    for place in (tmp_path / "destination" / "r.html", tmp_path / "destination"):
        assert main(["report", "--workspace", published.root, "--output", str(place)]) == 2
        assert "--output" in capsys.readouterr().err
    assert not (tmp_path / "destination" / "r.html").exists()


def test_without_a_table_there_is_no_report(workspace, tmp_path, capsys):
    workspace.lock_file.touch()
    assert main(["report", "--workspace", workspace.root, "--output", str(tmp_path / "r.html")]) == 2
    assert "no table yet" in capsys.readouterr().err
