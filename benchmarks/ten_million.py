"""What is done once for each of ten million instances beside the work on them, run through whole: listing, spool, ledger, marks, pacing.

    PYTHONPATH=. python benchmarks/ten_million.py [--instances 10000000] [--marked 1000000] [--spooled 20000] [PART …]

Every part is the product's own code over so many instances, and tells its CPU and what it holds in memory:

- `listing`: the stages List and Identify over a DICOM store, study by study, the source list included (on this machine's disk); the
  requests that QIDO-RS takes are told, not made, and their answers reckoned
- `spool`: entries of the size of a treatment plan's Provenance, `--spooled` of them, told for all: they would be 108 GB
- `references`: the index of each shard stands in a folder, whole; the names of the shards are listed, all references are read (as each
  worker does to know what is done, and the last step to count what is proven), and the ledger takes in every one
- `marks`: whether all that `--marked` of them are marked as published are proven, told for all: they stand in files of 16
- `pacing`: every bundle, by a clock that jumps
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from apache_beam.pvalue import TaggedOutput

from benchmarks.soak import MARKED, UNITS
from transforms.fhir.ledger import Ledger
from transforms.fhir.pacing import Pacer, bundle_entries
from transforms.model import spool
from transforms.model.dicom_store import DicomStore
from transforms.model.keys import KeyReference, make_key_file
from transforms.model.records import ShardRef
from transforms.model.workspace import OperationFolder, Workspace
from transforms.read.origin import PAGE, Store
from transforms.read.packing import Packing
from transforms.read.transform import _Identify, _List
from transforms.write.marks import doubtful

STUDY = 500
"""Instances of a study."""
RESOURCE_BYTES = 10_700
"""Of a treatment plan's Provenance, in the spool of a run (`benchmarks/soak.py`)."""
NAME = "projects/p/locations/l/datasets/d/dicomStores/s"
UID = "1.2.826.0.1.3680043.8.498"


@dataclasses.dataclass(frozen=True)
class _Reckoned(Store):
    """A DICOM store of so many instances; what it would answer to a search is reckoned, not asked for."""

    count: int = 0

    def _listed(self, path: str, *_: object) -> list[tuple[str, ...]]:
        """UIDs of all studies, or of series and instance in one."""
        study = path.split("/")[1:2]
        if not study:
            return [(f"{UID}.{number}",) for number in range(math.ceil(self.count / STUDY))]
        first = int(study[0].rpartition(".")[2]) * STUDY
        return [(f"{study[0]}.1", f"{study[0]}.1.{number}") for number in range(min(STUDY, self.count - first))]


def reference(number: int) -> str:
    """Spread as those of a keyed hash are."""
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"


def listing(folder: OperationFolder, asked: argparse.Namespace) -> None:
    """From the source to what meets the others of its SOP instance."""
    key_file = Path(folder.root).parent / "key"
    key_file.parent.mkdir(parents=True, exist_ok=True)
    make_key_file(key_file)
    source, key = _Reckoned(DicomStore(NAME, "http://127.0.0.1:9", None, None), count=asked.instances), KeyReference(f"file:{key_file}")
    listed, identified = _List(source, folder, key), _Identify(source, key, Packing(source.root), None)
    listed.setup()
    identified.setup()
    count = size = 0
    for found in listed.process(b""):
        if not isinstance(found, TaggedOutput):
            for _, packed in identified.process((found[0], [found[1]])):
                count, size = count + 1, size + len(packed)
    assert count == asked.instances
    studies = math.ceil(count / STUDY)
    requests = math.ceil(studies / PAGE) + 1 + studies * (math.ceil(STUDY / PAGE) + 1)
    print(f"  {size / count:.0f} bytes each, {size / 1e9:.2f} GB; {requests:,} requests of QIDO-RS for {studies:,} studies of {STUDY}")


