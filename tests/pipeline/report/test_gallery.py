"""The gallery is a sample that leaves the page small, whatever the frames look like and however many boxes they have."""

import dataclasses
import re

import numpy as np
import pytest
from pydicom import examples
from pydicom.uid import ExplicitVRLittleEndian

from pipeline.local.table import build
from pipeline.report.gallery import BYTES
from pipeline.report.page import report
from transforms.model.records import BoxFinding, InstanceUids
from transforms.model.storage import replace
from transforms.write.paths import destination_path

SERIES = 20
LARGEST = 10_000_000
"""Bytes that the page stays under."""


@pytest.fixture
def noise(tmp_path):
    """An image of 640 x 640 random colours, which no JPEG makes small."""
    dataset = examples.rgb_color
    dataset.Rows = dataset.Columns = 640
    dataset.PixelData = np.random.default_rng(1).integers(0, 256, (640, 640, 3), np.uint8).tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(tmp_path / "noise.dcm")
    return tmp_path / "noise.dcm"


@pytest.fixture
def page(tmp_path, workspace, spool_operation, make_instance, noise):
    """A function from the boxes of an instance to the report of a series for each of SERIES such instances."""

    def make(boxes, **options):
        destination, made = tmp_path / "destination", []
        for number in range(SERIES):
            uids = InstanceUids("2.25.1", f"2.25.2{number}", f"2.25.3{number}")
            made.append(dataclasses.replace(make_instance(number, boxes=boxes), target=uids))
            path = destination_path(str(destination), uids)
            path.parent.mkdir(parents=True)
            path.hardlink_to(noise)
        folder = spool_operation("op1", made)
        replace(folder.destination_file, str(destination).encode())
        build(workspace)
        report(workspace, str(tmp_path / "report.html"), pictures=True, **options)
        return (tmp_path / "report.html").read_text()

    return make


@pytest.mark.parametrize("quotes", [False, True])
def test_pictures_that_no_jpeg_makes_small_and_texts_of_many_boxes_end_the_sample(page, quotes):
    boxes = [BoxFinding(0, 10, number, 110, number + 15, "<" * 500, 0.9) for number in range(100)]
    told = page(boxes, quotes=quotes)
    shown = told.count('<img src="data:')
    assert re.search(rf"<p>{shown} of {SERIES} frames with boxes", told)
    assert "could not be shown" not in told
    assert 1 < shown < SERIES
    assert BYTES * 0.85 < len(told.encode()) < LARGEST  # none was left out that had room
