"""Answers of the embedded FHIR store: resources, messages of the API, refusals."""

from __future__ import annotations

from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from pipeline.local import fhir_json
from pipeline.local.fhir_resource import Refusal


def refused(refusal: Refusal) -> Response:
    """The OperationOutcome of a refusal."""
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return json_answer(refusal.outcome(), refusal.status, headers)


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None, task: BackgroundTask | None = None) -> Response:
    """JSON under the media type of a resource, or of a message of the API."""
    media_type = "application/fhir+json" if "resourceType" in content else "application/json"
    return Response(fhir_json.write(content).encode(), status, headers, media_type, task)
