"""Whether a store can take the run's Provenance, asked before the first instance is read (the API page's requirements)."""

from __future__ import annotations

from typing import Any

from transforms.fhir.client import FhirClient
from transforms.model.errors import PreflightError, StoreError

PATIENCE = 10.0
"""Seconds in which the store must answer."""
PERMISSIONS = ("healthcare.fhirResources.update", "healthcare.fhirStores.executeBundle")
"""What writing takes: PUT by id, and bundles of them. The role roles/healthcare.fhirResourceEditor has both (access control page)."""

_ABSENT = "there is no such FHIR store (HTTP 404)", "make it with version R4 and enableUpdateCreate, or correct its name"
_NO_STATEMENT = "no FHIR server answers there: it has no metadata (HTTP 404)", "name the base URL of an R4 server"


def check_fhir_store(client: FhirClient) -> None:
    """Raise PreflightError unless the store answers, is R4, creates resources by PUT under the client's id, and we may write to it."""
    try:
        if client.is_healthcare_store:
            _check_store(client.store_url, client.get_store(PATIENCE))
            _check_permissions(client.store_url, client.allowed(PERMISSIONS, PATIENCE))
        else:
            _check_statement(client.store_url, client.get("metadata", PATIENCE))
    except StoreError as fault:
        if fault.got.startswith("HTTP 404"):
            why, mend = _ABSENT if client.is_healthcare_store else _NO_STATEMENT
            raise PreflightError("--fhir_store", why, mend, client.store_url) from None
        raise PreflightError("--fhir_store", f"{fault.why} ({fault.got or 'GET'})", fault.mend, client.store_url) from None


def _check_store(url: str, store: dict[str, Any]) -> None:
    if store.get("version") != "R4":
        raise PreflightError("--fhir_store", "Provenance needs a store of version R4", "make one with version R4", url)
    if store.get("enableUpdateCreate") is not True:
        why = "the store does not create resources by PUT, so a run could not be repeated without doubles"
        raise PreflightError("--fhir_store", why, "set enableUpdateCreate on it", url)


def _check_permissions(url: str, allowed: set[str] | None) -> None:
    missing = [] if allowed is None else [permission for permission in PERMISSIONS if permission not in allowed]
    if missing:
        why = f"the caller may not write there: {' and '.join(missing)} is missing"
        raise PreflightError("--fhir_store", why, "grant roles/healthcare.fhirResourceEditor on the store", url)


def _check_statement(url: str, statement: dict[str, Any]) -> None:
    if statement.get("resourceType") != "CapabilityStatement" or not str(statement.get("fhirVersion", "")).startswith("4.0"):
        raise PreflightError("--fhir_store", "its metadata is not that of a FHIR R4 (4.0) server", "name the base URL of an R4 server", url)
    kinds = {kind.get("type"): kind for rest in statement.get("rest", []) for kind in rest.get("resource", [])}
    if "Provenance" not in kinds:
        raise PreflightError("--fhir_store", "the server does not keep Provenance", "name one that does", url)
    if kinds["Provenance"].get("updateCreate") is False:
        why = "the server does not create resources by PUT, so a run could not be repeated without doubles"
        raise PreflightError("--fhir_store", why, "allow update as create on it", url)
