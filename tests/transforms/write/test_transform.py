"""WriteInstance on FnApiRunner, over instances opened from real files in the same fused stage."""

import dataclasses
import datetime as dt
import hashlib
import io
import json
from pathlib import Path

import apache_beam as beam
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from transforms.model.errors import CancelledError
from transforms.model.records import (
    BoxFinding,
    Hold,
    InstanceRef,
    InstanceUids,
    OpenInstance,
    PixelResult,
    PixelSearch,
    ScrubbedInstance,
)
from transforms.model.transform import typed
from transforms.write.destination import Folder
from transforms.write.measure import measure
from transforms.write.transform import WriteInstance

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
TARGET = InstanceUids("2.25.1", "2.25.2", "2.25.3")
HOLD = Hold("proof", "RESIDUAL_TOKEN", "A token of the source is left.")


def scrubbed(path: Path, **changes) -> ScrubbedInstance:
    content = path.read_bytes()
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    uids = InstanceUids("1.2.3", "1.2.4", "1.2.5")
    pixels = PixelResult(search=PixelSearch.FAST, boxes=(BoxFinding(0, 1, 2, 3, 4),))
    opened = OpenInstance(InstanceRef("00000000deadbeef", str(path), len(content)), uids, dataset, NOW, pixels)
    return dataclasses.replace(ScrubbedInstance(opened, TARGET, content, ()), **changes)


class Make(beam.DoFn):
    def __init__(self, changes) -> None:
        self._changes = changes

    def process(self, path):
        yield scrubbed(Path(path), **self._changes)


def clock() -> dt.datetime:
    return NOW


@pytest.fixture
def run(tmp_path, workspace, real_file):
    """Write one instance; the answer is what WriteInstance said about it."""

    def write(run_name="", **changes) -> list[str]:
        out = tmp_path / "said"
        with beam.Pipeline(runner="FnApiRunner") as p:
            made = typed(p | beam.Create([str(real_file("CT_small.dcm"))]) | beam.ParDo(Make(changes)), ScrubbedInstance)
            folder = dataclasses.replace(workspace.operation("op"), run=run_name)
            written = made | WriteInstance(Folder(str(tmp_path / "destination")), folder, clock)
            said = (
                written.instances
                | "W" >> beam.Map(lambda w: f"written {w.ref.reference} {w.columns}x{w.rows}x{w.frames} {w.recorded.isoformat()}"),
                written.held
                | "H" >> beam.Map(lambda w: (tmp_path / "held").write_text(f"{w.held} {w.columns} {w.target.instance}"))
                | beam.Filter(bool)
                | beam.FlatMap(lambda _: []),
                written.outcomes | "O" >> beam.Map(lambda o: f"{o.reference} {o.kind.value} {o.stage} {o.code} {o.sentence}"),
            )
            _ = said | beam.Flatten() | beam.Map(out.write_text)
        return out.read_text().split(maxsplit=4)

    return write


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_sound_instance_is_published(run, tmp_path, real_file):
    assert run() == ["written", "00000000deadbeef", "128x128x1", NOW.isoformat()]
    assert files(tmp_path / "destination") == {"2.25.1/2.25.2/2.25.3.dcm": real_file("CT_small.dcm").read_bytes()}


def test_a_held_instance_goes_to_the_quarantine_only(run, tmp_path, real_file, workspace):
    assert run(holds=(HOLD, Hold("list", "UID_COLLISION", "Another."))) == [
        "00000000deadbeef",
        "held",
        "proof",
        "RESIDUAL_TOKEN",
        "A token of the source is left.",
    ]
    aside = files(workspace.operation("op").quarantine)
    assert aside.pop("00000000deadbeef.dcm") == real_file("CT_small.dcm").read_bytes()
    reasons = [
        {"stage": "proof", "code": "RESIDUAL_TOKEN", "sentence": "A token of the source is left."},
        {"stage": "list", "code": "UID_COLLISION", "sentence": "Another."},
    ]
    assert {name: json.loads(content) for name, content in aside.items()} == {
        "00000000deadbeef.json": {"operation": "op", "reference": "00000000deadbeef", "reasons": reasons}
    }
    assert (tmp_path / "held").read_text() == "RESIDUAL_TOKEN 128 2.25.3"
    assert not (tmp_path / "destination").exists()


