"""The times of the pixel stage come back from its workers, each instance in one class of duration."""

import datetime as dt
import functools
import re

import apache_beam as beam
import pydicom
import pytest

from pipeline.accounting import PixelTimes, pixel_lines, pixel_times, together
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


def test_without_instances_there_is_nothing_to_tell(real_file):
    assert pixel_lines(run([str(real_file("MR_truncated.dcm"))], NO_TEXT)) == []
