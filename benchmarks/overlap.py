"""Writing while de-identifying: the wall time of a whole run beside those of its two parts, their sum and the longer of them.

    PYTHONPATH=. nice python benchmarks/overlap.py [--instances 600] [--quota 300] [--shard 50]

One whole run by `dicom-deid run` over the plans of `soak.py`, from a folder to a folder, with the embedded store, which enforces the
quota. What cannot be done at the same time is the making of the first shard and the writing of the last. The product's have 500 instances;
here they have `--shard`, so that few instances make as many shards as a longer run has. All times are of this very run, since a machine is
never twice the same: from its start to the first shard, to the last instance in the destination, to the last answer of the store, and to
its end. Writing alone takes what the quota makes of the number of resources.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.soak import RUN, make_plans

SHARD = "from transforms.model import spool; spool.MAX_ENTRIES = {}; "
LOOK_SECONDS = 1.0


def measure(folder: Path, instances: int, quota: int, shard: int) -> list[float]:
    """Seconds until there was a shard, until the last instance was published, until all shards were answered, and of the whole run."""
    make_plans(folder / "source", instances)
    places = [word for name in ("source", "destination", "workspace") for word in (f"--{name}", str(folder / name))]
    command = [sys.executable, "-c", SHARD.format(shard) + RUN, *places, "--fhir_write_ops_per_minute", str(quota)]
    wanted = {"workspace/operations/*/spool/*.ndjson": 1, "destination/*/*/*.dcm": instances}
    wanted["workspace/operations/*/answered/*"] = math.ceil(instances / shard)
    reached, start = dict.fromkeys(wanted, 0.0), time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:  # noqa: S603 - our own
        while run.poll() is None:
            time.sleep(LOOK_SECONDS)
            for files, count in wanted.items():
                if not reached[files] and sum(1 for _ in folder.glob(files)) >= count:
                    reached[files] = time.monotonic() - start
    whole = time.monotonic() - start
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return [*(seconds or whole for seconds in reached.values()), whole]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--instances", type=int, default=600)
    arguments.add_argument("--quota", type=int, default=300, help="writes a minute")
    arguments.add_argument("--shard", type=int, default=50, help="instances of a shard")
    asked = arguments.parse_args()
    writing = 60 * (asked.instances + 1) / asked.quota
    with tempfile.TemporaryDirectory() as folder:
        shard, published, written, whole = measure(Path(folder), asked.instances, asked.quota, asked.shard)
    print(
        "| writes a minute | first shard, s | de-identified, s | writing alone, s | the longer | their sum | all written, s | the run, s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    figures = (shard, published, writing, max(published, writing), published + writing, written, whole)
    print(f"| {asked.quota} | {' | '.join(f'{seconds:.0f}' for seconds in figures)} |")


if __name__ == "__main__":
    main()
