"""The local server as an ASGI application with the Healthcare API's paths: FHIR stores, operations, `dicomStores.deidentify`.

Nothing of a request is ever logged: no path, query, id or body, and of an unexpected fault only its type.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.local import fhir_handlers, fhir_store_handlers, operation_handlers
from pipeline.local.fhir_answer import refused
from pipeline.local.fhir_call import Handler, Service, call, read_body
from pipeline.local.fhir_guard import Guard
from pipeline.local.fhir_resource import Refusal

MAX_BODY = 10_000_000
MAX_BUNDLE_BODY = 50_000_000
"""Bytes of a request; the API's limits (quotas page: 10 MB, executeBundle 50 MB)."""

_DATASET = "/{api}/projects/{project}/locations/{location}/datasets/{dataset}"
_STORE = _DATASET + "/fhirStores/{store}"
_LOG = logging.getLogger(__name__)


def application(service: Service, token: str | None = None) -> Starlette:
    """The server. With a token every request must carry it; without one, only requests to a loopback name are answered."""
    routes = [
        _route("GET", _DATASET + "/operations/{operation}", operation_handlers.operation),
        _route("POST", _DATASET + "/operations/{operation}:cancel", operation_handlers.cancel),
        _route("POST", _DATASET + "/dicomStores/{dicom_store}:deidentify", operation_handlers.deidentify),
        _route("POST", _DATASET + "/fhirStores", fhir_store_handlers.create),
        _route("POST", _STORE + ":configureSearch", fhir_store_handlers.configure),
        _route("POST", _STORE + ":testIamPermissions", fhir_store_handlers.permissions),
        _route("GET", _STORE + ":getFHIRStoreMetrics", fhir_store_handlers.metrics),
        _route("GET", _STORE, fhir_store_handlers.get),
        _route("PATCH", _STORE, fhir_store_handlers.patch),
        _route("POST", _STORE + "/fhir", fhir_handlers.bundle, MAX_BUNDLE_BODY),
        _route("GET", _STORE + "/fhir/metadata", fhir_handlers.metadata),
        _route("POST", _STORE + "/fhir/{type}/_search", fhir_handlers.search),
        _route("GET", _STORE + "/fhir/{type}", fhir_handlers.search),
        _route("POST", _STORE + "/fhir/{type}", fhir_handlers.create),
        _route("PUT", _STORE + "/fhir/{type}", fhir_handlers.update_by_query),
        _route("DELETE", _STORE + "/fhir/{type}", fhir_handlers.delete_by_query),
        _route("GET", _STORE + "/fhir/{type}/{id}", fhir_handlers.read),
        _route("PUT", _STORE + "/fhir/{type}/{id}", fhir_handlers.update),
        _route("DELETE", _STORE + "/fhir/{type}/{id}", fhir_handlers.delete),
        _route("GET", _STORE + "/fhir/{type}/{id}/_history", fhir_handlers.history),
        _route("GET", _STORE + "/fhir/{type}/{id}/_history/{version}", fhir_handlers.version),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, token=token)], exception_handlers={HTTPException: _no_such_method})
    app.state.service = service
    return app


def _route(method: str, path: str, handler: Handler, limit: int = MAX_BODY) -> Route:
    return Route(path, _endpoint(handler, limit), methods=[method])


def _endpoint(handler: Handler, limit: int) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            body = await read_body(request, limit) if request.method in ("POST", "PUT", "PATCH") else b""
            return await run_in_threadpool(lambda: handler(call(request, body)))
        except Refusal as refusal:
            return refused(refusal)
        except Exception as error:  # noqa: BLE001 - the last net: the text of a foreign exception may hold PHI, its type does not
            _LOG.error("the FHIR store failed on a request: %s", type(error).__name__)
            return refused(Refusal(500, "exception", "the store failed on this request"))

    return answer


async def _no_such_method(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refused(Refusal(status, "not-supported", "the path and method are none of this server's"))
