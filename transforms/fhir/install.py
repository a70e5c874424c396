"""`dicom-deid search --install`: the shipped SearchParameters in a store, and in force (healthcare-api custom search)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from transforms.fhir.client import FhirClient
from transforms.fhir.parameters import search_parameters
from transforms.model.errors import StoreError

POLL_SECONDS = 5.0
"""Between two looks at the operation that indexes what is stored already."""
PATIENCE = 3600.0
"""Seconds to wait for it; it goes on by itself."""


def install(client: FhirClient, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Put the shipped SearchParameters in force beside those that are; their codes. Raises StoreError.

    `:configureSearch` replaces the whole set, so what is configured already is sent with it. A store that has all of them
    is left as it is, and a plain FHIR server, which has no such call, only gets the resources.
    """
    shipped = search_parameters()
    for resource in shipped.values():
        client.put(resource)
    if client.is_healthcare_store:
        configured = _configured(client)
        if not shipped.keys() <= configured.keys():
            _wait(client, client.configure_search([*configured, *(url for url in shipped if url not in configured)]), sleep)
    return [resource["code"] for resource in shipped.values()]


def _configured(client: FhirClient) -> dict[str, Any]:
    parameters = client.get_store().get("searchConfig", {}).get("searchParameters", [])
    return {one["canonicalUrl"]: one for one in parameters}


def _wait(client: FhirClient, operation: dict[str, Any], sleep: Callable[[float], None]) -> None:
    waited = 0.0
    while not operation.get("done"):
        if waited > PATIENCE:
            raise StoreError("search --install", "indexing takes over an hour", "look at the store's operation; it goes on by itself")
        sleep(POLL_SECONDS if waited else 0.5)
        waited += POLL_SECONDS
        operation = client.get_operation(operation["name"])
    if "error" in operation:
        raise StoreError("search --install", "the store could not put the SearchParameters in force", "look at its operation")
