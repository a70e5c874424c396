"""`dicom-deid plan`: what a run would take, said beforehand. It reads; it writes nothing, and asks no server but Cloud DLP where that
is the engine.

Wall time is that of de-identifying and that of writing N + 1 resources at the store's quota: whichever is longer where both go on at
the same time (DESIGN 11), their sum where the launcher leaves the job to itself. The first is measured: a sample of the source, spread
evenly over it, goes through the very stages of a run on this machine. Their CPU counts, so that a machine with other work makes nothing
dearer, and where something is asked for (reading, and whatever asks a server) the time that passes meanwhile, which threads share.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence

from pipeline.capacity import cores_fed
from pipeline.cpu import cpu_seconds
from transforms.inspection.engine import requests_sent
from transforms.model.keys import KEY_BYTES, Purpose, Secret
from transforms.model.large import Content
from transforms.model.pictures import is_searched
from transforms.model.plan import ActionPlan
from transforms.model.records import InstanceRef
from transforms.pixels.redactor import Redactor
from transforms.proof.prover import Prover
from transforms.read.open import open_instance
from transforms.tags.policy import admit
from transforms.tags.scrubber import Scrubber

SAMPLE = 20
"""Instances that are measured at most."""
SAMPLE_SECONDS = 60.0
"""Seconds after which no further one is begun."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would take. Times are in minutes."""

    instances: int
    """Files of the source; those that turn out not to be DICOM are skipped, and cost nothing after their first bytes."""
    size: int
    """Bytes; 0 of a DICOM store, which does not tell."""
    sampled: int
    cpu_each: float
    """Mean over the sample, in seconds of one core."""
    workers: int
    """Instances that are worked on at a time, a core each."""
    write_ops_per_minute: int | None
    is_left: bool = False
    """Whether the launcher leaves when the job is submitted, so that the job writes when all is de-identified."""
    requests_sampled: int | None = None
    """Requests that the sample cost where Cloud DLP inspects; None where it does not."""
    waiting_each: float = 0.0
    """Mean over the sample, in seconds: for sources and servers."""
    threads: int = 1
    """Instances that a core has open at a time: while some wait, another is worked on."""

    @property
    def requests(self) -> int | None:
        """To Cloud DLP. More instances of the same series cost fewer, since their texts are remembered; each worker remembers its own."""
        return None if self.requests_sampled is None else math.ceil(self.instances * self.requests_sampled / self.sampled)

    @property
    def writes(self) -> int:
        """One for each instance and one for the operation, at most: only what is proven is told."""
        return self.instances + 1

    @property
    def seconds_each(self) -> float:
        """Of a core's time, in seconds: its work, or its threads' share of work and waiting, whichever is more (docs/scale.md)."""
        return max(self.cpu_each, (self.cpu_each + self.waiting_each) / self.threads)

    @property
    def deidentifying(self) -> float:
        """With all workers at work."""
        return self.instances * self.seconds_each / self.workers / 60

    @property
    def writing(self) -> float | None:
        """At the whole quota; None where no quota is known."""
        return self.writes / self.write_ops_per_minute if self.write_ops_per_minute else None

    @property
    def cores_fed(self) -> int:
        """As many as de-identify in the time of `writing`; 0 where no quota is known."""
        return cores_fed(self.seconds_each, self.write_ops_per_minute or 0)

    @property
    def _bound(self) -> str:
        """What lasts in de-identifying: it is waiting, where a core has nothing to do for more than half of the time."""
        return "waiting for sources and servers" if self.seconds_each > 2 * self.cpu_each else "de-identifying"

    @property
    def waits_for_quota(self) -> bool:
        """Whether the store's quota binds, and not the work."""
        return self.writing is not None and self.writing > self.deidentifying

    @property
    def wall(self) -> float:
        """Until all is de-identified and written."""
        parts = (self.deidentifying, self.writing or 0.0)
        return sum(parts) if self.is_left else max(parts)

    def lines(self) -> list[str]:
        """For a person."""
        sample = f"{self.cpu_each:.2f} s of CPU and {self.waiting_each:.2f} s of waiting each, by {self.sampled} of them on this machine"
        workers = f"{_some(self.workers, 'worker')} of {_some(self.threads, 'thread')}"
        said = [
            f"instances: {self.instances}" + (f" files, {self.size / 1e6:.1f} MB" if self.size else ""),
            f"writes to the FHIR store: {self.writes} at most (one an instance, one for the operation)",
            f"de-identifying: {_minutes(self.deidentifying)} with {workers} ({sample})",
        ]
        if self.requests is not None:
            said.append(f"requests to Cloud DLP: about {self.requests} ({self.requests_sampled} for the {self.sampled} of the sample)")
        if self.writing is None:
            return [*said, "writing: no quota is given (--fhir_write_ops_per_minute); the store decides", f"bound by: {self._bound}"]
        fed = _some(self.cores_fed, "core")
        bound = "the FHIR store's write quota" if self.waits_for_quota else self._bound
        how = "one after the other, since the launcher leaves the job to itself" if self.is_left else "at the same time"
        return [
            *said,
            f"writing: {_minutes(self.writing)} at {self.write_ops_per_minute} writes a minute, which {fed} would feed",
            f"both: {_minutes(self.wall)}, {how}",
            f"bound by: {bound}",
        ]


