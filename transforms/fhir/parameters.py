"""The SearchParameters that ship with dicom-deid: the API page's two as written there, and our own in portable FHIRPath.

Ours find both shapes of a Provenance, in any engine that knows `where` and `ofType` (`extension(url)` and `as` mean other
things in each). Their ids are fixed, so that installing them again adds nothing.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import Any

OURS = "urn:dicom-deid:search-parameter:"
"""How the canonical URLs of our own begin."""


@functools.cache
def search_parameters() -> dict[str, dict[str, Any]]:
    """Each SearchParameter, with its fixed id, by its canonical URL; the page's have their code for an id."""
    folder = importlib.resources.files("transforms.fhir") / "data"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    found = (json.loads(file.read_bytes()) for file in files)
    return {resource["url"]: {**resource, "id": resource["code"]} for resource in found}
