"""What ten million instances would take: stage costs measured here, and listing, spool, ledger and pacing in virtual time.

    PYTHONPATH=. python benchmarks/scale.py [--seconds 10] [--vcpu_hour PRICE]

CPU of an instance on its way from bytes to bytes (read, redact, scrub, prove), its processes included, is measured for real files of
eight kinds, each for so many seconds, and CPU of a megabyte as what many large frames take more than few. What a run holds for each
instance is measured on two hundred thousand and told for ten million; it grows in proportion. Shards are as large as those of a
treatment plan's Provenance, and the ledger is the writer's own, to which every entry is answered at once. The folder of a spool is
listed with as many shards as ten million instances have. Pacing runs through ten million entries by a clock that jumps.
`--vcpu_hour` is what an hour of a vCPU with its memory costs you; a million instances are then told in money. Instances an hour
against cores and quota are `dicom-deid plan`'s own (`docs/scale.md`).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import hashlib
import math
import random
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from benchmarks.large_instances import LAYOUT, Case, make
from pipeline.cpu import cpu_seconds
from pipeline.plan import Plan
from transforms.fhir.ledger import Ledger
from transforms.fhir.pacing import Pacer, bundle_entries
from transforms.model import spool
from transforms.model.config import SAFE_CONFIG
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ActionPlan
from transforms.model.records import InstanceRef
from transforms.model.resolve import resolve
from transforms.model.storage import create_if_absent
from transforms.model.workspace import Workspace
from transforms.pixels.redactor import redactor_of
from transforms.pixels.templates import Template
from transforms.proof.prover import Prover
from transforms.read.open import has_pixels, open_instance
from transforms.read.packing import Packing
from transforms.tags.scrubber import Scrubber

KINDS = {
    "plan, tags only": "rtplan.dcm",
    "MR 64×64": "MR_small.dcm",
    "MR, 10 frames of 64×64": "emri_small.dcm",
    "CT 128×128": "CT_small.dcm",
    "CT 512×512": "693_UNCR.dcm",
    "CR 1955×1841": "RG1_UNCR.dcm",
    "US 800×350": "examples_palette.dcm",
    "US, 2 frames of 800×600": "OBXXXX1A_2frame.dcm",
}
CORES, QUOTAS = (2, 8, 32, 128), (6_000, 60_000)
"""What the model is told for."""
NOISY = 0.25
"""The part of a file, from its end, in which one byte in a hundred is changed by one: texts that were read are remembered."""
FRAMES = {"native": ExplicitVRLittleEndian, "RLE": RLELossless}
FEW, MANY, SIDE = 20, 100, 512
"""Frames of two instances that differ in nothing else, and the pixels of a side of each."""
MILLION = 1_000_000
HELD = 200_000
SPOOLED = 20_000
RESOURCE_BYTES = 10_700
"""Of a treatment plan's Provenance, in the spool of a run (`benchmarks/soak.py`)."""
SECRET = Secret(b"benchmark".ljust(32, b"."))


class Stages:
    """An instance's way between reading and publishing, as a worker has it."""

    def __init__(self, templates: tuple[Template, ...] = ()) -> None:
        self._plan: ActionPlan = resolve(SAFE_CONFIG)
        self._redactor, self._prover = redactor_of(self._plan.image, templates=templates), Prover(self._plan)
        self._scrubber = Scrubber(self._plan, SECRET)

    def run(self, content: bytes) -> None:
        """From bytes to bytes; what is held or refused has taken its time as well."""
        ref = InstanceRef("0" * 16, "/x.dcm", len(content))
        with contextlib.suppress(InstanceProblem):
            opened = open_instance(ref, content, SECRET.purpose(Purpose.UID), dt.datetime.now(dt.UTC))
            self._prover.prove(self._scrubber.scrub(self._redactor.redact(opened) if has_pixels(opened.dataset) else opened))


