"""A client of a FHIR R4 store: of the Healthcare API, of the embedded store, or any plain FHIR base URL (DESIGN 14).

Nothing of a request or an answer but statuses and OperationOutcome codes gets into an exception.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import requests
import requests.adapters
from google.auth.exceptions import GoogleAuthError

from transforms.fhir.bundles import Verdict, outcome_code, resource_bytes, verdict
from transforms.fhir.pacing import MAX_IN_FLIGHT
from transforms.model.backoff import delay, retry_after
from transforms.model.credentials import Token, token_for
from transforms.model.errors import PreflightError, StoreError
from transforms.model.session import session_for

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
BUNDLE_TIMEOUT = 180.0
DEADLINE = 120.0
"""Seconds in which a single call is tried again."""

_MEDIA_TYPE = "application/fhir+json"
_JSON = "application/json"
_STRICT = {"Prefer": "handling=strict"}
_STORE = re.compile(r".*/fhirStores/[^/]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one try. `status` 0: no answer, or not a whole one."""

    status: int
    body: Any = None
    """The answer's JSON, if it is JSON."""
    retry_after: float | None = None
    """Seconds."""


class FhirClient:
    """One session with keep-alive; safe for any number of threads.

    `store_url` is `http(s)://…/fhirStores/ID` (the resources are below its `/fhir`) or a plain FHIR base URL. `token` is
    for stores that want a bearer; by default it is Google's for Google's endpoint, and none elsewhere. `read` parses the
    answers' JSON; it raises ValueError where that is none.
    """

    def __init__(
        self,
        store_url: str,
        token: Token | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        read: Callable[[bytes], Any] = json.loads,
    ) -> None:
        self.store_url = store_url.rstrip("/")
        self.is_healthcare_store = _STORE.fullmatch(self.store_url) is not None
        self.base = f"{self.store_url}/fhir" if self.is_healthcare_store else self.store_url
        self._token = token or token_for(store_url)
        self._sleep, self._clock, self._chance, self._read = sleep, clock, chance, read
        self._session = session_for(store_url, MAX_IN_FLIGHT)
        self._session.headers.update({"Accept": _MEDIA_TYPE})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def execute_bundle(self, body: bytes) -> Reply:
        """POST a bundle, once: who sends bundles decides what to send again."""
        return self._once("POST", self.base, body, BUNDLE_TIMEOUT, {"Content-Type": f"{_MEDIA_TYPE}; charset=utf-8"})

    def put(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Create or update a resource under its own id; the store's version of it. Raises StoreError."""
        kind, identity = resource["resourceType"], resource["id"]
        return self._call("PUT", f"{self.base}/{kind}/{identity}", resource_bytes(resource), DEADLINE)

    def get(self, path: str, deadline: float = DEADLINE) -> dict[str, Any]:
        """A resource or `metadata`, by its path below the FHIR base. Raises StoreError."""
        return self._call("GET", f"{self.base}/{path}", None, deadline)

    def has(self, path: str) -> bool:
        """Whether there is a resource at a path below the FHIR base. Raises StoreError."""
        try:
            self.get(path)
        except StoreError as fault:
            if fault.got.startswith(("HTTP 404", "HTTP 410")):
                return False
            raise
        return True

    def delete(self, path: str) -> None:
        """Take a resource away, if it is there; from a Healthcare API store with its versions (`Resource-purge`). Raises StoreError."""
        for url in (path, *([f"{path}/$purge"] if self.is_healthcare_store else [])):
            try:
                self._call("DELETE", f"{self.base}/{url}", None, DEADLINE)
            except StoreError as fault:
                if not fault.got.startswith(("HTTP 404", "HTTP 410")):
                    raise

    def allowed(self, permissions: Sequence[str], deadline: float = DEADLINE) -> set[str] | None:
        """Which of these permissions the caller has on a Healthcare API store; None where the server cannot be asked.

        `projects.locations.datasets.fhirStores.testIamPermissions`. Raises StoreError.
        """
        body = json.dumps({"permissions": list(permissions)}).encode()
        try:
            answer = self._call("POST", f"{self.store_url}:testIamPermissions", body, deadline, _JSON)
        except StoreError as fault:
            if fault.got.startswith(("HTTP 404", "HTTP 405", "HTTP 501")):  # an emulator
                return None
            raise
        return set(answer.get("permissions", []))

    def get_store(self, deadline: float = DEADLINE) -> dict[str, Any]:
        """The FhirStore resource of a Healthcare API store. Raises StoreError."""
        return self._call("GET", self.store_url, None, deadline)

    def configure_search(self, canonical_urls: Sequence[str]) -> dict[str, Any]:
        """Put SearchParameters in force, in place of those before (Healthcare API stores only); the Operation. Raises StoreError."""
        body = json.dumps({"canonicalUrls": list(canonical_urls)}).encode()
        return self._call("POST", f"{self.store_url}:configureSearch", body, DEADLINE, _JSON)

    def get_operation(self, name: str) -> dict[str, Any]:
        """A long-running operation of the store's server, `projects/…/operations/ID`. Raises StoreError."""
        return self._call("GET", f"{self.store_url.partition('/projects/')[0]}/{name}", None, DEADLINE)

    def search(self, query: str) -> Iterator[dict[str, Any]]:
        """The resources of all pages of a search such as `Provenance?recorded=ge2026`. Raises StoreError."""
        for page in self.pages(query):
            for entry in page.get("entry", []):
                yield entry["resource"]

    def pages(self, query: str, strict: bool = False) -> Iterator[dict[str, Any]]:
        """The Bundles of a search, page by page; `strict` asks for a refusal of unknown parameters. Raises StoreError."""
        url: str | None = f"{self.base}/{query}"
        while url:
            page = self._call("GET", url, None, DEADLINE, headers=_STRICT if strict else None)
            if page.get("resourceType") != "Bundle":
                raise StoreError("search", "the answer is not a Bundle", "search by Type?name=value")
            yield page
            url = next((link["url"] for link in page.get("link", []) if link.get("relation") == "next"), None)
            if url and not url.startswith((f"{self.base}/", f"{self.base}?")):
                raise StoreError("search", "its next page is on another server", "look at the store's own base URL")

    def _call(
        self,
        method: str,
        url: str,
        body: bytes | None,
        deadline: float,
        media_type: str = _MEDIA_TYPE,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """An idempotent call, tried again with back-off until `deadline` seconds have gone."""
        headers = {**(headers or {}), **({"Content-Type": f"{media_type}; charset=utf-8"} if body is not None else {})}
        start, attempt = self._clock(), 0
        while True:
            reply = self._once(method, url, body, READ_TIMEOUT, headers)
            meaning = verdict(reply.status)
            if meaning is Verdict.DONE and (isinstance(reply.body, dict) or method == "DELETE"):  # which may be answered by nothing
                return reply.body or {}
            pause = max(delay(attempt, self._chance), reply.retry_after or 0.0)
            passing = meaning in (Verdict.AGAIN, Verdict.THROTTLED)
            if not passing or self._clock() - start + pause > deadline:
                raise _fault(f"{method} to the FHIR store", reply)
            self._sleep(pause)
            attempt += 1

    def _once(self, method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str]) -> Reply:
        reply = self._send(method, url, body, timeout, headers, fresh=False)
        return self._send(method, url, body, timeout, headers, fresh=True) if reply.status == 401 and self._token else reply

    def _send(self, method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str], fresh: bool) -> Reply:
        try:
            if self._token:
                headers = {**headers, "Authorization": f"Bearer {self._token(fresh)}"}
            answer = self._session.request(
                method, url, data=body, headers=headers, timeout=(CONNECT_TIMEOUT, timeout), allow_redirects=False
            )
        except (requests.RequestException, GoogleAuthError, PreflightError):  # the last: a token that cannot be read now
            return Reply(0)
        try:
            content = self._read(answer.content)
        except ValueError:
            content = None
        return Reply(answer.status_code, content, retry_after(answer.headers.get("Retry-After"), dt.datetime.now(dt.UTC)))


def _fault(at: str, reply: Reply) -> StoreError:
    if reply.status == 0:
        return StoreError(at, "the store gives no answer", "see that it runs and can be reached, then start the same command again")
    got = f"HTTP {reply.status} {outcome_code(reply.body)}".rstrip()
    if verdict(reply.status) is Verdict.DONE:
        return StoreError(at, "the answer is not a FHIR resource", "see that the URL is a FHIR store's", got)
    if reply.status in (401, 403):
        return StoreError(at, "the caller has no permission", "grant roles/healthcare.fhirResourceEditor, or give a token", got)
    return StoreError(at, "the store refuses it", "look at the store's own log", got)