def spooling(folder: OperationFolder, asked: argparse.Namespace) -> None:
    """Entries at their full size."""
    start, count = time.process_time(), asked.spooled
    text = f"{0:016x}" * (RESOURCE_BYTES // 16)
    resources = ({"resourceType": "Provenance", "id": f"p{number:015}", "text": text} for number in range(count))
    shards = spool.write_entries(folder.spool, ((reference(n), {"provenance": one}) for n, one in enumerate(resources)))
    written, kept = time.process_time(), Ledger(folder)
    for found in kept.entries(spool.shards(folder.spool)):
        kept.answered(found)
    assert sum(answer.answered for answer in kept.finished()) == count
    settled, size = time.process_time(), sum(shard.size for shard in shards) / count
    write, read = (written - start) / count, (settled - written) / count
    print(f"  {1e6 * write:.0f} us and {size / 1000:.1f} kB an entry; for all {asked.instances * size / 1e9:.0f} GB")
    print(f"  reading and settling it {1e6 * read:.0f} us an entry; for all {asked.instances * read / 60:.0f} min")


def references(folder: OperationFolder, asked: argparse.Namespace) -> None:
    """Shards without their entries, all answered, so that nothing of them is read but what is in them."""
    shards = math.ceil(asked.instances / spool.MAX_ENTRIES)
    folder.spool.mkdir(parents=True)
    folder.answered.mkdir(parents=True)
    for shard in range(shards):
        name, first = f"{shard:032x}", shard * spool.MAX_ENTRIES
        lines = sorted(reference(number) for number in range(first, min(first + spool.MAX_ENTRIES, asked.instances)))
        (folder.spool / f"{name}.refs").write_text("\n".join(lines) + "\n")
        (folder.spool / f"{name}.ndjson").touch()
        (folder.answered / name).touch()
    told("making them")
    names = spool.shard_names(folder.spool)
    told(f"the names of {len(names):,} shards")
    found = spool.references(folder.spool, held=None)
    assert len(found) == asked.instances
    told("all references")
    del found
    ledger = Ledger(folder)
    assert not list(ledger.entries(ShardRef(name, 0, 0) for name in names))
    assert sum(answer.answered for answer in ledger.finished()) == asked.instances
    told("the ledger")


def marks(folder: OperationFolder, asked: argparse.Namespace) -> None:
    """Marks of instances that are all in the spool."""
    spool.write_entries(folder.spool, ((reference(number), {}) for number in range(asked.marked)))
    folder.marks.mkdir(parents=True)
    for first in range(0, asked.marked, MARKED):
        lines = (f'["{reference(n)}", ["{UID}.1", "{UID}.2", "{UID}.{n}"], "{n:064x}"]\n' for n in range(first, first + MARKED))
        (folder.marks / f"{first:032x}.ndjson").write_text("".join(lines))
    told("making them")
    assert not doubtful(folder)
    told(f"what of {asked.marked:,} marks is not proven")


def pacing(_folder: OperationFolder, asked: argparse.Namespace) -> None:
    """By the writer's own pace."""
    for quota in (6_000, 60_000):
        minutes, bundles = paced(asked.instances, quota)
        used = asked.instances / quota / minutes
        print(f"  at {quota:,} a minute: {minutes / 60:.1f} h in {bundles:,} bundles, {used:.4f} of the quota")


def paced(entries: int, quota: int) -> tuple[float, int]:
    """Virtual minutes until the last of so many entries is sent, and the bundles it takes."""
    now = 0.0
    pacer, most = Pacer(quota, lambda: now), bundle_entries(quota)
    bundles = math.ceil(entries / most)
    for _ in range(bundles):
        now += pacer.wait()
        pacer.took(most)
    return (now + pacer.wait()) / 60, bundles


PARTS: dict[str, Callable[[OperationFolder, argparse.Namespace], None]] = {
    "listing": listing,
    "spool": spooling,
    "references": references,
    "marks": marks,
    "pacing": pacing,
}
_latest = [0.0]


def told(what: str) -> None:
    """Say what CPU this process has taken since the latest line, and what memory so far; a part run alone has its own peak."""
    now = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNITS
    print(f"  {what}: {now - _latest[0]:.1f} s of CPU; the process had {peak / 1e6:.0f} MB at most", flush=True)
    _latest[0] = time.process_time()


def main() -> None:
    """Run through the parts and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for option, default in (("--instances", 10_000_000), ("--marked", 1_000_000), ("--spooled", 20_000)):
        arguments.add_argument(option, type=int, default=default)
    asked = arguments.parse_args()
    for name in asked.parts or PARTS:
        print(f"{name}:", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            told("before")
            PARTS[name](Workspace(folder).operation("benchmark"), asked)
            told("in all since")


if __name__ == "__main__":
    main()
