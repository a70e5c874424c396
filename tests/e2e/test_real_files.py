"""One run over every file that pydicom and pydicom-data ship: each is accounted for, and a second run adds nothing."""

import collections
import contextlib
import datetime as dt
import json
from pathlib import Path

import duckdb
import numpy as np
import pydicom
import pytest
from fhir.resources.R4B.provenance import Provenance
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit

from transforms.model import spool
from transforms.model.keys import Purpose, Secret
from transforms.model.pictures import has_pixels
from transforms.model.records import InstanceRef
from transforms.model.workspace import Workspace
from transforms.pixels.redact import Canvas, canvas_of
from transforms.read.open import open_instance, read_content

MODE = ("--on_uid_collision", "distinct", "--direct_running_mode=multi_threading", "--direct_num_workers=2")
LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000)
"""Syntaxes in which a frame cannot always be coded again without loss."""
BOXES = Path(__file__).parents[1] / "seed_page" / "boxes.sql"


@pytest.fixture(scope="module")
def everything(deidentify, shipped, tmp_path_factory):
    return deidentify(shipped, tmp_path_factory.mktemp("everything"), *MODE)


@pytest.fixture(scope="module")
def entries(everything):
    """The Provenance of every written instance, as spooled."""
    return [entry["provenance"] for entry in spool.read_all(folder(everything).spool)]


def folder(finished):
    (file,) = (finished.workspace / "operations").glob("*.json")
    return Workspace(str(finished.workspace)).operation(file.stem)


def uid_of(identifier):
    return identifier["identifier"]["value"].rpartition("/")[2]


def children(element, name):
    return [one for one in element["extension"] if one["url"].rpartition("/")[2] == name]


def boxes_of(provenance) -> dict[int, list[tuple[slice, slice]]]:
    """The boxes of a Provenance by frame, as rows and columns."""
    boxes = collections.defaultdict(list)
    for images in children(provenance["entity"][0], "dicom-images"):
        for box in children(images, "frame-index"):
            left, right, top, bottom = (int(children(box, name)[0]["valueDecimal"]) for name in ("left", "right", "top", "bottom"))
            boxes[int(box["valueDecimal"])].append((slice(top, bottom), slice(left, right)))
    return boxes


def canvas(path) -> Canvas | None:
    reference = InstanceRef("0" * 16, str(path), path.stat().st_size)
    dataset = open_instance(reference, read_content(str(path)), Secret(bytes(32)).purpose(Purpose.UID), dt.datetime.now(dt.UTC)).dataset
    return canvas_of(dataset) if has_pixels(dataset) else None


def check_redacted(before: np.ndarray, after: np.ndarray, boxes, lossy: bool) -> None:
    """Outside the boxes all is as it was; each box is of one colour."""
    inside = np.zeros(before.shape[:2], bool)
    for box in boxes:
        inside[box] = True
        colours = after[box].reshape(-1, *after.shape[2:])
        assert lossy or not np.ptp(colours, axis=0).any()
    change = np.abs(after[~inside].astype(float) - before[~inside])
    assert change.mean() < 0.01 * np.ptp(before.astype(float)) if lossy else not change.any()


def test_every_file_is_accounted_for(everything, shipped):
    counts = everything.counts
    assert counts["listed"] == sum(1 for path in shipped.rglob("*") if path.is_file())
    assert counts["listed"] == counts["written"] + counts["held"] + counts["failed"] + counts["skipped"]
    assert counts["written"] == len(everything.published()) >= 180
    kinds = collections.Counter(outcome["outcome"] for outcome in everything.outcomes)
    assert kinds == {kind: counts[kind] for kind in ("held", "failed", "skipped") if counts[kind]}
    assert everything.code == 1  # pydicom ships broken files on purpose


def test_each_outcome_says_where_why_and_whose(everything, dicom_deid, shipped):
    for outcome in everything.outcomes:
        assert outcome["stage"] in {"list", "read", "pixels", "tags", "proof", "write"}
        assert outcome["code"].isupper()
        assert outcome["code"] != "UNEXPECTED", outcome
        assert len(outcome["sentence"]) > 10
    output, _ = dicom_deid("which", "--workspace", everything.workspace, everything.outcomes[0]["reference"]).communicate(timeout=60)
    assert Path(output.strip()).is_relative_to(shipped)


def test_what_is_published_is_whole_and_named_by_its_new_uids(everything):
    for name in everything.published():
        dataset = pydicom.dcmread(everything.destination / name)
        assert name == f"{dataset.StudyInstanceUID}/{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.preamble == bytes(128)
        assert not any(element.tag.is_private for element in dataset.iterall())


