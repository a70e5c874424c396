"""Whole runs over many small instances on this machine: whether time grows with the number, and memory stays within its bound.

    PYTHONPATH=. python benchmarks/soak.py [--instances 20000] [--quota N]

Treatment plans (tags only, 2 kB), each its own instance, go from a folder to a folder by `dicom-deid run`, with the embedded FHIR
store and the local table: first a quarter of them, then half, then all. CPU is that of the run and of all that it starts,
so that it says something on a machine with other work too; memory is that of the largest process. `--quota` is the store's write
quota, entries a minute.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.data import get_testdata_file

UNITS = 1024
"""ru_maxrss is in kilobytes on Linux."""
RUN = "import sys; from pipeline.main import main; sys.exit(main(sys.argv[1:]))"


class Measured(NamedTuple):
    """One run."""

    instances: int
    wall: float
    cpu: float
    peak: int
    """Bytes."""


def make_plans(folder: Path, count: int) -> None:
    """So many instances, alike but for their UIDs; hard links would be told as copies."""
    folder.mkdir()
    name = get_testdata_file("rtplan.dcm", download=False)
    assert isinstance(name, str)
    dataset = pydicom.dcmread(name)
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        dataset.save_as(folder / f"{number:06}.dcm")


def measure(folder: Path, count: int, quota: int | None) -> Measured:
    """Run over `count` new instances. Raises CalledProcessError where not all of them were written and told."""
    make_plans(folder / "source", count)
    places = [word for name in ("source", "destination", "workspace") for word in (f"--{name}", str(folder / name))]
    words = [*places, *(["--fhir_write_ops_per_minute", str(quota)] if quota else [])]
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", RUN, *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(count, wall, cpu, after.ru_maxrss * UNITS)


def main() -> None:
    """Measure and print a row a run."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--instances", type=int, default=20_000)
    arguments.add_argument("--quota", type=int, help="the store's write quota, entries a minute")
    asked = arguments.parse_args()
    runs: list[Measured] = []
    print("| instances | wall, s | CPU, s | CPU an instance, ms | largest process, MB | more than the first, bytes an instance |")
    print("|---|---|---|---|---|---|", flush=True)
    for part in (4, 2, 1):
        with tempfile.TemporaryDirectory() as folder:
            run = measure(Path(folder), asked.instances // part, asked.quota)
        runs.append(run)
        more = run.instances - runs[0].instances
        grown = f"{(run.peak - runs[0].peak) / more:.0f}" if more else ""
        each = 1000 * run.cpu / run.instances
        print(f"| {run.instances} | {run.wall:.0f} | {run.cpu:.0f} | {each:.1f} | {run.peak / 1e6:.0f} | {grown} |", flush=True)


if __name__ == "__main__":
    main()
