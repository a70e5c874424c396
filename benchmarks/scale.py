"""What an instance costs, measured here by stages, and what a million of them take with so many cores and so much write quota.

    PYTHONPATH=. python benchmarks/scale.py [--seconds 10] [--vcpu_hour PRICE]

CPU of an instance on its way from bytes to bytes (read, redact, scrub, prove), its processes included, is measured for real files of
eight kinds, each for so many seconds, and CPU of a megabyte as what many large frames take more than few.
`--vcpu_hour` is what an hour of a vCPU with its memory costs you; a million instances are then told in money. Instances an hour
against cores and quota are `dicom-deid plan`'s own (`docs/scale.md`).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from benchmarks.large_instances import LAYOUT, Case, make
from pipeline.capacity import cores_fed
from pipeline.cpu import cpu_seconds
from pipeline.plan import Plan
from transforms.model.config import SAFE_CONFIG
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.pictures import has_pixels
from transforms.model.plan import ActionPlan
from transforms.model.records import InstanceRef
from transforms.model.resolve import resolve
from transforms.pixels.redactor import redactor_of
from transforms.pixels.templates import Template
from transforms.proof.prover import Prover
from transforms.read.open import open_instance
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


def planned(seconds: float, cores: int, quota: int, is_left: bool = False) -> Plan:
    """What `dicom-deid plan` says of a million instances, each of which takes so much CPU; `is_left`: the launcher leaves."""
    return Plan(MILLION, 0, 1, seconds, cores, quota, is_left)


def an_hour(plan: Plan) -> float:
    """Instances, by the whole time of the run."""
    return 60 * plan.instances / plan.wall


def model_rows(costs: dict[str, float], vcpu_hour: float | None) -> Iterator[str]:
    """The tables of the model: what an instance costs, and instances an hour against cores and quota, with `*` where the quota is the
    longer part.
    """
    money = " in money |" if vcpu_hour else ""
    yield f"| kind | CPU an instance | an hour on one core | core-hours a million |{money} cores that {QUOTAS[0]:,} writes a minute feed |"
    for kind, seconds in costs.items():
        hours = planned(seconds, 1, QUOTAS[0]).deidentifying / 60
        price = f" {hours * vcpu_hour:.2f} |" if vcpu_hour else ""
        yield f"| {kind} | {seconds:.3f} s | {3600 / seconds:,.0f} | {hours:.0f} |{price} {cores_fed(seconds, QUOTAS[0])} |"
    for where, is_left in (("the launcher waits", False), ("Dataflow", True)):
        head = " | ".join(f"{cores} cores, {quota:,}" for quota in QUOTAS for cores in CORES)
        yield f"| instances an hour, {where} | {head} |"
        for kind, seconds in costs.items():
            plans = [planned(seconds, cores, quota, is_left) for quota in QUOTAS for cores in CORES]
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


if __name__ == "__main__":
    main()
