"""What is redacted is looked at again: a line that comes to light goes too, and what is still there then is a doubt."""

import datetime as dt

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.plan import ALL_TEXT
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.pixels.redactor import AGAIN, Redactor
from transforms.pixels.regions import Region, is_outside
from transforms.pixels.search import Line
from transforms.pixels.selection import OUTSIDE
from transforms.pixels.templates import parse_templates


class TopmostBlob:
    """A search that sees one bright blob at a time, so that each hides the next."""

    def lines(self, *images: np.ndarray, regions: tuple[Region, ...] = ()) -> list[Line]:  # noqa: ARG002
        image = images[0]
        if not image.any():
            return []
        _, _, places, _ = cv2.connectedComponentsWithStats((image > 127).astype(np.uint8))
        left, top, width, height, _ = min(map(tuple, places[1:]), key=lambda place: place[1])
        return [Line(left, top, left + width, top + height, "x", 0.9)]

    def forget(self) -> None:
        pass


class SeesOutsideAlone(TopmostBlob):
    """A search to which all is too faint that is not suspected."""

    def lines(self, *images: np.ndarray, regions: tuple[Region, ...] = ()) -> list[Line]:
        return [line for line in super().lines(*images) if is_outside(line, regions)]


def instance(real_file, rows: list[int], frames: int = 1) -> OpenInstance:
    """Frames with a bright blob at each of these rows."""
    dataset = pydicom.dcmread(real_file("CT_small.dcm"))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue"):
        if keyword in dataset:
            delattr(dataset, keyword)
    samples = np.zeros((frames, 128, 128), "<i2")
    for row in rows:
        samples[:, row : row + 4, 10:50] = 900
    dataset.NumberOfFrames, dataset.PixelData = frames, samples.tobytes()
    return OpenInstance(InstanceRef("00" * 8, "/x", 0), InstanceUids("1.2", "1.3", "1.4"), dataset, dt.datetime.now(dt.UTC))


def redacted(opened: OpenInstance, search=TopmostBlob, **options) -> PixelResult:
    return Redactor(ALL_TEXT, search(), PixelSearch.DEFAULT, **options).redact(opened).pixels


@pytest.mark.parametrize(
    ("rows", "reasons", "look"),
    [
        ([], [], SecondLook.CLEAN),
        ([20], [""], SecondLook.CLEAN),
        ([20, 40], ["", AGAIN], SecondLook.CLEAN),
        ([20, 40, 60], ["", AGAIN], SecondLook.RESIDUAL),
    ],
)
def test_a_residual_line_goes_and_what_is_left_after_it_is_told(real_file, rows, reasons, look):
    result = redacted(instance(real_file, rows))
    assert ([box.reason for box in result.boxes], result.second_look) == (reasons, look)
    assert result.is_without_text == (look is SecondLook.CLEAN)
    left = np.frombuffer(result.pixel_data or b"", "<i2")
    assert left.any() == (len(rows) > 2)


def test_one_frame_of_many_is_enough_for_a_doubt(real_file):
    result = redacted(instance(real_file, [20, 40, 60], frames=3))
    assert ([box.frame for box in result.boxes], result.second_look) == ([0, 0, 1, 1, 2, 2], SecondLook.RESIDUAL)


def test_without_a_second_look_nothing_is_claimed(real_file):
    result = redacted(instance(real_file, [20, 40]), second_look=False)
    assert (len(result.boxes), result.second_look, result.is_without_text) == (1, SecondLook.NONE, False)


def test_a_known_layout_is_hidden_whatever_is_found(real_file):
    text = "- {name: Known, match: {Modality: CT, Rows: 128, Columns: 128}, boxes: [[0, 15, 128, 30]]}"
    result = redacted(instance(real_file, [20, 40, 60], frames=2), templates=parse_templates(text, "x"))
    # The search sees the blob at row 20 first; the layout hides it, so that it takes no look, and is told with what was read in it.
    assert [(box.frame, box.top, box.reason, box.text, box.confidence) for box in result.boxes if box.frame == 0] == [
        (0, 15, "template Known", "x", 0.9),
        (0, 40, AGAIN, "x", 0.9),
    ]
    other = parse_templates(text.replace("CT", "MR"), "x")
    assert not any("template" in box.reason for box in redacted(instance(real_file, [20]), templates=other).boxes)


@pytest.mark.parametrize(("row", "reason"), [(20, OUTSIDE), (60, ""), (48, OUTSIDE)])
def test_what_is_written_outside_the_regions_of_an_ultrasound_says_so(real_file, row, reason):
    opened, region = instance(real_file, [row]), pydicom.Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 0, 50, 127, 127
    opened.dataset.SequenceOfUltrasoundRegions = [region]
    assert [box.reason for box in redacted(opened).boxes] == [reason]
    assert [box.reason for box in redacted(opened, SeesOutsideAlone).boxes] == ([OUTSIDE] if reason else [])
