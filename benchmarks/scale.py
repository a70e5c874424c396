"""What ten million instances would take: stage costs measured here, and listing, ledger and pacing in virtual time.

    PYTHONPATH=. python benchmarks/scale.py [--seconds 10]

CPU of an instance on its way from bytes to bytes (read, redact, scrub, prove), its processes included, is measured for real files of
four kinds, each for so many seconds. What a run holds for each instance is measured on two hundred thousand and told for ten million;
it grows in proportion. Pacing runs through ten million entries by a clock that jumps. `docs/scale.md` has the model that takes these.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import hashlib
import math
import random
import resource
import time
import tracemalloc
from pathlib import Path

from pydicom.data import get_testdata_file

from transforms.fhir.pacing import Pacer, bundle_entries
from transforms.model.config import SAFE_CONFIG
from transforms.model.errors import InstanceProblem
from transforms.model.keys import Purpose, Secret
from transforms.model.plan import ActionPlan
from transforms.model.records import InstanceRef
from transforms.model.resolve import resolve
from transforms.pixels.redactor import redactor_of
from transforms.proof.prover import Prover
from transforms.read.open import has_pixels, open_instance
from transforms.read.packing import Packing
from transforms.tags.scrubber import Scrubber

KINDS = {
    "plan, tags only": "rtplan.dcm",
    "MR 64x64": "MR_small.dcm",
    "CT 128x128": "CT_small.dcm",
    "ultrasound 800x350": "examples_palette.dcm",
}
NOISY = 0.25
"""The part of a file, from its end, in which one byte in a hundred is changed by one: texts that were read are remembered."""
MILLION = 1_000_000
HELD = 200_000
SECRET = Secret(b"benchmark".ljust(32, b"."))


class Stages:
    """An instance's way between reading and publishing, as a worker has it."""

    def __init__(self) -> None:
        self._plan: ActionPlan = resolve(SAFE_CONFIG)
        self._redactor, self._prover = redactor_of(self._plan.image), Prover(self._plan)
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


def cpu() -> float:
    """Seconds of this process and of those it waited for (Tesseract)."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def stage_costs(seconds: float) -> dict[str, float]:
    """CPU seconds of an instance of each kind, after a first one that warms up."""
    stages, found = Stages(), {}
    for kind, name in KINDS.items():
        path = get_testdata_file(name, download=False)
        assert isinstance(path, str)
        content, done = Path(path).read_bytes(), 0
        stages.run(content)
        start, end = cpu(), time.monotonic() + seconds
        while time.monotonic() < end:
            done += 1
            stages.run(content if "tags only" in kind else varied(content, done))
        found[kind] = (cpu() - start) / done
    return found


def listing() -> tuple[float, float]:
    """Microseconds of CPU and bytes that one file takes on its way to the others of its SOP instance."""
    packing, root = Packing("gs://bucket/studies"), "gs://bucket/studies/1.2.826.0.1.3680043.8.498"
    name, start = hashlib.sha256(b"x").digest()[:16], time.process_time()
    packed = [packing.packed(name, InstanceRef(f"{n:016x}", f"{root}.{n % 500}/{n:040}.dcm", n)) for n in range(HELD)]
    return 1e6 * (time.process_time() - start) / HELD, sum(map(len, packed)) / HELD


def ledger() -> float:
    """Bytes that the writer holds for each entry, so that none is sent twice."""
    tracemalloc.start()
    seen = {f"{number:016x}" for number in range(HELD)}
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(seen)


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
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    for kind, seconds in stage_costs(arguments.parse_args().seconds).items():
        print(f"{kind}: {seconds:.3f} s of CPU an instance", flush=True)
    microseconds, size = listing()
    print(f"listing: {microseconds:.1f} us and {size:.0f} bytes a file; ten million {10 * microseconds:.0f} s, {size / 100:.1f} GB")
    print(f"ledger: {ledger():.0f} bytes an entry; ten million {ledger() / 100:.1f} GB")
    for quota in (6_000, 60_000):
        minutes, bundles = pacing(10 * MILLION, quota)
        used = 10 * MILLION / quota / minutes
        print(f"pacing at {quota} a minute: {minutes / 60:.1f} h for ten million in {bundles} bundles, {used:.4f} of the quota")


if __name__ == "__main__":
    main()
