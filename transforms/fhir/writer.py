"""The one writer of a run: spool shards into a FHIR store at the pace of its quota (DESIGN 11).

It streams shards, packs their entries into batches and keeps several requests under way. Every entry is a PUT with its own
id, so whatever is in doubt is sent again. Nothing that can be tried again is ever raised; what cannot be delivered
becomes a dead letter.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from transforms.fhir.bundles import CONTENTION, Entry, EntryAnswer, Verdict, bundle, is_answer, outcome_code, pack, read_answers, verdict
from transforms.fhir.client import FhirClient, Reply
from transforms.fhir.ledger import Ledger, ShardAnswer
from transforms.fhir.pacing import MAX_IN_FLIGHT, Crowd, Pacer, bundle_entries, in_flight
from transforms.model.backoff import delay
from transforms.model.records import ShardRef
from transforms.model.workspace import OperationFolder

PATIENCE = 600.0
"""Seconds without one answered entry after which the store is given up: what is left becomes dead letters, unsent."""
MAX_FAILURES = 8
"""Failures of one entry, while the store answers, after which it is given up; about two minutes."""
SUSPECT = 3
"""Failures of a batch, while the store answers, after which it is halved to find the entry that does it."""
TOO_LARGE = 6
"""Refusals of a batch for the quota's sake after which it is halved: it may be more than the store's bucket holds."""
HELD_BACK = 4
"""Batches that may wait for another try, for each request that may be under way, before no new ones are read."""

_NO_ANSWER = EntryAnswer(0)


@dataclasses.dataclass
class _Batch:
    entries: tuple[Entry, ...]
    due: float = 0.0
    sent: int = 0
    sent_at: float = 0.0
    throttles: int = 0
    failures: int = 0
    failing_since: float = 0.0
    answer: EntryAnswer = _NO_ANSWER
    """What the latest failure said."""

    def halves(self) -> list[_Batch]:
        middle = len(self.entries) // 2
        return [dataclasses.replace(self, entries=part) for part in (self.entries[:middle], self.entries[middle:])]


class FhirWriter:
    """Writes shards; `write` is to be called from one thread, one call at a time.

    `throttled` is told the seconds spent waiting for the quota. `patience` is in seconds;
    `backoff` gives the seconds to wait after the n-th failure of a batch. `heed` is called once a second or oftener; what it
    raises ends the writing, once the requests under way are answered.
    """

    def __init__(
        self,
        client: FhirClient,
        folder: OperationFolder,
        write_ops_per_minute: int | None,
        throttled: Callable[[float], None] | None = None,
        patience: float = PATIENCE,
        backoff: Callable[[int], float] = delay,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self._quota, self._throttled, self._patience, self._backoff = (
            client,
            write_ops_per_minute,
            throttled,
            patience,
            backoff,
        )
        self._heed = heed
        self._ledger = Ledger(folder)
        self._pacer = Pacer(write_ops_per_minute, time.monotonic)
        self._crowd = Crowd(time.monotonic)
        self._most = bundle_entries(write_ops_per_minute)
        self._latencies: collections.deque[float] = collections.deque(maxlen=100)
        self._waiting: list[_Batch] = []
        self._flight: dict[Future[tuple[Reply, float]], _Batch] = {}
        self._last_good = time.monotonic()

    def write(self, shards: Iterable[ShardRef]) -> Iterator[ShardAnswer]:
        """Deliver every entry that is not answered yet; one answer for each shard, as it comes to its end."""
        fresh = (_Batch(entries) for entries in pack(self._ledger.entries(shards), self._most))
        ready = next(fresh, None)
        self._last_good = time.monotonic()
        with ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="fhir") as pool:
            while ready or self._waiting or self._flight:
                self._heed()
                if time.monotonic() - self._last_good > self._patience:
                    self._give_up(itertools.chain([ready] if ready else [], fresh))
                    ready = None
                limit = self._crowd.limit(self._wanted())
                batch = None
                if len(self._flight) < limit and not self._pacer.wait():
                    batch = self._again()
                    if batch is None and ready and self._may_start(limit):
                        batch, ready = ready, next(fresh, None)
                if batch:
                    self._flight[pool.submit(self._send, batch)] = batch
                    self._pacer.took(len(batch.entries))
                self._collect(0.0 if batch else self._idle(limit, ready is not None))
                yield from self._ledger.finished()
        yield from self._ledger.finished()

    def _wanted(self) -> int:
        """Requests to have under way for the quota's sake."""
        return in_flight(self._quota, self._most, self._latencies)

    def _send(self, batch: _Batch) -> tuple[Reply, float]:
        """In a thread of the pool."""
        start = time.monotonic()
        batch.sent_at = start
        reply = self._client.execute_bundle(bundle(batch.entries))
        return reply, time.monotonic() - start

    def _again(self) -> _Batch | None:
        """The batch whose next try is due, if there is one."""
        first = min(self._waiting, key=lambda batch: batch.due, default=None)
        if first is None or first.due > time.monotonic():
            return None
        self._waiting.remove(first)
        return first

    def _may_start(self, limit: int) -> bool:
        """Whether few enough batches wait for another try; memory is bounded by this."""
        return len(self._waiting) < HELD_BACK * limit

    def _collect(self, timeout: float) -> None:
        """Take the answers that are there; where there are none, wait for one, at most `timeout` seconds."""
        start, pace = time.monotonic(), self._pacer.wait()
        if self._flight:
            done, _ = wait(self._flight, timeout, FIRST_COMPLETED)
        else:
            done = set()
            time.sleep(timeout)
        if timeout and pace and self._throttled:
            self._throttled(min(pace, time.monotonic() - start))
        for future in done:
            batch = self._flight.pop(future)
            reply, seconds = future.result()
            self._latencies.append(seconds)
            batch.sent += 1
            self._settle(batch, reply)

    def _idle(self, limit: int, ready: bool) -> float:
        """Seconds after which to look again although no answer has come: when something may be sent, at most one."""
        due = [batch.due - time.monotonic() for batch in self._waiting]
        if ready and self._may_start(limit):
            due.append(0.0)
        if len(self._flight) >= limit or not due:
            return 1.0
        return min(1.0, max(self._pacer.wait(), min(due), 0.001))

    def _settle(self, batch: _Batch, reply: Reply) -> None:
        meaning = verdict(reply.status)
        if meaning is Verdict.DONE and is_answer(reply.body):
            self._read(batch, read_answers(reply.body, len(batch.entries)), reply.retry_after)
        elif meaning is Verdict.REFUSED and len(batch.entries) > 1:
            self._last_good = time.monotonic()
            self._waiting += batch.halves()
        elif meaning in (Verdict.REFUSED, Verdict.CLOSED):
            self._bury(batch, EntryAnswer(reply.status, outcome_code(reply.body)), retryable=meaning is Verdict.CLOSED)
        elif meaning is Verdict.THROTTLED:
            self._slow_down(batch, reply.retry_after, outcome_code(reply.body) == CONTENTION)
        else:
            if reply.retry_after is not None:
                self._pacer.pause(reply.retry_after)
            self._fail(batch, EntryAnswer(reply.status, outcome_code(reply.body)), store_answers=self._last_good > batch.failing_since > 0)

    def _read(self, batch: _Batch, answers: list[EntryAnswer], retry_after: float | None) -> None:
        """Entry by entry: only what failed goes on, in a smaller batch. `retry_after` is that of the whole answer."""
        throttled: list[Entry] = []
        failed: list[tuple[Entry, EntryAnswer]] = []
        contended, waits = False, [] if retry_after is None else [retry_after]
        for entry, answer in zip(batch.entries, answers, strict=True):
            meaning = verdict(answer.status)
            if answer.retry_after is not None and meaning in (Verdict.THROTTLED, Verdict.AGAIN):
                waits.append(answer.retry_after)
            match meaning:
                case Verdict.DONE:
                    self._ledger.answered(entry)
                    self._last_good = time.monotonic()
                case Verdict.THROTTLED:
                    throttled.append(entry)
                    contended |= answer.code == CONTENTION
                case Verdict.AGAIN:
                    failed.append((entry, answer))
                case refusal:
                    self._bury(dataclasses.replace(batch, entries=(entry,)), answer, retryable=refusal is Verdict.CLOSED)
        if throttled:
            self._slow_down(dataclasses.replace(batch, entries=tuple(throttled)), max(waits, default=None), contended)
        if failed:
            if waits:
                self._pacer.pause(max(waits))
            self._fail(dataclasses.replace(batch, entries=tuple(entry for entry, _ in failed)), failed[0][1], store_answers=True)

    def _slow_down(self, batch: _Batch, retry_after: float | None, contended: bool) -> None:
        """Once more, later: at a lower rate where the quota is used up, with fewer requests under way where they contend."""
        seconds = self._backoff(batch.throttles) if retry_after is None else retry_after
        batch.throttles += 1
        batch.due = time.monotonic() + seconds
        if contended:
            self._crowd.contended(self._wanted(), batch.sent_at)
        else:
            self._pacer.refused()
        if retry_after is not None or (self._pacer.rate is None and not contended):
            self._pacer.pause(seconds)
        self._waiting += batch.halves() if batch.throttles % TOO_LARGE == 0 and len(batch.entries) > 1 else [batch]

    def _fail(self, batch: _Batch, answer: EntryAnswer, store_answers: bool) -> None:
        """Once more, later. What fails while the store answers others is halved, and one entry alone in the end given up."""
        now = time.monotonic()
        batch.failing_since = batch.failing_since or now
        batch.due = now + self._backoff(batch.failures)
        batch.failures += 1
        batch.answer = answer
        if store_answers and batch.failures >= SUSPECT and len(batch.entries) > 1:
            self._waiting += batch.halves()
        elif store_answers and batch.failures >= MAX_FAILURES:
            self._bury(batch, answer, retryable=True)
        else:
            self._waiting.append(batch)

    def _bury(self, batch: _Batch, answer: EntryAnswer, retryable: bool) -> None:
        for entry in batch.entries:
            self._ledger.dead(entry, answer, batch.sent, retryable)

    def _give_up(self, unsent: Iterable[_Batch]) -> None:
        """Nothing was answered for too long: all that waits and all that was not sent becomes dead letters."""
        waiting, self._waiting = self._waiting, []
        for batch in itertools.chain(waiting, unsent):
            self._bury(batch, batch.answer, retryable=True)
