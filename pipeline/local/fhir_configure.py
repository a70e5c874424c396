"""`:configureSearch`: which SearchParameter resources are in force, and the operation that indexes what is stored already.

As the API does: the call replaces the whole set; it fails if a canonical URL has no SearchParameter; resources written
after it are indexed under the new set at once; the operation is done when the earlier ones are. Until then a search by a
new parameter finds only what is indexed so far.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.local import fhir_index
from pipeline.local.fhir_database import FhirDatabase, StoreReader, StoreWriter, instant, stored
from pipeline.local.fhir_resource import TYPES, Refusal
from pipeline.local.fhir_values import KINDS
from pipeline.local.fhirpath import ExpressionError, evaluator

OPERATION_TYPE = "type.googleapis.com/google.cloud.healthcare.v1beta1.OperationMetadata"
_RESOURCES_A_STEP = 100
_SECONDS_A_STEP = 0.5
"""One transaction indexes this many resources, or for this long: writers wait for no more."""


class _Wanted(NamedTuple):
    type: str
    code: str
    kind: str
    expression: str
    canonical: str
    definition: str


def configure(database: FhirDatabase, store: str, urls: Sequence[str], validate_only: bool = False) -> dict[str, Any]:
    """Put the SearchParameters of these canonical URLs in force in place of those before; returns the Operation.

    `reindex` has then to be called with its name. Raises Refusal (400) for a URL that names none, or one that cannot be indexed.
    """
    with database.write(store) as writer:
        wanted = [one for url in dict.fromkeys(urls) for one in _definitions(writer, url)]
        _check(wanted)
        added = [] if validate_only else _replace(writer, wanted)
        return _start(writer, added)


def configured(reader: StoreReader) -> list[dict[str, str]]:
    """`searchConfig.searchParameters` of the store."""
    known = {(one.canonical, one.definition) for one in reader.parameters() if one.canonical and one.definition}
    return [{"canonicalUrl": canonical, "parameter": definition} for canonical, definition in sorted(known)]


def reindex(database: FhirDatabase, store: str, operation: str) -> None:
    """Index all resources under what the operation added; may be called again after a kill, and goes on where it was."""
    while _step(database, store, operation):
        pass


def unfinished(database: FhirDatabase) -> list[tuple[str, str]]:
    """Store and name of each operation that a kill left behind."""
    with database.read("") as reader:
        query = "SELECT stores.name, operations.name, state FROM operations JOIN stores ON stores.id = store"
        return [(store, name) for store, name, state in reader.connection.execute(query) if not json.loads(state)["done"]]


def _definitions(reader: StoreReader, url: str) -> list[_Wanted]:
    """What the SearchParameter of a canonical URL says, for each type it is for; the latest if several have the URL."""
    found = [one for one in reader.all("SearchParameter") if one.resource.get("url") == url]
    if not found:
        raise Refusal(400, "not-found", "a canonical URL has no SearchParameter in this store; create it first")
    latest = max(found, key=lambda one: (one.resource["meta"]["lastUpdated"], one.seq))
    resource = latest.resource
    definition = f"{reader.name}/fhir/SearchParameter/{resource['id']}/_history/{latest.version}"
    expression, types = resource.get("expression", ""), [type_ for type_ in resource["base"] if type_ in TYPES]
    if not expression or not types:
        raise Refusal(400, "invalid", "a SearchParameter has no expression, or is for none of the types this store keeps")
    if resource["type"] not in KINDS:
        raise Refusal(400, "not-supported", f"a SearchParameter is of a type that cannot be indexed; supported: {', '.join(KINDS)}")
    try:
        evaluator(expression)
    except ExpressionError as error:
        raise Refusal(400, "invalid", f"the expression of a SearchParameter cannot be used: {error}") from None
    return [_Wanted(type_, resource["code"], resource["type"], expression, url, definition) for type_ in types]


def _check(wanted: list[_Wanted]) -> None:
    codes = [(one.type, one.code) for one in wanted]
    if len(set(codes)) < len(codes):
        raise Refusal(400, "duplicate", "two SearchParameters have the same code")
    if any(code in fhir_index.BUILT_IN[type_] or code.startswith("_") for type_, code in codes):
        raise Refusal(400, "duplicate", "a SearchParameter has the code of a parameter that is built in")


def _replace(writer: StoreWriter, wanted: list[_Wanted]) -> list[int]:
    """Drop what is no longer wanted or says something else now; the ids of what is new."""
    before: dict[_Wanted, list[int]] = {}
    for one in writer.parameters():
        if one.canonical and one.definition:
            kind, code = one.kind.removesuffix(fhir_index.IDENTIFIER), one.code.removesuffix(fhir_index.IDENTIFIER)
            before.setdefault(_Wanted(one.type, code, kind, one.expression, one.canonical, one.definition), []).append(one.id)
    for gone in before.keys() - set(wanted):
        for identity in before[gone]:
            fhir_index.drop_parameter(writer.connection, identity)
    new = [one for one in wanted if one not in before]
    return [identity for one in new for identity in fhir_index.add_parameter(writer.connection, writer.id, *one)]


def _start(writer: StoreWriter, added: list[int]) -> dict[str, Any]:
    now = instant(writer.now.timestamp())
    pending = json.dumps({"parameters": added, "after": 0})
    number = writer.connection.execute("INSERT INTO operations (store, pending, state) VALUES (?, ?, '')", (writer.id, pending)).lastrowid
    name = f"{writer.name.partition('/fhirStores/')[0]}/operations/configureSearch-{number}"
    operation = {
        "name": name,
        "metadata": {
            "@type": OPERATION_TYPE,
            "apiMethodName": "google.cloud.healthcare.v1beta1.fhir.FhirStoreService.ConfigureSearch",
            "createTime": now,
            "counter": {"pending": str(_count_after(writer, 0)) if added else "0", "success": "0", "failure": "0"},
        },
        "done": False,
    }
    if not added:
        _finish(operation, now)
    writer.connection.execute("UPDATE operations SET name = ?, state = ? WHERE id = ?", (name, json.dumps(operation), number))
    return operation


def _step(database: FhirDatabase, store: str, name: str) -> bool:
    """Index the next resources; False when the operation is done."""
    with database.write(store) as writer:
        execute = writer.connection.execute
        pending, state = (json.loads(text) for text in execute("SELECT pending, state FROM operations WHERE name = ?", (name,)).fetchone())
        if state["done"]:
            return False
        parameters = [one for one in writer.parameters() if one.id in pending["parameters"]]
        query = "SELECT seq, type, id, version, updated, content FROM resources WHERE store = ? AND seq > ? AND content IS NOT NULL"
        rows = execute(f"{query} ORDER BY seq LIMIT ?", (writer.id, pending["after"], _RESOURCES_A_STEP)).fetchall()
        enough, indexed = time.monotonic() + _SECONDS_A_STEP, 0
        for row in rows:
            one, indexed = stored(row), indexed + 1
            fhir_index.index(writer.connection, one.seq, one.resource, [it for it in parameters if it.type == one.resource["resourceType"]])
            pending["after"] = one.seq
            if time.monotonic() > enough:
                break
        counter = state["metadata"]["counter"]
        counter["success"] = str(int(counter["success"]) + indexed)
        counter["pending"] = str(_count_after(writer, pending["after"]))
        if counter["pending"] == "0":
            _finish(state, instant(writer.now.timestamp()))
        execute("UPDATE operations SET pending = ?, state = ? WHERE name = ?", (json.dumps(pending), json.dumps(state), name))
        return not state["done"]


def _count_after(writer: StoreWriter, seq: int) -> int:
    query = "SELECT count(*) FROM resources WHERE store = ? AND seq > ? AND content IS NOT NULL"
    return int(writer.connection.execute(query, (writer.id, seq)).fetchone()[0])


def _finish(operation: dict[str, Any], now: str) -> None:
    operation["metadata"]["endTime"] = now
    operation["done"] = True
    operation["response"] = {"@type": "type.googleapis.com/google.protobuf.Empty"}
