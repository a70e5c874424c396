"""A client of a DICOMweb store (PS3.18, 10): QIDO-RS, WADO-RS and STOW-RS of single instances, byte for byte.

dicomweb-client parses what it retrieves and encodes what it stores; here the bytes are what is proven, so they pass as they
are. A call is tried again, with back-off, until its deadline. Statuses alone get into an exception: paths hold UIDs.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import requests
import requests.adapters
from google.auth.exceptions import GoogleAuthError

from transforms.model import waiting
from transforms.model.backoff import Patience, delay, retry_after
from transforms.model.credentials import Token, token_for
from transforms.model.dicom_store import DicomStore
from transforms.model.errors import PreflightError, StoreError
from transforms.model.large import Content, digest_of, equal, joined
from transforms.model.multipart import DICOM, OnePart, TruncatedError, boundary_of, only_part
from transforms.model.session import session_for

DEADLINE = 300.0
"""Seconds in which one call is tried again; a store may be away for minutes."""
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 180.0
AT_ONCE = 16
"""Connections that are kept."""

_CHUNK = 1 << 20
"""Bytes of an instance that are taken from the connection at a time."""
_THROTTLED = 429
_PASSING = frozenset({0, 408, 425, _THROTTLED, 500, 502, 503, 504})
_JSON = "application/dicom+json"
_INSTANCE = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
"""In the syntax it is stored in: else PS3.18 has it transcoded to Explicit VR Little Endian."""
_STORED, _FAILED, _REASON, _WARNING = "00081199", "00081198", "00081197", "00081196"
OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Failure reasons that pass (PS3.18 table I.2-2)."""

T = TypeVar("T")
Take = Callable[[requests.Response], T]
"""Makes something of an answer's body. Raises TruncatedError where the body is not whole, which is tried again."""


class Answer(NamedTuple):
    """What a store says of an instance that it was given."""

    stored: bool
    said: str
    """Status and reason, where it refused the instance or warns of it; else empty."""


class TokenBucket:
    """Lets through so many calls a minute, a second's worth at once; for any number of threads. None: all. Waiting is noted."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._clock, self._sleep, self._lock = clock, sleep, threading.Lock()
        self._next = clock()

    def take(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - 1.0)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
            waiting.note(turn - now)


class DicomWebClient:
    """One session with keep-alive; safe for any number of threads. Raises StoreError, whose `got` begins with the HTTP status."""

    def __init__(
        self,
        store: DicomStore,
        token: Token | None = None,
        deadline: float = DEADLINE,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        bucket: TokenBucket | None = None,
    ) -> None:
        """`bucket` is that of others who share the quota."""
        self.store = store
        self._token = token or token_for(store.url, store.token)
        self._deadline, self._sleep, self._clock, self._chance = deadline, sleep, clock, chance
        self._patience, self._room = Patience(deadline, clock), Patience(deadline, clock)
        self._bucket = bucket or TokenBucket(store.ops_per_minute, clock, sleep)
        self._session = session_for(store.url, AT_ONCE)

    def search(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        """One page of a QIDO-RS search such as `studies` or `studies/UID/instances`; empty where nothing matches."""
        return self._call("GET", f"{self.store.url}/{path}", {"Accept": _JSON}, _found, parameters=parameters)[1]

    def retrieve(self, path: str) -> Content | None:
        """The file of the instance `studies/…/series/…/instances/…` as it is stored; None where the store has none such.

        Raises InstanceProblem NO_ROOM where the temporary files have no room for a large one.
        """
        return self._instance(path, lambda parts: joined(parts, "read"))

    def compare(self, path: str, content: Content, within: float = 0.0) -> bool | None:
        """Whether the instance of that path has this very content; None where the store has none such. Nothing is kept of it.

        A store may need a moment to show an instance: it is asked again for so many seconds.
        """
        start, attempt = self._clock(), 0
        while (same := self._instance(path, lambda parts: equal(parts, content))) is None:
            pause = delay(attempt, self._chance)
            if self._clock() - start + pause > within:
                break
            self._sleep(pause)
            attempt += 1
        return same

    def digest(self, path: str) -> str | None:
        """The SHA-256 in hex of the instance of that path; None where the store has none such. Raises as `retrieve`."""
        found = self.retrieve(path)
        return None if found is None else digest_of(found).hex()

    def put(self, content: Content) -> Answer:
        """Store one file. What became of it is read from the answer's sequences, since a status is of the whole request."""
        body = OnePart(content, secrets.token_hex(16))
        headers = {"Accept": _JSON, "Content-Type": body.content_type}
        start, attempt = self._clock(), 0
        while True:
            status, answer = self._call("POST", f"{self.store.url}/studies", headers, _content, data=body, accepted=(400, 409))
            said = _json(answer)
            said = said[0] if isinstance(said, list) and said else said
            failed, stored = _items(said, _FAILED), _items(said, _STORED)
            reason = _reason(failed[0]) if failed else 0
            if reason not in OUT_OF_RESOURCES:
                self._room.answered()
            if not failed and stored:
                return Answer(True, f"HTTP {status}, with a warning" if _WARNING in stored[0] else "")
            pause = delay(attempt, self._chance)
            if reason not in OUT_OF_RESOURCES or self._room.is_over(start, pause):
                return Answer(False, f"HTTP {status}, failure reason {reason:04X}" if reason else f"HTTP {status}")
            self._sleep(pause)
            attempt += 1

    def delete(self, path: str) -> bool:
        """Take an instance away, where the store can do that (the Healthcare API can); False where it cannot."""
        try:
            self._call("DELETE", f"{self.store.url}/{path}", {}, _content)
        except StoreError as fault:
            if fault.got.startswith(("HTTP 404", "HTTP 410")):
                return True
            if fault.got.startswith(("HTTP 405", "HTTP 501")):
                return False
            raise
        return True

    def allowed(self, permissions: Sequence[str]) -> set[str] | None:
        """Which of these permissions the caller has (`dicomStores.testIamPermissions`); None where the server cannot be asked."""
        if self.store.resource is None:
            return None
        body, headers = json.dumps({"permissions": list(permissions)}).encode(), {"Content-Type": "application/json"}
        try:
            _, answer = self._call("POST", f"{self.store.resource}:testIamPermissions", headers, _content, data=body)
        except StoreError as fault:
            if fault.got.startswith(("HTTP 404", "HTTP 405", "HTTP 501")):  # another server of that shape
                return None
            raise
        found = _json(answer)
        return set(found.get("permissions", [])) if isinstance(found, dict) else None

    def _instance(self, path: str, make: Callable[[Iterator[bytes]], T]) -> T | None:
        """What is made of the pieces of an instance's file as they come; None where the store has none such."""

        def take(answer: requests.Response) -> T:
            boundary, chunks = boundary_of(answer.headers.get("Content-Type", "")), answer.iter_content(_CHUNK)
            return make(only_part(chunks, boundary) if boundary is not None else chunks)

        try:
            return self._call("GET", f"{self.store.url}/{path}", {"Accept": _INSTANCE}, take)[1]
        except StoreError as fault:
            if fault.got.startswith(("HTTP 404", "HTTP 410")):
                return None
            raise

    def _call(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        take: Take[T],
        data: bytes | OnePart | None = None,
        parameters: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (),
    ) -> tuple[int, T]:
        """Status of a call that succeeded, or was answered by an `accepted` status, and what `take` makes of its body.

        It is tried again until the deadline, or once, where the store has been away for as long.
        """
        start, attempt = self._clock(), 0
        while True:
            send = functools.partial(self._send, method, url, headers, take, data, parameters, accepted)
            status, taken, asked = send(fresh=False)
            if status == 401 and self._token:
                status, taken, asked = send(fresh=True)
            if status not in _PASSING:
                self._patience.answered()
            if taken is not None:
                return status, taken
            pause = max(delay(attempt, self._chance), asked or 0.0)
            if status not in _PASSING or self._patience.is_over(start, pause):
                raise _fault(status)
            self._sleep(pause)
            if status == _THROTTLED:
                waiting.note(pause)
            attempt += 1

    def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        take: Take[T],
        data: bytes | OnePart | None,
        parameters: Mapping[str, str] | None,
        accepted: tuple[int, ...],
        fresh: bool,
    ) -> tuple[int, T | None, float | None]:
        """One try: status (0: no answer, or not a whole one), what was taken, and the seconds that the store asks to wait."""
        self._bucket.take()
        try:
            if self._token:
                headers = {**headers, "Authorization": f"Bearer {self._token(fresh)}"}
            with self._session.request(
                method,
                url,
                data=data,
                headers=headers,
                params=parameters,
                timeout=(min(CONNECT_TIMEOUT, self._deadline), min(READ_TIMEOUT, self._deadline)),
                allow_redirects=False,
                stream=True,
            ) as answer:
                if 200 <= answer.status_code < 300 or answer.status_code in accepted:
                    return answer.status_code, take(answer), None
                _content(answer)  # so that the connection is kept
                return answer.status_code, None, retry_after(answer.headers.get("Retry-After"), dt.datetime.now(dt.UTC))
        except (requests.RequestException, GoogleAuthError, PreflightError, TruncatedError):
            return 0, None, None
        except ValueError:
            raise StoreError("WADO-RS", "the answer is not one instance", "see that the URL is a DICOMweb server's") from None


