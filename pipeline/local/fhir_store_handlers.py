"""The store itself: its settings, its search configuration and its counts (v1beta1 projects.locations.datasets.fhirStores).

A store is made on first use, as a run needs it; who wants one with other settings creates it before.
"""

from __future__ import annotations

from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from pipeline.local import fhir_configure
from pipeline.local.fhir_answer import json_answer
from pipeline.local.fhir_call import Call
from pipeline.local.fhir_database import SETTINGS, StoreReader
from pipeline.local.fhir_resource import TYPES, Refusal

_IMMUTABLE = ("disableReferentialIntegrity",)


def get(call: Call) -> Response:
    """GET {store}."""
    with call.service.database.read(call.store) as reader:
        return json_answer(_fhir_store(reader))


def create(call: Call) -> Response:
    """POST {dataset}/fhirStores?fhirStoreId=ID with the settings that are not to be ours."""
    name = f"{call.dataset}/fhirStores/{call.option('fhirStoreId')}"
    settings = _settings(call.body, tuple(SETTINGS))
    with call.service.database.write(name) as writer:
        if not writer.made:
            raise Refusal(409, "duplicate", "there is such a store; one is made on first use")
        writer.configure(settings)
        return json_answer(_fhir_store(writer))


def patch(call: Call) -> Response:
    """PATCH {store}?updateMask=FIELD,… for what can be changed."""
    wanted = call.option("updateMask").split(",")
    settings = _settings(call.body, tuple(wanted))
    if set(wanted) & set(_IMMUTABLE) or settings.keys() != set(wanted):
        raise Refusal(400, "invalid", "updateMask names fields of the body that can be changed: " + ", ".join(_mutable()))
    with call.service.database.write(call.store) as writer:
        writer.configure(settings)
        return json_answer(_fhir_store(writer))


def metrics(call: Call) -> Response:
    """GET {store}:getFHIRStoreMetrics, and `writes`, which the API lacks.

    `writes` are the creates, updates and deletions carried out so far, as the quota counts them: an update that changes
    nothing counts, a refused one and a transaction that was undone do not.
    """
    with call.service.database.read(call.store) as reader:
        query = (
            "SELECT type, count(*), sum(length(CAST(content AS BLOB))) FROM resources WHERE store = ? AND content IS NOT NULL GROUP BY type"
        )
        kept = {type_: (count, size) for type_, count, size in reader.connection.execute(query, (reader.id,))}
        writes = dict(reader.connection.execute("SELECT type, count FROM writes WHERE store = ?", (reader.id,)))
    found = [
        {
            "resourceType": type_,
            "count": str(kept.get(type_, (0, 0))[0]),
            "structuredStorageSizeBytes": str(kept.get(type_, (0, 0))[1]),
            "writes": str(writes.get(type_, 0)),
        }
        for type_ in TYPES
    ]
    return json_answer({"name": call.store, "metrics": found})


def configure(call: Call) -> Response:
    """POST {store}:configureSearch; what is stored already is indexed after the answer."""
    body = call.body or {}
    urls = body.get("canonicalUrls", []) if isinstance(body, dict) else None
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise Refusal(400, "invalid", "canonicalUrls is not a list of strings")
    started = fhir_configure.configure(call.service.database, call.store, urls, bool(body.get("validateOnly", False)))
    task = None if started["done"] else BackgroundTask(fhir_configure.reindex, call.service.database, call.store, started["name"])
    return json_answer(started, task=task)


def _settings(body: Any, wanted: tuple[str, ...]) -> dict[str, bool]:
    """The settings among the wanted fields of a FhirStore. Raises Refusal (400)."""
    given = body or {}
    if not isinstance(given, dict) or given.get("version", "R4") != "R4":
        raise Refusal(400, "invalid", "the body is not a FhirStore of version R4")
    found = {name: given[name] for name in wanted if name in SETTINGS and name in given}
    if not all(isinstance(value, bool) for value in found.values()):
        raise Refusal(400, "invalid", "a setting is true or false")
    return found


def _mutable() -> list[str]:
    return [name for name in SETTINGS if name not in _IMMUTABLE]


def _fhir_store(reader: StoreReader) -> dict[str, Any]:
    parameters = fhir_configure.configured(reader)
    store = {"name": reader.name, "version": "R4", **reader.settings}
    return {**store, **({"searchConfig": {"searchParameters": parameters}} if parameters else {})}


def permissions(call: Call) -> Response:
    """POST {store}:testIamPermissions: who is let in at all may do everything here, so all that is asked for is granted."""
    asked = call.body.get("permissions") if isinstance(call.body, dict) else None
    if not isinstance(asked, list) or not all(isinstance(permission, str) for permission in asked):
        raise Refusal(400, "invalid", "permissions is not a list of strings")
    return json_answer({"permissions": asked})
