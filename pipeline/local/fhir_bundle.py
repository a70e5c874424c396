"""`executeBundle`: batch and transaction bundles over one store (R4 http 3.1.0.11; the Healthcare API's answers).

Entries may be PUT Type/id, POST Type and GET Type/id. A batch goes on past an entry that fails and says so in that entry's
answer; a transaction is done as a whole or leaves nothing behind. Each entry that writes counts against the quota.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from pipeline.local.fhir_database import FhirDatabase, Stored, StoreReader, StoreWriter
from pipeline.local.fhir_resource import TYPES, Refusal, check
from pipeline.local.quota import WriteQuota

MAX_TRANSACTION_ENTRIES = 4500
_LOG = logging.getLogger(__name__)


def execute(database: FhirDatabase, quota: WriteQuota, store: str, base: str, bundle: Any) -> dict[str, Any]:
    """The answer to a bundle; `base` is the URL of the store. Raises Refusal where the whole bundle is refused."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("batch", "transaction"):
        raise Refusal(400, "invalid", "the body is not a Bundle of type batch or transaction")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refusal(400, "invalid", "Bundle.entry is not a list of entries")
    atomic = bundle["type"] == "transaction"
    if atomic and len(entries) > MAX_TRANSACTION_ENTRIES:
        raise Refusal(413, "too-costly", f"a transaction has at most {MAX_TRANSACTION_ENTRIES} entries")
    writes = sum(_method(entry) in ("PUT", "POST") for entry in entries)
    granted = take(quota, writes, whole=atomic)
    with database.write(store) as writer:
        answers = _transaction(writer, base, entries) if atomic else _batch(writer, base, entries, granted)
    return {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": answers}


def take(quota: WriteQuota, writes: int, whole: bool) -> int:
    """How many of the writes the quota lets through now. Raises Refusal (429) if there are writes and none may go."""
    granted = quota.take(writes, whole)
    if writes and not granted:
        raise _over_quota(quota.retry_after(writes))
    return granted


def _over_quota(retry_after: int | None = None) -> Refusal:
    return Refusal(429, "throttled", "RESOURCE_EXHAUSTED: the quota of fhir_write_ops per minute is used up", retry_after)


def _batch(writer: StoreWriter, base: str, entries: list[dict[str, Any]], granted: int) -> list[dict[str, Any]]:
    answers = []
    for entry in entries:
        writes = _method(entry) in ("PUT", "POST")
        try:
            if writes and granted == 0:
                raise _over_quota()
            granted -= writes
            with writer.savepoint():
                answers.append(_answer(writer, base, entry))
        except Refusal as refusal:
            answers.append(_refused(refusal))
        except Exception as error:  # noqa: BLE001 - the last net: one entry must not take the others with it
            _LOG.error("the FHIR store failed on an entry: %s", type(error).__name__)
            answers.append(_refused(Refusal(500, "exception", "the store failed on this entry")))
    return answers


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"response": {"status": _status(refusal.status), "outcome": refusal.outcome()}}


def _transaction(writer: StoreWriter, base: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All entries, what they read after all that they write (R4 http 3.1.0.11.2); a Refusal undoes all."""
    named = [_path(entry) for entry in entries if _method(entry) == "PUT"]
    if len(set(named)) < len(named):
        raise Refusal(400, "invalid", "two entries of the transaction write the same resource")
    answers: dict[int, dict[str, Any]] = {}
    for reads in (False, True):
        for index, entry in enumerate(entries):
            if (_method(entry) == "GET") is reads:
                try:
                    answers[index] = _answer(writer, base, entry)
                except Refusal as refusal:
                    raise Refusal(refusal.status, refusal.code, f"entry {index}: {refusal.text}") from None
    return [answers[index] for index in range(len(entries))]


def _answer(writer: StoreWriter, base: str, entry: dict[str, Any]) -> dict[str, Any]:
    method, (type_, identity) = _method(entry), _path(entry)
    if method == "GET" and identity is not None:
        found = read(writer, type_, identity)
        return {
            "fullUrl": f"{base}/fhir/{type_}/{identity}",
            "resource": found.resource,
            "response": {"status": _status(200), **_meta(found)},
        }
    if (method == "PUT") is (identity is None) or method not in ("PUT", "POST"):
        raise Refusal(400, "not-supported", "an entry is PUT Type/id, POST Type or GET Type/id")
    done = write(writer, type_, identity, entry.get("resource"))
    status = _status(201 if done.created else 200)
    return {"fullUrl": resource_url(base, done), "response": {"status": status, "location": location(base, done), **_meta(done)}}


def write(writer: StoreWriter, type_: str, identity: str | None, resource: Any) -> Stored:
    """PUT (with an identity) or POST of one resource. Raises Refusal."""
    check(resource, type_, identity)
    try:
        return writer.create(type_, resource) if identity is None else writer.put(type_, identity, resource)
    except UnicodeEncodeError:
        raise Refusal(400, "value", "a string holds half of a surrogate pair") from None


def read(reader: StoreReader, type_: str, identity: str) -> Stored:
    """One current resource. Raises Refusal (404)."""
    found = reader.get(type_, identity) if type_ in TYPES else None
    if found is None:
        raise Refusal(404, "not-found", "there is no such resource")
    return found


def resource_url(base: str, one: Stored) -> str:
    """The URL of a resource."""
    return f"{base}/fhir/{one.resource['resourceType']}/{one.resource['id']}"


def location(base: str, one: Stored) -> str:
    """The URL of one version of a resource."""
    return f"{resource_url(base, one)}/_history/{one.version}"


def etag(one: Stored) -> str:
    """The weak entity tag of one version."""
    return f'W/"{one.version}"'


def history_entry(base: str, one: Stored) -> dict[str, Any]:
    """The entry of one version in a history Bundle."""
    url = resource_url(base, one)
    request = {"method": "PUT", "url": url.removeprefix(f"{base}/fhir/")}
    return {"fullUrl": url, "resource": one.resource, "request": request, "response": {"status": _status(200), **_meta(one)}}


def _meta(one: Stored) -> dict[str, str]:
    return {"etag": etag(one), "lastModified": one.resource["meta"]["lastUpdated"]}


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


def _method(entry: dict[str, Any]) -> str:
    request = entry.get("request")
    return str(request.get("method", "")) if isinstance(request, dict) else ""


def _path(entry: dict[str, Any]) -> tuple[str, str | None]:
    """Type and id of the request's URL; a query, or more parts, is nothing this store does in a bundle."""
    request = entry.get("request")
    parts = str(request.get("url", "")).split("/") if isinstance(request, dict) else []
    if not 1 <= len(parts) <= 2 or "?" in parts[-1]:
        return "", None
    return parts[0], parts[1] if len(parts) == 2 else None
