"""`executeBundle`: batch and transaction bundles over one store (R4 http 3.1.0.11; the Healthcare API's answers).

Entries may be GET, PUT and DELETE Type/id, POST Type, and PUT and DELETE Type?criteria, with R4's conditions in their request.
A batch goes on past an entry that fails and says so in that entry's answer; a transaction is done as a whole or leaves nothing
behind, and what its entries call each other by urn:uuid becomes a reference. Each entry that writes counts against the quota.
"""

from __future__ import annotations

import dataclasses
import logging
from http import HTTPStatus
from typing import Any

from pipeline.local import fhir_interaction
from pipeline.local.fhir_database import FhirDatabase, Stored, StoreWriter
from pipeline.local.fhir_interaction import WRITES, Done, Interaction
from pipeline.local.fhir_resource import Refusal
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
    writes = sum(_method(entry) in WRITES for entry in entries)
    granted = take(quota, writes, whole=atomic)
    over_quota = _over_quota(quota, writes - granted) if granted < writes else None
    with database.write(store) as writer:
        answers = _transaction(writer, base, entries) if atomic else _batch(writer, base, entries, granted, over_quota)
    return {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": answers}


def take(quota: WriteQuota, writes: int, whole: bool) -> int:
    """How many of the writes the quota lets through now. Raises Refusal (429) if there are writes and none may go."""
    granted = quota.take(writes, whole)
    if writes and not granted:
        raise _over_quota(quota, writes)
    return granted


def _over_quota(quota: WriteQuota, writes: int) -> Refusal:
    text = "RESOURCE_EXHAUSTED: the quota of fhir_write_ops per minute is used up"
    return Refusal(429, "throttled", text, quota.retry_after(writes))


def _batch(writer: StoreWriter, base: str, entries: list[dict[str, Any]], granted: int, over_quota: Refusal | None) -> list[dict[str, Any]]:
    answers = []
    for entry in entries:
        writes = _method(entry) in WRITES
        try:
            if writes and granted == 0 and over_quota:
                raise over_quota
            granted -= writes
            with writer.savepoint():
                asked = _interaction(entry)
                done = _do(writer, asked)
                fhir_interaction.keep_integrity(writer, done)
            answers.append(_answer(base, asked, done))
        except Refusal as refusal:
            answers.append(_refused(refusal))
        except Exception as error:  # noqa: BLE001 - the last net: one entry must not take the others with it
            _LOG.error("the FHIR store failed on an entry: %s", type(error).__name__)
            answers.append(_refused(Refusal(500, "exception", "the store failed on this entry")))
    return answers


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"response": {"status": _status(refusal.status), "outcome": refusal.outcome()}}


def _transaction(writer: StoreWriter, base: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All entries, in R4's order of methods (http 3.1.0.11.2), references checked when all is written; a Refusal undoes all."""
    asked = [_interaction(entry) for entry in entries]
    urns = [str(entry.get("fullUrl", "")) for entry in entries]
    named = [(one.type, one.id) for one in asked if one.method in WRITES and one.id]
    if len(set(named)) < len(named):
        raise Refusal(400, "invalid", "two entries of the transaction write the same resource")
    order = sorted(range(len(asked)), key=lambda index: _turn(asked[index]))
    done: dict[int, Done] = {}
    names: dict[str, str] | None = None
    at = 0
    try:
        for at in order:
            if asked[at].method != "DELETE" and names is None:  # what was deleted matches no condition
                names = _name(writer, asked, urns)
            done[at] = _do(writer, _referring(asked[at], names or {}))
        for at in order:
            fhir_interaction.keep_integrity(writer, done[at])
    except Refusal as refusal:
        raise Refusal(refusal.status, refusal.code, f"entry {at}: {refusal.text}") from None
    return [_answer(base, one, done[index]) for index, one in enumerate(asked)]


def _name(writer: StoreWriter, asked: list[Interaction], urns: list[str]) -> dict[str, str]:
    """`urn:…` of each entry that creates or updates under one -> `Type/id`; new resources get their ids here (R4 http.html 3.1.0.11.2)."""
    names: dict[str, str] = {}
    for index, (one, urn) in enumerate(zip(asked, urns, strict=True)):
        if urn.startswith("urn:") and one.method in ("POST", "PUT") and _is_understood(one):
            if urn in names:
                raise Refusal(400, "invalid", "two entries of the transaction have the same fullUrl")
            identity = fhir_interaction.future_id(writer, one)
            asked[index] = dataclasses.replace(one, new_id=identity)
            names[urn] = f"{one.type}/{identity}"
    return names


def _referring(asked: Interaction, names: dict[str, str]) -> Interaction:
    """With the names of the transaction's own resources in place of their urns."""
    return dataclasses.replace(asked, resource=_replaced(asked.resource, names)) if names else asked


def _replaced(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(child, names) for name, child in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _turn(asked: Interaction) -> int:
    return WRITES.index(asked.method) if asked.method in WRITES else len(WRITES)


def _do(writer: StoreWriter, asked: Interaction) -> Done:
    if asked.method == "GET" and asked.id is not None:
        return fhir_interaction.read(writer, asked)
    if not _is_understood(asked):
        raise Refusal(400, "not-supported", "an entry is GET, PUT or DELETE Type/id, POST Type, or PUT or DELETE Type?criteria")
    return fhir_interaction.write(writer, asked)


def _is_understood(asked: Interaction) -> bool:
    """Whether it writes, and says where in the way that its method does."""
    return asked.method in WRITES and (asked.method == "POST") is not (asked.id is not None or asked.criteria is not None)


def _answer(base: str, asked: Interaction, done: Done) -> dict[str, Any]:
    response = {"status": _status(done.status)}
    if done.stored is None:
        return {"response": response}
    response |= {"etag": etag(done.stored), "lastModified": done.stored.resource["meta"]["lastUpdated"]}
    if done.stored.deleted:
        return {"response": response}
    answer: dict[str, Any] = {"fullUrl": resource_url(base, done.stored), "response": response}
    if asked.method == "GET":
        return {**answer, "resource": done.stored.resource}
    response["location"] = location(base, done.stored)
    return answer


def resource_url(base: str, one: Stored) -> str:
    """The URL of a resource."""
    return f"{base}/fhir/{one.resource['resourceType']}/{one.resource['id']}"


def location(base: str, one: Stored) -> str:
    """The URL of one version of a resource."""
    return f"{resource_url(base, one)}/_history/{one.version}"


def etag(one: Stored) -> str:
    """The weak entity tag of one version."""
    return f'W/"{one.version}"'


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


def _method(entry: dict[str, Any]) -> str:
    request = entry.get("request")
    return str(request.get("method", "")) if isinstance(request, dict) else ""


def _interaction(entry: dict[str, Any]) -> Interaction:
    """What an entry asks; of a URL that is neither Type, Type/id nor Type?criteria, a type that no store keeps."""
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    path, asks, criteria = str(request.get("url", "")).partition("?")
    type_, _, identity = path.partition("/")
    if "/" in identity or (identity and asks):
        type_ = ""
    conditions = {name: request.get(name) for name in ("ifMatch", "ifNoneMatch", "ifNoneExist")}
    if_match, if_none_match, if_none_exist = (None if value is None else str(value) for value in conditions.values())
    return Interaction(
        _method(entry), type_, identity or None, criteria if asks else None, entry.get("resource"), if_match, if_none_match, if_none_exist
    )