def test_an_honest_header(everything):
    for name in everything.published():
        dataset = pydicom.dcmread(everything.destination / name)
        pixels = any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
        assert dataset.PatientIdentityRemoved == "YES", name
        assert (dataset.get("BurnedInAnnotation") == "NO") == pixels, name


def test_one_provenance_an_instance_and_one_for_the_operation(everything, entries):
    assert len(entries) == everything.counts["written"]
    operation = json.loads(folder(everything).provenance_file.read_text())
    assert everything.provenance() == sorted([operation["id"], *(entry["id"] for entry in entries)])
    for entry in entries:
        Provenance.model_validate(entry)
        study, series, instance = entry["target"][0]["identifier"]["value"].split("/")[-5::2]
        assert (everything.destination / study / series / f"{instance}.dcm").is_file()


def test_the_table_has_a_row_for_each(everything):
    with duckdb.connect(str(everything.workspace / "provenance.duckdb"), read_only=True) as database:
        rows = database.execute("SELECT id FROM Provenance").fetchall()
    assert sorted(row[0] for row in rows) == everything.provenance()


def test_burned_in_text_was_found_and_told(everything, dicom_deid):
    output, _ = dicom_deid("query", "--workspace", everything.workspace, "--format", "json", "--sql_file", BOXES).communicate(timeout=60)
    rows = [json.loads(line) for line in output.splitlines()]
    assert len(rows) > 100
    assert set(rows[0]) == {"Source", "Destination", "Left", "Right", "Top", "Bottom", "Quote", "InfoType", "Confidence"}
    for burned_in in ("PHILIPS OB", "5/25/2011", "LYMPH NODE"):  # in files that are published
        assert burned_in in output


def test_no_sample_outside_a_box_changes_and_no_frame_without_one(everything):
    """Source and output of every file, side by side: by bytes where a frame has no box, by its samples where it has."""
    files = {entry["reference"]: Path(entry["uri"]) for entry in spool.read_all(folder(everything).sources)}
    same, redacted = collections.Counter(), collections.Counter()
    for entry in spool.read_all(folder(everything).spool):
        study, series, instance = entry["provenance"]["target"][0]["identifier"]["value"].split("/")[-5::2]
        source = canvas(files[entry["reference"]])
        if source is None:
            continue
        output = canvas(everything.destination / study / series / f"{instance}.dcm")
        boxes, syntax = boxes_of(entry["provenance"]), output.description.transfer_syntax
        for frame in range(source.description.frames):
            if frame in boxes:
                lossy = syntax in LOSSY
                check_redacted(source.decoded(frame).samples, output.decoded(frame).samples, boxes[frame], lossy)
            else:
                padded = (output.frame(frame), source.frame(frame))  # where a comment went from a stream, even padding may differ
                assert padded[0].rstrip(b"\0") == padded[1].rstrip(b"\0"), files[entry["reference"]].name
            (redacted if frame in boxes else same)[syntax] += 1
    assert redacted.total() > 100
    assert len(same) > 9
    assert len(redacted) > 6


def test_references_between_instances_still_resolve(everything, entries, shipped):
    """pydicom's recompressed files name the file they were made of as their source image."""
    files, refers = collections.Counter(), collections.defaultdict(set)
    for path in shipped.rglob("*.dcm"):
        with contextlib.suppress(Exception):
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            files[dataset.SOPInstanceUID] += 1
            refers[dataset.SOPInstanceUID] |= {item.ReferencedSOPInstanceUID for item in dataset.get("SourceImageSequence", [])}
    new = {uid_of(entry["entity"][0]["what"]): entry["target"][0]["identifier"]["value"].split("/") for entry in entries}
    checked = 0
    for referrer, referred in refers.items():
        for target in referred & new.keys():
            if files[referrer] == files[target] == 1 and referrer in new:
                study, series, instance = new[referrer][-5::2]
                dataset = pydicom.dcmread(everything.destination / study / series / f"{instance}.dcm", stop_before_pixels=True)
                assert [item.ReferencedSOPInstanceUID for item in dataset.SourceImageSequence] == [new[target][-1]]
                checked += 1
    assert checked >= 3


def test_the_same_run_again_adds_nothing(everything, deidentify, shipped):
    def left():
        return (
            everything.published(),
            everything.versions(),
            everything.rows(),
            everything.operation,
            sorted(map(str, everything.outcomes)),
        )

    before = left()
    again = deidentify(shipped, everything.workspace.parent, *MODE)
    assert again.code == everything.code
    assert left() == before


def test_nothing_was_reached_beyond_loopback(everything, dicom_deid):
    assert everything.code == 1
    assert not dicom_deid.trace.exists(), dicom_deid.trace.read_text()
