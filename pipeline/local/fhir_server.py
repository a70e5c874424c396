"""The embedded FHIR store as an ASGI application with the Healthcare API's paths (v1beta1 `projects.locations.datasets.fhirStores`).

Nothing of a request is ever logged: no path, query, id or body, and of an unexpected fault only its type.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.local import fhir_bundle, fhir_configure, fhir_search
from pipeline.local.fhir_answer import json_answer, refused
from pipeline.local.fhir_capability import capability_statement
from pipeline.local.fhir_database import FhirDatabase, Stored
from pipeline.local.fhir_guard import Guard
from pipeline.local.fhir_resource import Refusal
from pipeline.local.quota import WriteQuota
from transforms.model.workspace import Workspace

MAX_BODY = 10_000_000
MAX_BUNDLE_BODY = 50_000_000
"""Bytes of a request; the API's limits (quotas page: 10 MB, executeBundle 50 MB)."""

_DATASET = "/{api}/projects/{project}/locations/{location}/datasets/{dataset}"
_STORE = _DATASET + "/fhirStores/{store}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,255}")
_JSON = ("application/fhir+json", "application/json")
_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Service:
    """What the requests are answered from."""

    workspace: Workspace
    database: FhirDatabase
    quota: WriteQuota


@dataclasses.dataclass(frozen=True)
class Call:
    """One request, read in full. `store` is `projects/…/fhirStores/ID` and `base` its URL."""

    service: Service
    path: dict[str, str]
    query: list[tuple[str, str]]
    prefer: str
    body: Any
    store: str
    base: str


Handler = Callable[[Call], Response]


def application(service: Service, token: str | None = None) -> Starlette:
    """The server. With a token every request must carry it; without one, only requests to a loopback name are answered."""
    routes = [
        _route("GET", _DATASET + "/operations/{operation}", _operation),
        _route("GET", _STORE, _get_store),
        _route("POST", _STORE + ":configureSearch", _configure),
        _route("POST", _STORE + "/fhir", _bundle),
        _route("GET", _STORE + "/fhir/metadata", _metadata),
        _route("POST", _STORE + "/fhir/{type}/_search", _search),
        _route("GET", _STORE + "/fhir/{type}", _search),
        _route("POST", _STORE + "/fhir/{type}", _create),
        _route("GET", _STORE + "/fhir/{type}/{id}", _read),
        _route("PUT", _STORE + "/fhir/{type}/{id}", _update),
        _route("GET", _STORE + "/fhir/{type}/{id}/_history", _history),
        _route("GET", _STORE + "/fhir/{type}/{id}/_history/{version}", _version),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, token=token)], exception_handlers={HTTPException: _no_such_method})
    app.state.service = service
    return app


def _route(method: str, path: str, handler: Handler) -> Route:
    return Route(path, _endpoint(handler, MAX_BUNDLE_BODY if handler is _bundle else MAX_BODY), methods=[method])


def _endpoint(handler: Handler, limit: int) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = await _body(request, limit) if request.method in ("POST", "PUT") else b""
            return await run_in_threadpool(lambda: handler(_call(request, body)))
        except Refusal as refusal:
            return refused(refusal)
        except Exception as error:  # noqa: BLE001 - the last net: the text of a foreign exception may hold PHI, its type does not
            _LOG.error("the FHIR store failed on a request: %s", type(error).__name__)
            return refused(Refusal(500, "exception", "the store failed on this request"))

    return answer


