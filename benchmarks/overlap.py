"""Writing while de-identifying: the wall time of a whole run beside those of its two parts, their sum and the longer of them.

    PYTHONPATH=. nice python benchmarks/overlap.py [--instances 3000]

Whole runs by `dicom-deid run` over the plans of `soak.py`, from a folder to a folder, with shards of the product's own size and the
embedded store, which enforces the quota. First one without a quota: that is the time to de-identify, writing being next to nothing
there. Then one at the quota at which writing alone takes as long, and one at half of it. What of a wall time is beyond the longer part
is what was not done at the same time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.soak import measure


def wall(instances: int, quota: int | None) -> float:
    """Seconds of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), instances, quota).wall


def main() -> None:
    """Measure and print a row a run."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--instances", type=int, default=3000)
    instances: int = arguments.parse_args().instances
    alone = wall(instances, None)
    print("| de-identifying, s | quota a minute | writing, s | the longer | their sum | the run, s |")
    print("|---|---|---|---|---|---|", flush=True)
    for part in (1, 2):
        quota = int(60 * instances / alone / part)
        writing = 60 * (instances + 1) / quota
        took = wall(instances, quota)
        print(f"| {alone:.0f} | {quota} | {writing:.0f} | {max(alone, writing):.0f} | {alone + writing:.0f} | {took:.0f} |", flush=True)


if __name__ == "__main__":
    main()
