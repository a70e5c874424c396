"""Batch bundles of PUTs: packing them, and reading the answer entry by entry (R4 http.html, batch/transaction).

A batch is answered by 200 even if every entry failed; what happened stands in each entry's `response.status`.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_BYTES = 5_000_000
"""Bytes of resources in a bundle; the Healthcare API takes 50 MB and advises small ones."""

CONTENTION = "too-costly"
"""The issue code by which a store says with 429 that requests under way are in each other's way, not that the quota is used up."""

_CODE = re.compile(r"[a-z-]{1,40}")
_RETRY_AFTER = re.compile(r"(?i)\bretry-after: ?(\d{1,6})\b")
_OPERATION_TOO_COSTLY = "operation_too_costly"
"""How the Healthcare API says so in the issue's details (throughput best practices)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One resource on its way to the store."""

    shard: str
    reference: str
    id: str
    body: bytes
    """The resource as JSON."""


class Verdict(enum.Enum):
    """What a status means for an entry or a request of PUTs with client ids, which may be repeated safely."""

    DONE = enum.auto()
    AGAIN = enum.auto()
    """The store failed or gave no answer: the same again, later."""
    THROTTLED = enum.auto()
    """429: the same again, later and slower."""
    REFUSED = enum.auto()
    """This content is refused, now and always."""
    CLOSED = enum.auto()
    """This store takes nothing from us, whatever the content."""


@dataclasses.dataclass(frozen=True, slots=True)
class EntryAnswer:
    """What the store said of one entry. `status` 0: nothing."""

    status: int
    code: str = ""
    """The first issue code of the OperationOutcome, if there is one; never its text."""
    retry_after: float | None = None
    """Seconds to wait, where the entry's own outcome says so: R4 gives an entry's answer no headers."""


def verdict(status: int) -> Verdict:
    """The meaning of an HTTP status."""
    if 200 <= status < 300:
        return Verdict.DONE
    if status == 429:
        return Verdict.THROTTLED
    if status in (0, 408, 409, 423, 425) or status >= 500:
        return Verdict.AGAIN
    return Verdict.CLOSED if status < 400 or status in (401, 403, 404, 405, 410) else Verdict.REFUSED


def pack(entries: Iterable[Entry], most: int, max_bytes: int = MAX_BYTES) -> Iterator[tuple[Entry, ...]]:
    """Entries in their order, in groups of at most `most` and `max_bytes`; one that is larger goes alone."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        if group and (len(group) >= most or size + len(entry.body) > max_bytes):
            yield tuple(group)
            group, size = [], 0
        group.append(entry)
        size += len(entry.body)
    if group:
        yield tuple(group)


def bundle(entries: Sequence[Entry]) -> bytes:
    """The body of `executeBundle`: a batch that PUTs each resource under its own id."""
    parts = (b'{"request":{"method":"PUT","url":"Provenance/%b"},"resource":%b}' % (entry.id.encode(), entry.body) for entry in entries)
    return b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join(parts) + b"]}"


def is_answer(body: Any) -> bool:
    """Whether this is the answer to a batch at all."""
    return isinstance(body, dict) and body.get("resourceType") == "Bundle" and isinstance(body.get("entry"), list)


def read_answers(body: Any, count: int) -> list[EntryAnswer]:
    """The answers to `count` entries, in their order. What is missing or cannot be read has status 0, and is sent again."""
    entries = body["entry"][:count]
    answers = [_read(entry) for entry in entries]
    return answers + [EntryAnswer(0)] * (count - len(answers))


def _read(entry: Any) -> EntryAnswer:
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(response, dict):
        return EntryAnswer(0)
    status = re.match(r"\d{3}(?!\d)", str(response.get("status", "")))
    outcomes = (response.get("outcome"), entry.get("resource"))
    code = next(filter(None, map(outcome_code, outcomes)), "")
    waits = [seconds for seconds in map(_outcome_wait, outcomes) if seconds is not None]
    return EntryAnswer(int(status[0]) if status else 0, code, max(waits, default=None))


def outcome_code(body: Any) -> str:
    """The first issue code of an OperationOutcome, or an empty text. Codes come from a fixed list and hold no PHI.

    Where the issue's details say `operation_too_costly` it is CONTENTION, whatever the code.
    """
    issue = next(_issues(body), {})
    if _OPERATION_TOO_COSTLY in json.dumps(issue.get("details")):
        return CONTENTION
    code = issue.get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _outcome_wait(body: Any) -> float | None:
    """The seconds of `Retry-After: N` in the diagnostics of an OperationOutcome."""
    found = (_RETRY_AFTER.search(str(issue.get("diagnostics", ""))) for issue in _issues(body))
    return max((float(match[1]) for match in found if match), default=None)


def _issues(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome" and isinstance(body.get("issue"), list):
        yield from (issue for issue in body["issue"] if isinstance(issue, dict))


def resource_bytes(resource: dict[str, Any]) -> bytes:
    """A resource as JSON in UTF-8."""
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
