"""A client of a DICOMweb store (PS3.18, 10): QIDO-RS and DELETE by dicomweb-client, WADO-RS and STOW-RS of single instances by itself.

That library parses what it retrieves and encodes what it stores; here the bytes are what is proven, so they pass as they
are. A call is tried again, with back-off, until its deadline. Statuses alone get into an exception: paths hold UIDs.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import http
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import requests
from dicomweb_client.web import DICOMwebClient
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
_NO_DICOMWEB = "see that the URL is a DICOMweb server's"
_ABSENT = ("HTTP 404", "HTTP 410")
_JSON = "application/dicom+json"
_INSTANCE = f'multipart/related; type="{DICOM}"; transfer-syntax=*'
"""In the syntax it is stored in: else PS3.18 has it transcoded to Explicit VR Little Endian."""
_STORED, _FAILED, _REASON, _WARNING = "00081199", "00081198", "00081197", "00081196"
OUT_OF_RESOURCES = range(0xA700, 0xA800)
"""Failure reasons that pass (PS3.18 table I.2-2)."""

T = TypeVar("T")
Ask = Callable[[], T]
"""Makes one call and something of its answer.

Raises requests.HTTPError with the answer that is no success, TruncatedError where the body is not whole; either may be tried again.
"""


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
        self._sleep, self._clock, self._chance = sleep, clock, chance
        self._patience, self._room = Patience(deadline, clock), Patience(deadline, clock)
        self._bucket = bucket or TokenBucket(store.ops_per_minute, clock, sleep)
        self._session = session_for(store.url, AT_ONCE)
        self._session.auth = self._sign
        self._session.hooks["response"] = [_succeeded]
        self._timeout = (min(CONNECT_TIMEOUT, deadline), min(READ_TIMEOUT, deadline))
        self._by_library = DICOMwebClient(store.url, self._session, permissive_uid=True, timeout=self._timeout)
        self._by_library.set_http_retry_params(retry=False)

    def search(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        """One page of a QIDO-RS search such as `studies` or `studies/UID/instances`; empty where nothing matches.

        UIDs are percent-encoded in the path, where they have to be.
        """
        if path == "studies":
            return self._call(lambda: _results(self._by_library.search_for_studies, parameters))
        study, series = (*path.split("/")[1::2], None)[:2]
        return self._call(lambda: _results(functools.partial(self._by_library.search_for_instances, study, series), parameters))

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
            status, answer = self._call(lambda: self._post(headers, body))
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

    def _post(self, headers: Mapping[str, str], body: OnePart) -> tuple[int, bytes]:
        """Status and body of one STOW-RS call; 400 and 409 may say, too, what became of the instance."""
        try:
            answer = self._request("POST", f"{self.store.url}/studies", headers, data=body)
        except requests.HTTPError as refused:
            answer = refused.response
            if answer.status_code not in (400, 409):
                raise
        return answer.status_code, answer.content

    def delete(self, path: str) -> bool:
        """Take an instance away, where the store can do that (the Healthcare API can); False where it cannot."""
        study, series, instance = path.split("/")[1::2]
        try:
            self._call(lambda: self._by_library.delete_instance(study, series, instance))
        except StoreError as fault:
            if fault.got in _ABSENT:
                return True
            if fault.got in ("HTTP 405", "HTTP 501"):
                return False
            raise
        return True

    def allowed(self, permissions: Sequence[str]) -> set[str] | None:
        """Which of these permissions the caller has (`dicomStores.testIamPermissions`); None where the server cannot be asked."""
        if self.store.resource is None:
            return None
        url, body = f"{self.store.resource}:testIamPermissions", json.dumps({"permissions": list(permissions)}).encode()
        try:
            found = self._call(lambda: _json(self._request("POST", url, {"Content-Type": "application/json"}, data=body).content))
        except StoreError as fault:
            if fault.got in ("HTTP 404", "HTTP 405", "HTTP 501"):  # another server of that shape
                return None
            raise
        return set(found.get("permissions", [])) if isinstance(found, dict) else None

    def _instance(self, path: str, make: Callable[[Iterator[bytes]], T]) -> T | None:
        """What is made of the pieces of an instance's file as they come; None where the store has none such."""

        def ask() -> T:
            with self._request("GET", f"{self.store.url}/{path}", {"Accept": _INSTANCE}, stream=True) as answer:
                boundary, chunks = boundary_of(answer.headers.get("Content-Type", "")), answer.iter_content(_CHUNK)
                try:
                    return make(only_part(chunks, boundary) if boundary is not None else chunks)
                except TruncatedError:
                    raise
                except ValueError:
                    raise StoreError("WADO-RS", "the answer is not one instance", _NO_DICOMWEB) from None

        try:
            return self._call(ask)
        except StoreError as fault:
            if fault.got in _ABSENT:
                return None
            raise

    def _request(self, method: str, url: str, headers: Mapping[str, str], **more: Any) -> requests.Response:
        return self._session.request(method, url, headers=headers, timeout=self._timeout, **more)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with our token, and with the host as it stands in its URL: dicomweb-client leaves the port out (RFC 9110, 7.2)."""
        request.headers.pop("Host", None)
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token(False)}"
        return request

    def _call(self, ask: Ask[T]) -> T:
        """What comes of a call that succeeds. It is tried again until the deadline, or once, where the store has been away for as long."""
        start, attempt = self._clock(), 0
        while True:
            try:
                got = self._once(ask)
            except _FailedCall as failed:
                if failed.status not in _PASSING:
                    self._patience.answered()
                    raise _fault(failed.status) from None
                pause = max(delay(attempt, self._chance), failed.asked)
                if self._patience.is_over(start, pause):
                    raise _fault(failed.status) from None
                self._sleep(pause)
                if failed.status == _THROTTLED:
                    waiting.note(pause)
                attempt += 1
            else:
                self._patience.answered()
                return got

    def _once(self, ask: Ask[T], renew: Token | None = None) -> T:
        """One try; where our token is refused, another one with a new token. Raises _FailedCall."""
        self._bucket.take()
        try:
            if renew is not None:
                renew(fresh=True)
            return ask()
        except requests.HTTPError as refused:
            status, header = refused.response.status_code, refused.response.headers.get("Retry-After")
            if status != http.HTTPStatus.UNAUTHORIZED or self._token is None or renew is not None:
                raise _FailedCall(status, retry_after(header, dt.datetime.now(dt.UTC)) or 0.0) from None
        except (requests.RequestException, GoogleAuthError, PreflightError, TruncatedError):
            raise _FailedCall from None
        return self._once(ask, self._token)


@dataclasses.dataclass
class _FailedCall(Exception):  # noqa: N818 - it is caught here
    """A call that is no success."""

    status: int = 0
    """0: no answer, or not a whole one."""
    asked: float = 0.0
    """Seconds that the store asks to wait."""


def _succeeded(answer: requests.Response, **_sent: Any) -> None:
    """Called with each answer before anything is made of it; so no redirect is followed, either. Raises requests.HTTPError."""
    if not 200 <= answer.status_code < 300:
        _ = answer.content  # so that the connection is kept
        raise requests.HTTPError(response=answer)


def _results(search: Callable[..., list[dict[str, Any]]], parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those of one search. JSON that begins as results do and cannot be read is a part of an answer."""
    wrong = StoreError("QIDO-RS", "the answer is not DICOM JSON", _NO_DICOMWEB)
    try:
        found = search(additional_params=dict(parameters))
    except requests.JSONDecodeError as broken:
        if broken.doc.lstrip().startswith(("[", "{")):
            raise
        raise wrong from None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise wrong
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
