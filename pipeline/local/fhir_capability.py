"""The CapabilityStatement of the embedded FHIR store (R4): what it does, and nothing more."""

from __future__ import annotations

from typing import Any

from pipeline.local.fhir_index import IDENTIFIER, Parameter
from pipeline.local.fhir_resource import TYPES

_DATE = "2026-11-22"
"""When this statement was last changed."""

_INTERACTIONS = ("create", "read", "vread", "update", "delete", "history-instance", "search-type")


def capability_statement(base: str, parameters: list[Parameter], settings: dict[str, bool]) -> dict[str, Any]:
    """The statement of the store at `base` with these search parameters in force; `settings` as the FhirStore has them."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "implementation": {"description": "dicom-deid embedded FHIR store", "url": f"{base}/fhir"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "resource": [_resource(type_, [one for one in parameters if one.type == type_], settings) for type_ in TYPES],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(type_: str, parameters: list[Parameter], settings: dict[str, bool]) -> dict[str, Any]:
    own = [{"name": "_id", "type": "token"}, {"name": "_lastUpdated", "type": "date"}]
    return {
        "type": type_,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": settings["enableUpdateCreate"],
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": True,
        "conditionalDelete": "multiple",
        "referencePolicy": ["literal", "logical", *([] if settings["disableReferentialIntegrity"] else ["enforced"])],
        "searchParam": own + [_parameter(one) for one in parameters if not one.code.endswith(IDENTIFIER)],
    }


def _parameter(one: Parameter) -> dict[str, str]:
    return {"name": one.code, "type": one.kind, **({"definition": one.canonical} if one.canonical else {})}
