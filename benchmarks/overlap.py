"""Writing while de-identifying: the wall time of both beside their sum and the longer of the two.

    PYTHONPATH=. python benchmarks/overlap.py [--entries 1200] [--quota 2400]

Shards of a hundred Provenance appear one after the other, as from workers that take as long for all of them as the store's quota
does (they sleep: what is measured is the writing). The embedded store enforces the quota. Once the writer follows the spool, as in
a local run; once it begins when the last shard is there, as a graph alone would. Both ways are the product's own.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import apache_beam as beam

from pipeline.delivery import Delivery
from pipeline.local.store_process import running_store
from pipeline.overlap import following
from transforms.fhir.transform import WriteToFhirStore
from transforms.model import spool
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.records import ShardRef
from transforms.model.workspace import Workspace

SHARD = 100


def entry(number: int) -> tuple[str, dict[str, object]]:
    """A Provenance as small as one can be."""
    target = {"identifier": {"value": f"studies/2.25.{number}"}}
    agent = {"who": {"display": "benchmark"}}
    resource = {
        "resourceType": "Provenance",
        "id": f"p{number:015}",
        "recorded": "2026-01-01T00:00:00Z",
        "target": [target],
        "agent": [agent],
    }
    return f"{number:016x}", {"provenance": resource}


def wall(entries: int, quota: int, follow: bool) -> float:
    """Seconds until everything is delivered; de-identifying alone takes `entries` / `quota` minutes."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(str(Path(folder, "workspace")))
        workspace.make()
        operation, turn_file = workspace.operation("benchmark"), str(Path(folder, "turn"))
        with running_store(workspace, quota) as base:
            delivery = Delivery(LOCAL_FHIR_STORE, f"{base}/v1beta1/{LOCAL_FHIR_STORE}", write_ops_per_minute=quota)
            assert delivery.url is not None
            beside = following(delivery, delivery.url, operation, turn_file) if follow else contextlib.nullcontext()
            start = time.monotonic()
            with beside:
                for first in range(0, entries, SHARD):
                    time.sleep(SHARD * 60 / quota)
                    spool.write_entries(operation.spool, [entry(number) for number in range(first, first + SHARD)])
                with beam.Pipeline(runner="FnApiRunner") as p:
                    shards = p | beam.Create([]).with_output_types(ShardRef)
                    _ = shards | WriteToFhirStore(delivery.url, operation, quota, turn_file=turn_file)
            took = time.monotonic() - start
        assert len(list(operation.answered.glob("*"))) == entries // SHARD
        return took


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=1200, help="a multiple of 100")
    arguments.add_argument("--quota", type=int, default=2400, help="writes a minute")
    asked = arguments.parse_args()
    alone = 60 * asked.entries / asked.quota
    print(f"de-identifying alone {alone:.0f} s, writing alone {alone:.0f} s, one after the other {2 * alone:.0f} s")
    for follow in (True, False):
        took = wall(asked.entries, asked.quota, follow)
        print(f"{'following the spool' if follow else 'when all is there'}: {took:.1f} s, {took / alone:.2f} of the longer", flush=True)


if __name__ == "__main__":
    main()
