"""The confidential source list of an operation: which file an opaque reference stands for (`dicom-deid which`)."""

from __future__ import annotations

import json

from transforms.model.places import listed
from transforms.model.workspace import Workspace


def resolve(workspace: Workspace, reference: str) -> str | None:
    """The URI behind a reference, from the source lists of all operations of a workspace; None if none has it."""
    for index in listed(workspace.operations, "*/sources/*.refs"):
        if reference not in index.read_text().split():
            continue
        with index.with_suffix(".ndjson").open("rb") as shard:
            for line in shard:
                entry = json.loads(line)
                if entry["reference"] == reference:
                    return str(entry["uri"])
    return None