async def _body(request: Request, limit: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise Refusal(413, "too-long", f"the body has more than {limit} bytes")
    return bytes(content)


def _call(request: Request, body: bytes) -> Call:
    path: dict[str, str] = dict(request.path_params)
    names = [path[part] for part in ("project", "location", "dataset", "store", "operation") if part in path]
    if path["api"] not in ("v1", "v1beta1") or not all(_NAME.fullmatch(name) for name in names):
        raise Refusal(404, "not-found", "the path is not one of this server's")
    dataset = f"projects/{path['project']}/locations/{path['location']}/datasets/{path['dataset']}"
    store = f"{dataset}/fhirStores/{path.get('store', '')}"
    base = f"{str(request.base_url).rstrip('/')}/{path['api']}/{store}"
    prefer = request.headers.get("prefer", "")
    return Call(request.app.state.service, path, request.query_params.multi_items(), prefer, _parsed(request, body), store, base)


def _parsed(request: Request, body: bytes) -> Any:
    if not body:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
        raise Refusal(415, "not-supported", f"the body has to be {' or '.join(_JSON)}")
    try:
        return json.loads(body, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refusal(400, "structure", "the body is not JSON") from None


def _finite(text: str) -> float:
    """JSON has no infinity; Python would read one, and a stored one could not be answered as JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a JSON number")
    return number


def _operation(call: Call) -> Response:
    name = f"{call.store.partition('/fhirStores/')[0]}/operations/{call.path['operation']}"
    with call.service.database.read("") as reader:
        operation = reader.operation(name)
    file = call.service.workspace.operation(call.path["operation"]).state_file
    if operation is None and file.is_file():
        operation = json.loads(file.read_bytes())
    if operation is None or operation.get("name") != name:
        raise Refusal(404, "not-found", "there is no such operation")
    return json_answer(operation)


def _get_store(call: Call) -> Response:
    with call.service.database.read(call.store) as reader:
        parameters = fhir_configure.configured(reader)
    store = {"name": call.store, "version": "R4", "enableUpdateCreate": True, "disableReferentialIntegrity": True}
    return json_answer({**store, **({"searchConfig": {"searchParameters": parameters}} if parameters else {})})


def _configure(call: Call) -> Response:
    body = call.body or {}
    urls = body.get("canonicalUrls", []) if isinstance(body, dict) else None
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise Refusal(400, "invalid", "canonicalUrls is not a list of strings")
    operation = fhir_configure.configure(call.service.database, call.store, urls, bool(body.get("validateOnly", False)))
    task = None if operation["done"] else BackgroundTask(fhir_configure.reindex, call.service.database, call.store, operation["name"])
    return json_answer(operation, task=task)


def _bundle(call: Call) -> Response:
    return json_answer(fhir_bundle.execute(call.service.database, call.service.quota, call.store, call.base, call.body))


def _metadata(call: Call) -> Response:
    with call.service.database.read(call.store) as reader:
        return json_answer(capability_statement(call.base, reader.parameters()))


def _search(call: Call) -> Response:
    strict = re.search(r"\bhandling=strict\b", call.prefer) is not None
    with call.service.database.read(call.store) as reader:
        return json_answer(fhir_search.search(reader, call.path["type"], call.query, call.base, strict))


def _create(call: Call) -> Response:
    fhir_bundle.take(call.service.quota, 1, whole=False)
    with call.service.database.write(call.store) as writer:
        return _one(call, fhir_bundle.write(writer, call.path["type"], None, call.body))


def _update(call: Call) -> Response:
    fhir_bundle.take(call.service.quota, 1, whole=False)
    with call.service.database.write(call.store) as writer:
        return _one(call, fhir_bundle.write(writer, call.path["type"], call.path["id"], call.body))


def _read(call: Call) -> Response:
    with call.service.database.read(call.store) as reader:
        return _one(call, fhir_bundle.read(reader, call.path["type"], call.path["id"]))


def _history(call: Call) -> Response:
    versions = _versions(call)
    entries = [fhir_bundle.history_entry(call.base, one) for one in versions]
    return json_answer({"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries})


def _version(call: Call) -> Response:
    for one in _versions(call):
        if one.version == call.path["version"]:
            return _one(call, one)
    raise Refusal(404, "not-found", "there is no such version")


def _versions(call: Call) -> list[Stored]:
    with call.service.database.read(call.store) as reader:
        fhir_bundle.read(reader, call.path["type"], call.path["id"])
        return reader.history(call.path["type"], call.path["id"])


def _one(call: Call, one: Stored) -> Response:
    headers = {"ETag": fhir_bundle.etag(one)}
    if one.created:
        headers["Location"] = fhir_bundle.location(call.base, one)
    return json_answer(one.resource, 201 if one.created else 200, headers)


async def _no_such_method(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refused(Refusal(status, "not-supported", "the path and method are none of this server's"))