def varied(content: bytes, number: int) -> bytes:
    """The same instance with other noise; the files with pixels end with some."""
    chance, changed = random.Random(number), bytearray(content)  # noqa: S311 - no secret
    start = int(len(content) * (1 - NOISY))
    for at in chance.sample(range(start, len(content)), (len(content) - start) // 100):
        changed[at] ^= 1
    return bytes(changed)


def stage_costs(seconds: float) -> dict[str, float]:
    """CPU seconds of an instance of each kind, after a first one that warms up."""
    stages, found = Stages(), {}
    for kind, name in KINDS.items():
        path = get_testdata_file(name, download=False)
        if path is None:
            raise SystemExit(f"{name} is not installed: pip install pydicom-data")
        content, taken, end = Path(str(path)).read_bytes(), list[float](), time.monotonic() + seconds
        stages.run(content)
        while time.monotonic() < end or not taken:
            other = content if "tags only" in kind else varied(content, len(taken))
            start = cpu_seconds()
            stages.run(other)
            taken.append(cpu_seconds() - start)
        found[kind] = sum(taken) / len(taken)
    return found


def planned(seconds: float, cores: int, quota: int) -> Plan:
    """What `dicom-deid plan` says of a million instances, each of which takes so much CPU."""
    return Plan(MILLION, 0, 1, seconds, cores, quota)


def an_hour(plan: Plan) -> float:
    """Instances, where writing goes on beside the work."""
    return 60 * plan.instances / plan.wall


def cores_fed(seconds: float, quota: int) -> int:
    """As many cores as keep the store's quota busy; more of them wait."""
    return math.ceil(quota * seconds / 60)


def model_rows(costs: dict[str, float], vcpu_hour: float | None) -> Iterator[str]:
    """The tables of the model: what an instance costs, and instances an hour against cores and quota, with `*` where the quota binds."""
    money = " in money |" if vcpu_hour else ""
    yield f"| kind | CPU an instance | an hour on one core | core-hours a million |{money} cores that {QUOTAS[0]:,} writes a minute feed |"
    for kind, seconds in costs.items():
        hours = planned(seconds, 1, QUOTAS[0]).deidentifying / 60
        price = f" {hours * vcpu_hour:.2f} |" if vcpu_hour else ""
        yield f"| {kind} | {seconds:.3f} s | {3600 / seconds:,.0f} | {hours:.0f} |{price} {cores_fed(seconds, QUOTAS[0])} |"
    yield "| instances an hour | " + " | ".join(f"{cores} cores, {quota:,}" for quota in QUOTAS for cores in CORES) + " |"
    for kind, seconds in costs.items():
        plans = [planned(seconds, cores, quota) for quota in QUOTAS for cores in CORES]
        yield f"| {kind} | " + " | ".join(f"{an_hour(plan):,.0f}{'*' if plan.waits_for_quota else ''}" for plan in plans) + " |"


def byte_costs() -> dict[str, float]:
    """CPU seconds of a megabyte of samples of 16 bits, by the syntax: what many frames with a box in each take more than few."""
    found = {}
    for name, syntax in FRAMES.items():
        stages, taken = Stages((LAYOUT,)), []
        for frames in (FEW, FEW, MANY):  # the first warms up
            with tempfile.TemporaryDirectory() as folder:
                make(Case(frames, SIDE, syntax), Path(folder, "source.dcm"))
                content = Path(folder, "source.dcm").read_bytes()
            start = cpu_seconds()
            stages.run(content)
            taken.append(cpu_seconds() - start)
        found[name] = (taken[2] - taken[1]) / ((MANY - FEW) * 2 * SIDE**2 / 1e6)
    return found


def listing() -> tuple[float, float]:
    """Microseconds of CPU and bytes that one file takes on its way to the others of its SOP instance."""
    packing, root = Packing("gs://bucket/studies"), "gs://bucket/studies/1.2.826.0.1.3680043.8.498"
    name, start = hashlib.sha256(b"x").digest()[:16], time.process_time()
    packed = [packing.packed(name, InstanceRef(f"{n:016x}", f"{root}.{n % 500}/{n:040}.dcm", n)) for n in range(HELD)]
    return 1e6 * (time.process_time() - start) / HELD, sum(map(len, packed)) / HELD


def entry(number: int) -> tuple[str, dict[str, object]]:
    """A Provenance of the usual size."""
    resource = {"resourceType": "Provenance", "id": f"p{number:015}", "text": f"{number:016x}" * (RESOURCE_BYTES // 16)}
    return f"{number:016x}", {"provenance": resource}


def spooling() -> tuple[float, float, float, int]:
    """Microseconds of CPU to spool an entry, and for the writer to find and settle it; bytes in the spool; entries of a shard."""
    with tempfile.TemporaryDirectory() as folder:
        operation = Workspace(folder).operation("benchmark")
        start = time.process_time()
        shards = spool.write_entries(operation.spool, map(entry, range(SPOOLED)))
        written, kept = time.process_time(), Ledger(operation)
        for found in kept.entries(spool.shards(operation.spool)):
            kept.answered(found)
        assert sum(answer.answered for answer in kept.finished()) == SPOOLED
        settled = time.process_time()
    sizes = sum(shard.size for shard in shards)
    return 1e6 * (written - start) / SPOOLED, 1e6 * (settled - written) / SPOOLED, sizes / SPOOLED, shards[0].entries


def looking(shards: int) -> float:
    """Seconds of CPU to see which shards a spool of so many has, as the writer beside a run does every second."""
    with tempfile.TemporaryDirectory() as folder:
        operation = Workspace(folder).operation("benchmark")
        operation.spool.mkdir(parents=True)
        for number in range(shards):
            for suffix in ("refs", "ndjson"):
                (operation.spool / f"{number:032x}.{suffix}").touch()
        start = time.process_time()
        assert len(spool.shard_names(operation.spool, held=False)) == shards
        return time.process_time() - start


def ledger() -> float:
    """Bytes that the writer holds for each entry, so that none is sent twice; its real one, over shards of references alone."""
    with tempfile.TemporaryDirectory() as folder:
        operation = Workspace(folder).operation("benchmark")
        shards = spool.write_entries(operation.spool, ((f"{number:016x}", {}) for number in range(HELD)))
        for shard in shards:  # answered in an earlier run: nothing of it is sent, all of it is known
            create_if_absent(operation.answered / shard.name, b"", 0o600)
        tracemalloc.start()
        kept = Ledger(operation)
        assert not list(kept.entries(shards))
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return size / HELD


def pacing(entries: int, quota: int) -> tuple[float, int]:
    """Virtual minutes until the last of so many entries is sent, and the bundles it takes."""
    now = 0.0
    pacer, most = Pacer(quota, lambda: now), bundle_entries(quota)
    bundles = math.ceil(entries / most)
    for _ in range(bundles):
        now += pacer.wait()
        pacer.took(most)
    return (now + pacer.wait()) / 60, bundles


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--vcpu_hour", type=float, help="the price of an hour of a vCPU, in any currency")
    asked = arguments.parse_args()
    for row in model_rows(stage_costs(asked.seconds), asked.vcpu_hour):
        print(row, flush=True)
    for kind, seconds in byte_costs().items():
        print(f"{kind} frames with a box in each: {1000 * seconds:.0f} ms of CPU a megabyte, {1 / seconds:.0f} MB/s a core", flush=True)
    microseconds, size = listing()
    print(f"listing: {microseconds:.1f} us and {size:.0f} bytes a file; ten million {10 * microseconds:.0f} s, {size / 100:.1f} GB")
    write, settle, size, each = spooling()
    print(
        f"spool: {write:.0f} us, {size / 1000:.1f} kB an entry, {each} a shard; ten million {10 * write / 60:.0f} min, {size / 100:.0f} GB"
    )
    print(f"reading it to send: {settle:.0f} us an entry; ten million {10 * settle / 60:.0f} min")
    shards = math.ceil(10 * MILLION / each)
    print(f"the names of its {shards} shards: {looking(shards):.2f} s")
    size = ledger()
    print(f"ledger: {size:.0f} bytes an entry; ten million {size / 100:.1f} GB")
    for quota in (6_000, 60_000):
        minutes, bundles = pacing(10 * MILLION, quota)
        used = 10 * MILLION / quota / minutes
        print(f"pacing at {quota} a minute: {minutes / 60:.1f} h for ten million in {bundles} bundles, {used:.4f} of the quota")


if __name__ == "__main__":
    main()
