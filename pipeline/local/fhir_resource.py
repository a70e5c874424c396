"""What the embedded FHIR store accepts as a resource (R4 Provenance and SearchParameter), and how it refuses."""

from __future__ import annotations

import functools
import re
from typing import Any

import pydantic

TYPES = ("Provenance", "SearchParameter")
"""The resource types the store keeps."""

MANDATORY = {
    "Provenance": ("target", "recorded", "agent"),
    "SearchParameter": ("url", "name", "status", "description", "code", "base", "type"),
}
"""Elements that R4 requires of each type."""

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""R4 datatype `id`."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ROLES = ("derivation", "revision", "quotation", "source", "removal")
"""R4 value set provenance-entity-role."""


class Refusal(Exception):  # noqa: N818 - it is an answer of the store, not an error of the program
    """A request the store answers with an OperationOutcome.

    `code` is of the R4 value set issue-type; `text` names elements and rules, never a value of the request. Seconds of
    `retry_after` stand in the text too: an entry of a bundle has no headers of its own.
    """

    def __init__(self, status: int, code: str, text: str, retry_after: int | None = None) -> None:
        super().__init__(status, code, text)
        self.status, self.code, self.retry_after = status, code, retry_after
        self.text = text if retry_after is None else f"{text}; Retry-After: {retry_after}"

    def outcome(self) -> dict[str, Any]:
        """The OperationOutcome."""
        return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": self.code, "diagnostics": self.text}]}


def check(resource: Any, kind: str, identity: str | None) -> None:
    """Refuse (400) what cannot be a resource of type `kind` under the id `identity` (None: the server gives one).

    SearchParameter is validated in full by fhir.resources. For Provenance that costs 30 ms at 60 findings, a hundred
    times the write itself, so that here only what R4 requires is checked; who builds Provenance validates it in full.
    """
    if kind not in TYPES:
        raise Refusal(404, "not-supported", f"this store keeps {' and '.join(TYPES)}")
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise Refusal(400, "invalid", f"resourceType is not {kind}")
    if not isinstance(resource.get("meta", {}), dict):
        raise Refusal(400, "invalid", "meta is not an object")
    if identity is not None:
        if not ID.fullmatch(identity):
            raise Refusal(400, "value", "an id has 1 to 64 letters, digits, '-' and '.'")
        if resource.get("id") != identity:
            raise Refusal(400, "invalid", "the id in the body is not the id in the path")
    if kind == "Provenance":
        _check_provenance(resource)
    else:
        _check_search_parameter(resource)


def _check_provenance(resource: dict[str, Any]) -> None:
    _require(_objects(resource.get("target")), "target")
    recorded = resource.get("recorded")
    _require(isinstance(recorded, str) and _INSTANT.fullmatch(recorded) is not None, "recorded")
    _require(_objects(resource.get("agent")) and all(isinstance(agent.get("who"), dict) for agent in resource["agent"]), "agent.who")
    if "entity" in resource:
        _require(_objects(resource["entity"]), "entity")
        for entity in resource["entity"]:
            _require(entity.get("role") in _ROLES, "entity.role")
            _require(isinstance(entity.get("what"), dict), "entity.what")


def _objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _require(holds: bool, element: str) -> None:
    if not holds:
        raise Refusal(400, "required", f"Provenance.{element} is missing or is not what R4 requires")


def _check_search_parameter(resource: dict[str, Any]) -> None:
    try:
        _search_parameter_model().model_validate(resource)
    except pydantic.ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise Refusal(400, "invalid", f"SearchParameter.{where} is not what R4 requires") from None


@functools.cache
def _search_parameter_model() -> Any:
    """Imported at the first SearchParameter: the import takes over half a second."""
    from fhir.resources.R4B.searchparameter import SearchParameter  # noqa: PLC0415

    return SearchParameter
