"""A local run holds at most 1 kB an instance on top of what one instance needs (DESIGN, Targets)."""

import os
import subprocess
import sys

import pytest

FEW, MANY = 5_000, 25_000
RUN = """
import datetime as dt, functools, sys
from pathlib import Path
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from pipeline.graph import Run, build
from pipeline.operation import Operation
from transforms.model.config import SAFE_CONFIG
from transforms.model.resolve import resolve
from transforms.model.keys import KeyReference
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import ALL_TEXT
from transforms.pixels.redactor import redactor_of
from transforms.model.workspace import Workspace
from transforms.read.origin import Files
from transforms.write.destination import Folder

source, workspace = sys.argv[1:]
redactor = functools.partial(redactor_of, ALL_TEXT)
operation = Operation(OperationName("memory", "s", "d", LOCAL_FHIR_STORE), Workspace(workspace))
run = Run(operation=operation, plan=resolve(SAFE_CONFIG), redactor=redactor, key=KeyReference("env:DEID_TEST_KEY"), source=Files(source),
          destination=Folder(workspace + "-out"), on_uid_collision="hold", store_url="http://127.0.0.1:9/v1/" + LOCAL_FHIR_STORE,
          write_ops_per_minute=None, phi="omit", shape="google", bigquery=None)
p = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
build(run, p)
p.run().wait_until_finish()
(line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(operation.counts().listed, operation.counts().skipped, int(line.split()[1]))
"""


def peak(folder, number):
    """Peak memory in bytes of the whole graph over so many files that are skipped at once: what is left is the graph's own.

    From /proc: `ru_maxrss` of a process is that of the one that started it, if that was larger.
    """
    source = folder / f"{number}" / "source"
    source.mkdir(parents=True)
    for index in range(number):
        (source / f"1.2.826.0.1.3680043.8.498.{index:040}.dcm").write_bytes(b"x")
    command = [sys.executable, "-c", RUN, str(source), str(folder / f"{number}" / "workspace")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, env={**os.environ, "DEID_TEST_KEY": "6b" * 32})
    listed, skipped, kilobytes = map(int, done.stdout.split())
    assert listed == skipped == number
    return kilobytes * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_grows_by_less_than_a_kilobyte_an_instance(tmp_path):
    few, many = peak(tmp_path, FEW), peak(tmp_path, MANY)
    assert (many - few) / (MANY - FEW) < 1024  # bytes
