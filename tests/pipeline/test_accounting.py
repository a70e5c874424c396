"""The times of the pixel stage come back from its workers, each instance in one class of duration."""

import datetime as dt
import functools
import logging
import re

import apache_beam as beam
import pydicom
import pytest

from pipeline.accounting import PixelTimes, pixel_lines, together
from pipeline.metrics import pixel_times
from transforms.model.plan import ALL_TEXT, NO_TEXT
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance
from transforms.pixels.redactor import redactor_of
from transforms.pixels.transform import RedactText


def run(paths: list[str], plan) -> PixelTimes | None:
    def read(path):
        return OpenInstance(InstanceRef(path, "/x", 0), InstanceUids("1", "2", "3"), pydicom.dcmread(path), dt.datetime.now(dt.UTC))

    pipeline = beam.Pipeline(runner="FnApiRunner")
    _ = pipeline | beam.Create(paths) | beam.Map(read) | RedactText(functools.partial(redactor_of, plan))
    result = pipeline.run()
    result.wait_until_finish()
    return pixel_times(result)


def test_times_add_up_over_instances_and_each_is_counted_once(real_file):
    times = run([str(real_file(name)) for name in ("US1_J2KR.dcm", "CT_small.dcm", "MR_truncated.dcm")], ALL_TEXT)
    first, second = pixel_lines(times)
    told = re.findall(r"(\w+) ([\d.]+) s \(at most ([\d.]+)\)", first.removeprefix("pixels: 2 instances; "))
    assert [kind for kind, _, _ in told] == ["choose", "decode", "detect", "encode", "read", "render"]
    for kind in ("decode", "detect", "read", "encode"):
        assert times["seconds"][kind] / 2 < times["longest"][kind] <= times["seconds"][kind]
    assert sum(int(number) for number in re.findall(r"(\d+) (?:within|longer)", second)) == 2
    assert pixel_lines(together(times, times))[0].startswith("pixels: 4 instances; ")
    assert {name: together(times, times)["seconds"][name] / 2 for name in times["seconds"]} == pytest.approx(times["seconds"], abs=1e-6)
    assert together(times, times)["longest"] == times["longest"]
    assert together(times, times)["took"] == {limit: 2 * number for limit, number in times["took"].items()}


def test_the_log_tells_what_each_instance_took(real_file, caplog):
    paths = [str(real_file(name)) for name in ("US1_J2KR.dcm", "CT_small.dcm")]
    with caplog.at_level(logging.INFO, logger="transforms.pixels"):
        times = run(paths, ALL_TEXT)
    told = [one.message.split(": ", 1) for one in caplog.records if one.name == "transforms.pixels.transform"]
    assert sorted(reference for reference, _ in told) == sorted(paths)
    for kind in ("decode", "detect", "read", "encode"):
        each = [int(number) for _, spent in told for number in re.findall(rf"\b{kind} (\d+) ms", spent)]
        assert len(each) == 2
        assert sum(each) == pytest.approx(1000 * times["seconds"][kind], abs=1)


def test_pixels_that_nobody_searches_have_a_time_too(real_file):
    (first, _) = pixel_lines(run([str(real_file("CT_small.dcm"))], NO_TEXT))
    assert re.fullmatch(r"pixels: 1 instance; encode [\d.]+ s \(at most [\d.]+\)", first)


def test_lines_that_there_was_no_time_to_read_are_told(real_file):
    times = run([str(real_file("CT_small.dcm"))], NO_TEXT)
    late = {**times, "unread": 3}
    assert times["unread"] == 0
    assert pixel_lines(together(late, late))[2].startswith("6 lines that were found were not read")


def test_without_instances_there_is_nothing_to_tell(real_file):
    assert pixel_lines(run([str(real_file("MR_truncated.dcm"))], NO_TEXT)) == []
