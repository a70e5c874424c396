"""FHIR search over the index: one page of a searchset Bundle (R4 search.html; what the Healthcare API documents of it)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from typing import Any

from pipeline.local import fhir_query
from pipeline.local.fhir_database import Stored, StoreReader, stored
from pipeline.local.fhir_query import Query
from pipeline.local.fhir_resource import MANDATORY, TYPES, Refusal

_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""R4's tag of a resource that is not whole."""


def search(reader: StoreReader, type_: str, items: Iterable[tuple[str, str]], base: str, strict: bool = False) -> dict[str, Any]:
    """One page as a searchset Bundle; `items` are the decoded name=value pairs, `base` the URL of the store.

    Raises Refusal (400, 404) for a type the store does not keep, a malformed value, an unknown modifier, and, if `strict`,
    an unknown parameter.
    """
    check_type(type_)
    query = fhir_query.parse(reader, type_, items, strict)
    total = _count(reader, type_, query) if query.total else None
    found = _page(reader, type_, query, query.count + 1)
    page, following = found[: query.count], None
    if len(found) > query.count:
        following = query.after + query.count if query.order else page[-1].seq
    return _bundle(f"{base}/fhir/{type_}", query, total, [_shown(one.resource, query) for one in page], following)


def matches(reader: StoreReader, type_: str, items: Iterable[tuple[str, str]], most: int) -> list[Stored]:
    """The first matches, at most so many, of the criteria of a conditional interaction (R4 http.html, ccreate and cond-update).

    Raises Refusal (400, 404) as a strict search does, and for criteria that would match everything.
    """
    check_type(type_)
    query = fhir_query.parse(reader, type_, items, strict=True)
    if not query.clauses or len(query.clauses) < len(query.applied):
        raise Refusal(400, "invalid", "a condition takes search parameters, at least one, and nothing else")
    return _page(reader, type_, query, most)


def check_type(type_: str) -> None:
    """Refuse (404) a type that the store does not keep."""
    if type_ not in TYPES:
        raise Refusal(404, "not-supported", f"this store keeps {' and '.join(TYPES)}")


def _where(reader: StoreReader, type_: str, query: Query) -> tuple[str, list[Any]]:
    """All conditions; they are made of constants of these modules, and every value of the request is bound."""
    where = " AND ".join(["store = ?", "type = ?", "content IS NOT NULL", *(clause for clause, _ in query.clauses)])
    return where, [reader.id, type_, *(value for _, values in query.clauses for value in values)]


def _count(reader: StoreReader, type_: str, query: Query) -> int:
    where, values = _where(reader, type_, query)
    return int(reader.connection.execute(f"SELECT count(*) FROM resources WHERE {where}", values).fetchone()[0])  # noqa: S608 - see _where


def _page(reader: StoreReader, type_: str, query: Query, limit: int) -> list[Stored]:
    where, values = _where(reader, type_, query)
    if query.order:
        order = ", ".join(term for term, _ in query.order)
        sql = f"SELECT seq FROM resources WHERE {where} ORDER BY {order}, seq LIMIT ? OFFSET ?"  # noqa: S608 - see _where
        values += [*(value for _, bound in query.order for value in bound), limit, query.after]
    else:
        sql = f"SELECT seq FROM resources WHERE {where} AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - see _where
        values += [query.after, limit]
    found = reader.connection.execute(sql, values).fetchall()
    # The contents are read afterwards: a sort would carry all of them along.
    one = "SELECT seq, type, id, version, updated, content FROM resources WHERE seq = ?"
    return [stored(reader.connection.execute(one, key).fetchone()) for key in found]


def _shown(resource: dict[str, Any], query: Query) -> dict[str, Any]:
    """With `_elements`: those, and what R4 requires of the type."""
    if not query.elements:
        return resource
    kept = {"resourceType", "id", "meta", *MANDATORY[resource["resourceType"]], *query.elements}
    meta = {**resource["meta"], "tag": [*resource["meta"].get("tag", ()), _SUBSETTED]}
    return {**{name: value for name, value in resource.items() if name in kept}, "meta": meta}


def _bundle(url: str, query: Query, total: int | None, resources: list[dict[str, Any]], following: int | None) -> dict[str, Any]:
    def link(relation: str, *more: tuple[str, str]) -> dict[str, str]:
        text = urllib.parse.urlencode([*query.applied, *more], safe="/:|,")
        return {"relation": relation, "url": f"{url}?{text}" if text else url}

    here = [("_page_token", fhir_query.token(query.after))] if query.after else []
    links = [link("search"), link("first"), link("self", *here)]
    if following is not None:
        links.append(link("next", ("_page_token", fhir_query.token(following))))
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if total is not None:
        bundle["total"] = total
    if resources:
        bundle["entry"] = [{"fullUrl": f"{url}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in resources]
    return bundle
