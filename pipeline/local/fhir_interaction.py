"""One interaction with one resource, alone or as an entry of a bundle: read, create, update, delete and their conditions.

R4 http.html 3.1.0.1-3.1.0.11: If-Match, If-None-Match, If-None-Exist, update and deletion by query, update as create. A
condition that does not hold is answered by 412 and changes nothing.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
import uuid
from typing import Any, NamedTuple

from pipeline.local import fhir_query, fhir_references, fhir_search
from pipeline.local.fhir_database import Stored, StoreReader, StoreWriter
from pipeline.local.fhir_resource import Refusal, check

WRITES = ("DELETE", "POST", "PUT")
"""Methods that count against the quota, in the order in which a transaction does them (R4 http.html 3.1.0.11.2)."""

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclasses.dataclass(frozen=True)
class Interaction:
    """What is asked. `id` of the URL's `Type/id`, or `criteria` of its `Type?criteria`; the conditions as headers have them."""

    method: str
    type: str
    id: str | None = None
    criteria: str | None = None
    resource: Any = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: str | None = None
    new_id: str | None = None
    """The id of what is created, where the transaction has given it one already."""


class Done(NamedTuple):
    """What came of it: HTTP status, and the resource as it is now; None where there is nothing to show."""

    status: int
    stored: Stored | None
    deleted: tuple[Stored, ...] = ()
    """What a deletion by query took."""


def read(reader: StoreReader, asked: Interaction) -> Done:
    """GET Type/id. Raises Refusal: 404 if it never was there, 410 if it was deleted."""
    fhir_search.check_type(asked.type)
    found = reader.last(asked.type, asked.id or "")
    if found is None:
        raise Refusal(404, "not-found", "there is no such resource")
    if found.deleted:
        raise Refusal(410, "deleted", "the resource was deleted")
    unchanged = asked.if_none_match is not None and _names(asked.if_none_match, found)
    return Done(304, None) if unchanged else Done(200, found)


def write(writer: StoreWriter, asked: Interaction) -> Done:
    """PUT, POST or DELETE, counted. Raises Refusal; what was written until then is the caller's to undo."""
    fhir_search.check_type(asked.type)
    do = {"POST": _create, "PUT": _update, "DELETE": _delete}[asked.method]
    try:
        done = do(writer, asked)
    except UnicodeEncodeError:
        raise Refusal(400, "value", "a string holds half of a surrogate pair") from None
    for _ in done.deleted or (done,):
        writer.count_write(asked.type)
    return done


def keep_integrity(writer: StoreWriter, done: Done) -> None:
    """Refuse what leaves a literal reference that leads nowhere, in a store that enforces them."""
    if writer.settings["disableReferentialIntegrity"]:
        return
    for stored in (*done.deleted, *([done.stored] if done.stored else [])):
        if stored.deleted and fhir_references.referred(writer.connection, writer.id, stored.seq):
            raise Refusal(409, "conflict", "another resource refers to this one")
        if fhir_references.dangling(writer.connection, writer.id, stored.seq):
            raise Refusal(400, "business-rule", "a reference names a resource that is not in this store")


def future_id(writer: StoreWriter, asked: Interaction) -> str:
    """The id that a POST or PUT will write to; where the server has to give one, the interaction must get it as `new_id`."""
    given = asked.resource.get("id") if isinstance(asked.resource, dict) and asked.method == "PUT" else None
    criteria = asked.if_none_exist.removeprefix("?") if asked.if_none_exist is not None and asked.method == "POST" else asked.criteria
    found = None if criteria is None else _matching(writer, asked.type, criteria)
    return asked.id or (found.resource["id"] if found else None) or (given if isinstance(given, str) else str(uuid.uuid4()))


def _create(writer: StoreWriter, asked: Interaction) -> Done:
    check(asked.resource, asked.type, None)
    if asked.if_none_exist is not None:
        found = _matching(writer, asked.type, asked.if_none_exist.removeprefix("?"))
        if found is not None:
            return Done(200, found)
    return Done(201, writer.create(asked.type, asked.resource, asked.new_id))


def _update(writer: StoreWriter, asked: Interaction) -> Done:
    """PUT Type/id, or PUT Type?criteria: of the one match, else a create, under the client's id if it gives one."""
    identity, resource = asked.id, asked.resource
    if asked.criteria is not None:
        found = _matching(writer, asked.type, asked.criteria)
        given = resource.get("id") if isinstance(resource, dict) else None
        if found is None and given is None:
            return _create(writer, dataclasses.replace(asked, if_none_exist=None))
        if found is None and isinstance(given, str) and writer.get(asked.type, given):
            raise Refusal(409, "conflict", "the id in the body is in use by a resource that does not match")
        identity = found.resource["id"] if found else str(given)
        resource = {**resource, "id": given or identity} if isinstance(resource, dict) else resource
    check(resource, asked.type, identity)
    assert identity is not None
    _preconditions(asked, writer.get(asked.type, identity))
    if writer.last(asked.type, identity) is None and not writer.settings["enableUpdateCreate"]:
        raise Refusal(405, "not-supported", "there is no such resource, and this store gives the ids (enableUpdateCreate is off)")
    stored = writer.put(asked.type, identity, resource)
    return Done(201 if stored.created else 200, stored)


def _delete(writer: StoreWriter, asked: Interaction) -> Done:
    """DELETE Type/id, whether or not it is there: as in the API, a second deletion is answered as the first. Or DELETE Type?criteria."""
    if asked.criteria is not None:
        return _delete_matches(writer, asked.type, asked.criteria)
    assert asked.id is not None
    _preconditions(asked, writer.get(asked.type, asked.id))
    return Done(200, writer.delete(asked.type, asked.id))


def _delete_matches(writer: StoreWriter, type_: str, criteria: str) -> Done:
    """All that match, at most a page of them (v1beta1 conditionalDelete; v1 searches by identifier alone, which Provenance has not)."""
    items = urllib.parse.parse_qsl(criteria, keep_blank_values=True)
    most = min([fhir_query.count(value) for name, value in items if name == "_count"], default=fhir_query.DEFAULT_COUNT)
    found = fhir_search.matches(writer, type_, [item for item in items if item[0] != "_count"], most)
    deleted = (writer.delete(type_, one.resource["id"]) for one in found)
    return Done(200, None, tuple(filter(None, deleted)))


def _preconditions(asked: Interaction, current: Stored | None) -> None:
    if asked.if_match is not None and (current is None or not _names(asked.if_match, current)):
        raise Refusal(412, "conflict", "the current version is not the one that If-Match names")
    if asked.if_none_match is not None and current is not None and _names(asked.if_none_match, current):
        raise Refusal(412, "conflict", "If-None-Match names a version that is current")


def _names(tags: str, one: Stored) -> bool:
    """Whether `*` or a list of entity tags names the version (RFC 9110 13.1)."""
    return tags.strip() == "*" or one.version in _TAG.findall(tags)


def _matching(reader: StoreReader, type_: str, criteria: str) -> Stored | None:
    found = fhir_search.matches(reader, type_, urllib.parse.parse_qsl(criteria, keep_blank_values=True), 2)
    if len(found) > 1:
        raise Refusal(412, "multiple-matches", "more than one resource matches the condition")
    return found[0] if found else None
