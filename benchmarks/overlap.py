"""Writing while de-identifying: the wall time of a whole run beside those of its two parts, their sum and the longer of them.

    PYTHONPATH=. nice python benchmarks/overlap.py [--instances 600] [--quota 300] [--shard 50]

One whole run by `dicom-deid run` over the plans of `soak.py`, from a folder to a folder, with the embedded store, which enforces the
quota. What cannot be done at the same time is the writing of one shard. The product's have 500 instances; here they have `--shard`, so
that few instances make as many shards as a longer run has. Both parts are of this very run, since a machine is never twice the same:
de-identifying ends when the last instance is in the destination, and writing takes what the quota makes of the number of resources. What
of the run's time is beyond the longer part is what was not done at the same time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.soak import RUN, make_plans

SHARD = "from transforms.model import spool; spool.MAX_ENTRIES = {}; "
LOOK_SECONDS = 1.0


def measure(folder: Path, instances: int, quota: int, shard: int) -> tuple[float, float]:
    """Seconds until the last instance was published, and of the whole run, its start included."""
    make_plans(folder / "source", instances)
    places = [word for name in ("source", "destination", "workspace") for word in (f"--{name}", str(folder / name))]
    command = [sys.executable, "-c", SHARD.format(shard) + RUN, *places, "--fhir_write_ops_per_minute", str(quota)]
    published, start = 0.0, time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:  # noqa: S603 - our own
        while run.poll() is None:
            time.sleep(LOOK_SECONDS)
            if not published and sum(1 for _ in (folder / "destination").rglob("*.dcm")) == instances:
                published = time.monotonic() - start
    whole = time.monotonic() - start
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return published or whole, whole


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--instances", type=int, default=600)
    arguments.add_argument("--quota", type=int, default=300, help="writes a minute")
    arguments.add_argument("--shard", type=int, default=50, help="instances of a shard")
    asked = arguments.parse_args()
    writing = 60 * (asked.instances + 1) / asked.quota
    with tempfile.TemporaryDirectory() as folder:
        published, whole = measure(Path(folder), asked.instances, asked.quota, asked.shard)
    print("| instances | de-identified after, s | writing alone, s | the longer | their sum | the run, s |")
    print("|---|---|---|---|---|---|")
    figures = (published, writing, max(published, writing), published + writing, whole)
    print(f"| {asked.instances} | {' | '.join(f'{seconds:.0f}' for seconds in figures)} |")


if __name__ == "__main__":
    main()
