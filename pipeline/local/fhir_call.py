"""One request to the embedded FHIR store, read in full, and what it is answered from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from pipeline.local import fhir_json
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.fhir_resource import Refusal
from pipeline.local.quota import WriteQuota
from transforms.model.workspace import Workspace

if TYPE_CHECKING:  # it needs Beam, and the store beside a run does without both
    from pipeline.local.deidentify import Deidentifier

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,255}")
_JSON = ("application/fhir+json", "application/json")


@dataclasses.dataclass(frozen=True)
class Service:
    """What the requests are answered from."""

    workspace: Workspace
    database: FhirDatabase
    quota: WriteQuota
    deidentifier: Deidentifier | None
    """None beside a run, where no others are started."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One request. `dataset` is `projects/…/datasets/ID`, `store` `…/fhirStores/ID` below it and `base` its URL."""

    service: Service
    path: dict[str, str]
    query: list[tuple[str, str]]
    criteria: str
    """The query as it came."""
    headers: Mapping[str, str]
    body: Any
    dataset: str
    store: str
    base: str

    def option(self, name: str) -> str:
        """A query parameter of the API's own; empty if it is not given."""
        return next((value for key, value in self.query if key == name), "")


Handler = Callable[[Call], Response]


async def read_body(request: Request, limit: int) -> bytes:
    """The body. Raises Refusal (413) as soon as it is longer than `limit` bytes."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise Refusal(413, "too-long", f"the body has more than {limit} bytes")
    return bytes(content)


def call(request: Request, body: bytes) -> Call:
    """The request, its names checked and its body parsed. Raises Refusal (400, 404, 415)."""
    path: dict[str, str] = dict(request.path_params)
    names = [path[part] for part in ("project", "location", "dataset", "store", "dicom_store", "operation") if part in path]
    if path["api"] not in ("v1", "v1beta1") or not all(_NAME.fullmatch(name) for name in names):
        raise Refusal(404, "not-found", "the path is not one of this server's")
    dataset = f"projects/{path['project']}/locations/{path['location']}/datasets/{path['dataset']}"
    store = f"{dataset}/fhirStores/{path.get('store', '')}"
    base = f"{str(request.base_url).rstrip('/')}/{path['api']}/{store}"
    query, content = request.query_params.multi_items(), _parsed(request, body)
    return Call(request.app.state.service, path, query, request.url.query, request.headers, content, dataset, store, base)


def _parsed(request: Request, body: bytes) -> Any:
    if not body:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _JSON:
        raise Refusal(415, "not-supported", f"the body has to be {' or '.join(_JSON)}")
    try:
        return fhir_json.read(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "structure", "the body is not JSON") from None
