"""A run's Provenance is written while instances are still worked on: a second writer, the launcher's, follows the spool shard by shard.

Engines begin a writer when all its input is grouped, so the graph's own would begin when the last instance is done, and a run would
last as long as both together. The one here takes finished shards as they appear, at the same quota, and leaves the last ones to the
graph's. Only one of them writes at a time (`transforms.fhir.turn`); what the first has delivered the other finds answered.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from collections.abc import Iterator

from pipeline.delivery import Delivery
from transforms.fhir.turn import turn
from transforms.fhir.writer import FhirWriter
from transforms.model import spool
from transforms.model.backoff import delay
from transforms.model.workspace import OperationFolder

POLL_SECONDS = 1.0
REMOTE_POLL_SECONDS = 10.0
"""Where the spool is on Cloud Storage, and every look a request."""

log = logging.getLogger(__name__)


class _OverError(Exception):
    """The run is over while this writer is at work."""


class Throttled:
    """How long a writer waited for its quota, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """It waited so much longer."""
        self.seconds += seconds


@contextlib.contextmanager
def following(delivery: Delivery, url: str, folder: OperationFolder, turn_file: str, poll: float = POLL_SECONDS) -> Iterator[Throttled]:
    """Deliver an operation's shards during the block, as they are finished; those of held instances wait for the graph's writer.

    Yields what it waits for the quota. Whatever goes wrong here is tried again, later and later, and does no harm: the graph's writer
    delivers what is not answered.
    """
    over, throttled = threading.Event(), Throttled()
    follower = threading.Thread(target=_follow, args=(delivery, url, folder, turn_file, poll, over, throttled), daemon=True)
    follower.start()
    try:
        yield throttled
    finally:
        over.set()
        follower.join()


def _follow(
    delivery: Delivery, url: str, folder: OperationFolder, turn_file: str, poll: float, over: threading.Event, throttled: Throttled
) -> None:
    def heed() -> None:
        if over.is_set():
            raise _OverError

    delivered: set[str] = set()
    faults = 0
    while True:
        try:
            with delivery.client(url) as client:
                writer = FhirWriter(client, folder, delivery.write_ops_per_minute, throttled.add, heed=heed)
                while not over.wait(poll):
                    if not _deliver_new(writer, folder, turn_file, delivered):
                        return
                    faults = 0
                return
        except _OverError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass; if not, the graph's writer meets it too, and says so
            log.warning("Provenance is not written during the run for a moment (%s)", type(error).__name__)
        if over.wait(delay(faults)):
            return
        faults += 1


def _deliver_new(writer: FhirWriter, folder: OperationFolder, turn_file: str, delivered: set[str]) -> bool:
    """Deliver the shards that are not among `delivered` yet; False where the graph's writer has begun, which needs nobody beside it."""
    new = [name for name in spool.shard_names(folder.spool, held=False) if name not in delivered]
    if new:
        with turn(turn_file, wait=False) as ours:
            if not ours:
                return False
            collections.deque(writer.write([spool.shard_ref(folder.spool, name) for name in new]), maxlen=0)
        delivered.update(new)
    return True