def _content(answer: requests.Response) -> bytes:
    return answer.content


def _found(answer: requests.Response) -> list[dict[str, Any]]:
    """The results of a search; JSON that cannot be read to its end is a part of an answer, anything else none of a DICOMweb server."""
    found = _json(answer.content) if answer.status_code != 204 else []
    if found is None and "json" in answer.headers.get("Content-Type", ""):
        raise TruncatedError("the JSON has no end")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        got = f"HTTP {answer.status_code}"
        raise StoreError("QIDO-RS", "the answer is not DICOM JSON", "see that the URL is a DICOMweb server's", got)
    return found


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _items(answer: Any, tag: str) -> list[dict[str, Any]]:
    """The items of a sequence in DICOM JSON (PS3.18 F.2)."""
    element = answer.get(tag) if isinstance(answer, dict) else None
    items = element.get("Value", []) if isinstance(element, dict) else []
    return [item for item in items if isinstance(item, dict)]


def _reason(item: dict[str, Any]) -> int:
    """FailureReason; 0 where none is stated."""
    value = (item.get(_REASON) or {}).get("Value") or [0]
    return value[0] if isinstance(value[0], int) else 0


def _fault(status: int) -> StoreError:
    at, got = "the DICOM store", f"HTTP {status}" if status else ""
    if status == 0:
        return StoreError(at, "it gives no whole answer", "see that it runs and can be reached, then start the same command again")
    if status in (401, 403):
        return StoreError(
            at, "the caller has no permission", "grant roles/healthcare.dicomEditor, or give a token by --dicom_token_uri", got
        )
    if status in _PASSING:
        return StoreError(at, "it is not at work", "start the same command again later", got)
    return StoreError(at, "it refuses the call", "look at the store's own log", got)


@functools.cache
def client_of(store: DicomStore) -> DicomWebClient:
    """The client of a store, one a process; all clients of a process take from one share of the quota, which is of a project's stores."""
    return DicomWebClient(store, bucket=_share(store.ops_per_minute))


@functools.cache
def _share(per_minute: float | None) -> TokenBucket:
    return TokenBucket(per_minute, time.monotonic, time.sleep)