def make_plan(
    files: Sequence[tuple[str, int]],
    read: Callable[[str, int], Content],
    plan: ActionPlan,
    redactor: Redactor,
    workers: int,
    write_ops_per_minute: int | None,
    is_left: bool = False,
    threads: int = 1,
    clock: Callable[[], float] = time.monotonic,
    busy: Callable[[], float] = cpu_seconds,
) -> Plan:
    """Plan a run over `files` (URI, bytes), of which there is at least one; `read` gives their contents, `clock` seconds, and `busy`
    those of CPU. `is_left` and `threads`: as in `Plan`.
    """
    sent_before = requests_sent()
    stages = _Stages(read, plan, redactor)
    spent = list(_measured(spread(files, SAMPLE), stages, clock, busy, asks=bool(plan.dlp_parent)))
    return Plan(
        instances=len(files),
        size=sum(size for _, size in files),
        sampled=len(spent),
        cpu_each=sum(cpu for cpu, _ in spent) / len(spent),
        workers=workers,
        write_ops_per_minute=write_ops_per_minute,
        is_left=is_left,
        requests_sampled=requests_sent() - sent_before if plan.dlp_parent else None,
        waiting_each=sum(waiting for _, waiting in spent) / len(spent),
        threads=threads,
    )


def spread(files: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """At most `most` of the files: by size, the middle one of each of so many equal parts. Shuffled, always alike, so that the
    first few of them are a fair sample too.
    """
    ordered = sorted(files, key=lambda file: (file[1], file[0]))
    count = min(most, len(ordered))
    chosen = [ordered[(2 * part + 1) * len(ordered) // (2 * count)] for part in range(count)]
    random.Random(count).shuffle(chosen)  # noqa: S311 - no secret
    return chosen


def _measured(
    files: Sequence[tuple[str, int]], stages: _Stages, clock: Callable[[], float], busy: Callable[[], float], asks: bool
) -> Iterator[tuple[float, float]]:
    """Seconds of CPU and of waiting that each of the files takes, until the time is up. `asks`: the stages ask a server."""
    end = clock() + SAMPLE_SECONDS
    for uri, size in files:
        start, before = clock(), busy()
        content = stages.read(uri, size)
        wall, cpu = clock() - start, busy() - before
        waiting = max(0.0, wall - cpu)
        start, before = clock(), busy()
        stages.run(uri, size, content)
        wall, ran = clock() - start, busy() - before
        yield cpu + ran, waiting + (max(0.0, wall - ran) if asks else 0.0)
        if clock() > end:
            return


class _Stages:
    """The stages between reading and publishing, under a key that is made for this alone and forgotten."""

    def __init__(self, read: Callable[[str, int], Content], plan: ActionPlan, redactor: Redactor) -> None:
        self._read = read
        secret = Secret(secrets.token_bytes(KEY_BYTES))
        self._uids = secret.purpose(Purpose.UID)
        self._redactor, self._overlays = redactor, plan.searches_overlays
        self._scrubber, self._prover = Scrubber(plan, secret), Prover(plan)

    def read(self, uri: str, size: int) -> Content:
        """Nothing, where that fails: a run would fail or skip it, after the same time."""
        try:
            return self._read(uri, size)
        except Exception:  # noqa: BLE001 - whatever it is
            return b""

    def run(self, uri: str, size: int, content: Content) -> None:
        try:
            opened = open_instance(InstanceRef("0" * 16, uri, size), content, self._uids, dt.datetime.now(dt.UTC))
            admit(opened.dataset)
            if is_searched(opened.dataset, self._overlays):
                opened = self._redactor.redact(opened)
            self._prover.prove(self._scrubber.scrub(opened))
        except Exception:  # noqa: BLE001 - it would be failed or skipped by a run, after the same time
            return


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _minutes(minutes: float) -> str:
    return f"{minutes:.1f} min" if minutes >= 0.1 else f"{minutes * 60:.0f} s"
