"""The FHIR interactions of a store: bundles, search, and one resource with its versions (R4 http.html; fhirStores.fhir)."""

from __future__ import annotations

import re

from starlette.responses import Response

from pipeline.local import fhir_bundle, fhir_history, fhir_interaction, fhir_search
from pipeline.local.fhir_answer import json_answer
from pipeline.local.fhir_call import Call
from pipeline.local.fhir_capability import capability_statement
from pipeline.local.fhir_database import Stored
from pipeline.local.fhir_interaction import Done, Interaction
from pipeline.local.fhir_resource import Refusal

_HANDLING = re.compile(r"\bhandling=(strict|lenient)\b")


def bundle(call: Call) -> Response:
    """POST {store}/fhir."""
    return json_answer(fhir_bundle.execute(call.service.database, call.service.quota, call.store, call.base, call.body))


def metadata(call: Call) -> Response:
    """GET {store}/fhir/metadata."""
    with call.service.database.read(call.store) as reader:
        return json_answer(capability_statement(call.base, reader.parameters(), reader.settings))


def search(call: Call) -> Response:
    """GET Type and POST Type/_search, by the query string; `Prefer: handling=…` goes before the store's own setting."""
    asked = _HANDLING.search(call.headers.get("prefer", ""))
    with call.service.database.read(call.store) as reader:
        strict = asked[1] == "strict" if asked else reader.settings["defaultSearchHandlingStrict"]
        return json_answer(fhir_search.search(reader, call.path["type"], call.query, call.base, strict))


def create(call: Call) -> Response:
    """POST Type, with If-None-Exist only if nothing matches."""
    return _write(call, Interaction("POST", call.path["type"], resource=call.body, if_none_exist=call.headers.get("if-none-exist")))


def update(call: Call) -> Response:
    """PUT Type/id."""
    return _write(call, _of_one(call, "PUT"))


def update_by_query(call: Call) -> Response:
    """PUT Type?criteria."""
    return _write(call, Interaction("PUT", call.path["type"], criteria=call.criteria, resource=call.body))


def delete(call: Call) -> Response:
    """DELETE Type/id."""
    return _write(call, _of_one(call, "DELETE"))


def delete_by_query(call: Call) -> Response:
    """DELETE Type?criteria."""
    return _write(call, Interaction("DELETE", call.path["type"], criteria=call.criteria))


def read(call: Call) -> Response:
    """GET Type/id; with If-None-Match 304 if it is still that version."""
    with call.service.database.read(call.store) as reader:
        return _one(call, fhir_interaction.read(reader, _of_one(call, "GET")))


def history(call: Call) -> Response:
    """GET Type/id/_history, the newest version first, in pages; with `_since` or `_at` the versions of that time only."""
    return json_answer(fhir_history.page(_versions(call), call.query, call.base, f"{call.path['type']}/{call.path['id']}"))


def version(call: Call) -> Response:
    """GET Type/id/_history/version."""
    for one in _versions(call):
        if one.version == call.path["version"]:
            if one.deleted:
                raise Refusal(410, "deleted", "this version is a deletion")
            return _one(call, Done(200, one))
    raise Refusal(404, "not-found", "there is no such version")


def _of_one(call: Call, method: str) -> Interaction:
    if_match, if_none_match = call.headers.get("if-match"), call.headers.get("if-none-match")
    return Interaction(method, call.path["type"], call.path["id"], resource=call.body, if_match=if_match, if_none_match=if_none_match)


def _write(call: Call, asked: Interaction) -> Response:
    fhir_bundle.take(call.service.quota, 1, whole=False)
    with call.service.database.write(call.store) as writer:
        done = fhir_interaction.write(writer, asked)
        fhir_interaction.keep_integrity(writer, done)
    return _one(call, done)


def _versions(call: Call) -> list[Stored]:
    fhir_search.check_type(call.path["type"])
    with call.service.database.read(call.store) as reader:
        found = reader.history(call.path["type"], call.path["id"])
    if not found:
        raise Refusal(404, "not-found", "there is no such resource")
    return found


def _one(call: Call, done: Done) -> Response:
    """The resource as it is now; nothing of one that is unchanged or was deleted."""
    if done.status == 304:
        return Response(status_code=304)
    headers = {} if done.stored is None else {"ETag": fhir_bundle.etag(done.stored)}
    if done.stored is None or done.stored.deleted:
        return json_answer(_DELETED, done.status, headers)
    if done.stored.created:
        headers["Location"] = fhir_bundle.location(call.base, done.stored)
    return json_answer(done.stored.resource, done.status, headers)


_DELETED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "information", "code": "informational", "diagnostics": "the resource is not in this store"}],
}
