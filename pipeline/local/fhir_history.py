"""The history of one resource as Bundles, page by page (R4 http.html, history; fhirStores.fhir.history: `_count`, `_since`, `_at`)."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from pipeline.local import fhir_query
from pipeline.local.fhir_bundle import etag, resource_url
from pipeline.local.fhir_database import Stored
from pipeline.local.fhir_resource import Refusal
from pipeline.local.fhir_values import date_range

_FORM = ("_count", "_since", "_at")


def page(versions: list[Stored], items: list[tuple[str, str]], base: str, path: str) -> dict[str, Any]:
    """One page of `versions`, the newest first, as a history Bundle; `path` is `Type/id`, `base` the URL of the store.

    Raises Refusal (400) for a value that cannot be read.
    """
    asked = dict(items)
    count = fhir_query.count(asked["_count"]) if "_count" in asked else fhir_query.DEFAULT_COUNT
    wanted = list(_of_the_time(versions, asked))
    start = fhir_query.position(asked["_page_token"]) if "_page_token" in asked else 0
    shown, applied = wanted[start : start + count], [(name, asked[name]) for name in _FORM if name in asked]
    url = f"{base}/fhir/{path}/_history"

    def link(relation: str, at: int) -> dict[str, str]:
        text = urllib.parse.urlencode([*applied, *([("_page_token", fhir_query.token(at))] if at else [])], safe=":")
        return {"relation": relation, "url": f"{url}?{text}" if text else url}

    links = [link("self", start)]
    if start + count < len(wanted):
        links.append(link("next", start + count))
    bundle = {"resourceType": "Bundle", "type": "history", "total": len(wanted), "link": links}
    return {**bundle, "entry": [_entry(base, one) for one in shown]} if shown else bundle


def _of_the_time(versions: list[Stored], asked: dict[str, str]) -> Iterator[Stored]:
    """Those written since `_since`, and current at some point of `_at`."""
    try:
        since = date_range(asked["_since"]).low if "_since" in asked else -math.inf
        at = date_range(asked["_at"]) if "_at" in asked else None
    except (ValueError, ArithmeticError):
        raise Refusal(400, "value", "_since and _at take a date or an instant") from None
    until = math.inf
    for one in versions:
        written = date_range(one.resource["meta"]["lastUpdated"]).low
        if written >= since and (at is None or (written < at.high and until > at.low)):
            yield one
        until = written


def _entry(base: str, one: Stored) -> dict[str, Any]:
    """One version; a deletion has no resource."""
    url = resource_url(base, one)
    request = {"method": "DELETE" if one.deleted else "PUT", "url": url.removeprefix(f"{base}/fhir/")}
    status = f"{HTTPStatus.OK.value} {HTTPStatus.OK.phrase}"
    response = {"status": status, "etag": etag(one), "lastModified": one.resource["meta"]["lastUpdated"]}
    return {"fullUrl": url, **({} if one.deleted else {"resource": one.resource}), "request": request, "response": response}
