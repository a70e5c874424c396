"""Whole runs over many small instances on this machine: whether time grows with the number, and memory stays within its bound.

    PYTHONPATH=. python benchmarks/soak.py [--instances 20000] [--quota N] [--known]

Treatment plans (tags only, 2 kB), each its own instance, go from a folder to a folder by `dicom-deid run`, with the embedded FHIR
store and the local table: first a quarter of them, then half, then all. CPU is that of the run and of all that it starts,
so that it says something on a machine with other work too; memory is that of the largest process. `--quota` is the store's write
quota, entries a minute.

`--known` leaves out the work on the instances: an operation that has done one of them is given the marks and the spool of a run over all,
and is run again. What it does then (listing, finding out what is done, writing to the store, counting, the table) is whole, and is all
that of a run over many takes more memory than of one over few, but for what Beam keeps of each instance on its way through the work.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.data import get_testdata_file

from transforms.model import names, spool
from transforms.model.keys import KeyReference, Purpose
from transforms.model.storage import create_if_absent
from transforms.model.workspace import OperationFolder, Workspace

UNITS = 1024
"""ru_maxrss is in kilobytes on Linux."""
FIRST = 10**8
"""Ends the UID of the first instance; all are of one length."""
MARKED = 16
"""Instances that are marked in one file."""
RUN = "import sys; from pipeline.main import main; sys.exit(main(sys.argv[1:]))"


class Measured(NamedTuple):
    """One run."""

    instances: int
    wall: float
    cpu: float
    peak: int
    """Bytes."""


def make_plans(folder: Path, count: int) -> None:
    """So many instances, alike but for their UIDs; hard links would be told as copies. Those that are there stay."""
    folder.mkdir(exist_ok=True)
    name = get_testdata_file("rtplan.dcm", download=False)
    assert isinstance(name, str)
    dataset, made = pydicom.dcmread(name), io.BytesIO()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid = f"1.2.3.4.{FIRST}"
    dataset.save_as(made)
    for number in range(len(list(folder.iterdir())), count):
        (folder / f"{number:06}.dcm").write_bytes(made.getvalue().replace(uid.encode(), f"1.2.3.4.{FIRST + number}".encode()))


def measure(folder: Path, count: int, quota: int | None) -> Measured:
    """Run over `count` new instances. Raises CalledProcessError where not all of them were written and told."""
    make_plans(folder / "source", count)
    return _measured(folder, count, quota)


def measure_known(folder: Path, count: int, quota: int | None) -> Measured:
    """Run over `count` instances of which all is known but what the store and the table say. Raises CalledProcessError, too."""
    make_plans(folder / "source", 1)
    _measured(folder, 1, quota)
    _pretend(folder, count)
    return _measured(folder, count, quota)


def _pretend(folder: Path, count: int) -> None:
    """Leave so many sources, and what a killed run over all leaves of them in a workspace in which one is done."""
    workspace = Workspace(str(folder / "workspace"))
    operation = OperationFolder(str(next(workspace.operations.glob("*.json")).with_suffix("")))
    (one,), key = spool.read_all(operation.spool), KeyReference(f"file:{workspace.key_file}").load()
    text, shard, marks = json.dumps(one["provenance"]), spool.Shard(operation.spool), list[bytes]()
    make_plans(folder / "source", count)
    for number, source in enumerate(sorted((folder / "source").iterdir())[1:], 1):
        reference = names.reference(key.purpose(Purpose.OPERATION), str(source.resolve()))
        provenance = json.loads(text) | {"id": f"i{number:032x}"}
        shard.add(reference, {"provenance": provenance})
        marks.append(json.dumps([reference, ["2.25.1", "2.25.2", f"2.25.{number}"], f"{number:064x}"]).encode() + b"\n")
        if shard.full or number == count - 1:
            shard.close()
    for start in range(0, len(marks), MARKED):
        create_if_absent(operation.marks / f"{start:032x}.ndjson", b"".join(marks[start : start + MARKED]), 0o600)


def _measured(folder: Path, count: int, quota: int | None) -> Measured:
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
    arguments.add_argument("--known", action="store_true", help="leave out the work on the instances")
    asked = arguments.parse_args()
    run_over = measure_known if asked.known else measure
    runs: list[Measured] = []
    print("| instances | wall, s | CPU, s | CPU an instance, ms | largest process, MB | more than the first, bytes an instance |")
    print("|---|---|---|---|---|---|", flush=True)
    for part in (4, 2, 1):
        with tempfile.TemporaryDirectory() as folder:
            run = run_over(Path(folder), asked.instances // part, asked.quota)
        runs.append(run)
        more = run.instances - runs[0].instances
        grown = f"{(run.peak - runs[0].peak) / more:.0f}" if more else ""
        each = 1000 * run.cpu / run.instances
        print(f"| {run.instances} | {run.wall:.0f} | {run.cpu:.0f} | {each:.1f} | {run.peak / 1e6:.0f} | {grown} |", flush=True)


if __name__ == "__main__":
    main()