def test_what_is_published_is_marked_before_and_what_stood_there_is_not(run, tmp_path, workspace, real_file):
    marks = workspace.operation("op").marks
    (tmp_path / "destination" / "2.25.1").mkdir(parents=True)
    in_the_way = tmp_path / "destination" / "2.25.1" / "2.25.2"
    in_the_way.write_text("")
    assert run()[1:4] == ["failed", "write", "CANNOT_WRITE"]
    (mark,) = marks.iterdir()
    digest = hashlib.sha256(real_file("CT_small.dcm").read_bytes()).hexdigest()
    assert json.loads(mark.read_text()) == ["00000000deadbeef", list(dataclasses.astuple(TARGET)), digest]
    in_the_way.unlink()
    assert run()[0] == "written"
    assert list(marks.iterdir()) == [mark]
    mark.unlink()
    assert run()[0] == "written"
    assert run(holds=(HOLD,))[1] == "held"
    assert list(marks.iterdir()) == []


def test_nothing_is_published_once_the_operation_is_cancelled(run, tmp_path, workspace):
    cancelled = workspace.operation("op").cancelled_file
    cancelled.parent.mkdir(parents=True)
    cancelled.touch()
    with pytest.raises(CancelledError, match="the operation was cancelled"):
        run()
    assert not (tmp_path / "destination").exists()
    cancelled.unlink()
    assert run()[0] == "written"


def test_a_run_that_was_given_up_publishes_nothing(run, tmp_path, workspace):
    """Its launcher broke off, or was started again, and its workers elsewhere are still there."""
    with pytest.raises(CancelledError, match="the run was given up"):
        run("first")
    latest = workspace.operation("op").run_file
    latest.parent.mkdir(parents=True)
    latest.write_text("second")
    with pytest.raises(CancelledError, match="the run was given up"):
        run("first")
    assert not (tmp_path / "destination").exists()
    assert run("second")[0] == "written"


def test_a_hostile_uid_stays_inside(run, tmp_path):
    assert run(target=InstanceUids("..", "..", "x"))[1:4] == ["failed", "write", "BAD_UID"]
    assert run(target=InstanceUids("..", "..", "x"), holds=(HOLD,))[1:4] == ["held", "proof", "RESIDUAL_TOKEN"]
    assert not (tmp_path / "x.dcm").exists()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("CT_small.dcm", (128, 128, 1)),
        ("rtplan.dcm", (0, 0, 0)),
        ("color3d_jpeg_baseline.dcm", (640, 480, 120)),
        ("emri_small_RLE.dcm", (64, 64, 10)),
        ("image_dfl.dcm", (512, 512, 1)),
    ],
)
def test_measures(real_file, name, shape):
    measures = measure(scrubbed(real_file(name)))
    assert (measures.columns, measures.rows, measures.frames) == shape
    assert 500 < measures.structured_size < 40_000


def test_the_structured_size_is_the_file_without_its_pixels(real_file):
    instance = scrubbed(real_file("CT_small.dcm"))
    assert measure(instance).structured_size == len(instance.content) - 2 * 128 * 128
    new = dataclasses.replace(instance.opened, pixels=PixelResult(pixel_data=b"12345678"))
    assert measure(dataclasses.replace(instance, opened=new)).structured_size == len(instance.content) - 8
    encapsulated = scrubbed(real_file("emri_small_RLE.dcm"))
    pixels = len(encapsulated.opened.dataset.PixelData)
    assert measure(encapsulated).structured_size == len(encapsulated.content) - pixels - 8


def test_a_deflated_file_is_measured_inflated(real_file, tmp_path):
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    plain, deflated = tmp_path / "plain.dcm", tmp_path / "deflated.dcm"
    dataset.save_as(plain)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(deflated)
    syntax_longer = len("1.2.840.10008.1.2.1.99") - len("1.2.840.10008.1.2.1\0")
    assert measure(scrubbed(deflated)).structured_size == measure(scrubbed(plain)).structured_size + syntax_longer
