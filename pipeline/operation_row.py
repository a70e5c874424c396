"""What an operation says of itself in the table `Operations`, read from its folder: one row, without PHI."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterator
from typing import Any

from transforms.bigquery.marshal import Row
from transforms.model import spool
from transforms.model.places import Place
from transforms.model.workspace import OperationFolder

CANCELLED = 1
"""google.rpc.Code.CANCELLED."""


def operation_row(folder: OperationFolder) -> Row | None:
    """The row of one operation as its files stand; None where no run of it came as far as its own Provenance.

    Columns without a value are left out, as in rows of Provenance.
    """
    provenance, state = _json(folder.provenance_file), _json(folder.state_file)
    if provenance is None:
        return None
    metadata = (state or {}).get("metadata", {})
    row = {
        "id": provenance["id"],
        "name": provenance["agent"][0]["who"]["identifier"]["value"],
        "source": provenance["entity"][0]["what"]["identifier"]["value"],
        "destination": provenance["target"][0]["identifier"]["value"],
        "config": provenance["entity"][0]["extension"][0]["valueString"],
        "state": _word(state or {}),
        "error": (state or {}).get("error", {}).get("message"),
        "startTime": provenance["occurredDateTime"],
        "endTime": metadata.get("endTime"),
        **_numbers(folder),
        "outcomes": _outcomes(folder),
    }
    return {name: value for name, value in row.items() if value not in (None, [])}


def refused_rows(folder: OperationFolder) -> int:
    """How many Provenance of the operation the table could not take."""
    try:
        return folder.refused_rows.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def standing(folder: OperationFolder) -> Iterator[dict[str, Any]]:
    """The outcomes of the latest run, but for those of instances that a person has released since."""
    held = spool.references(folder.releasable)
    released = held & spool.references(folder.spool) if held else held
    return (entry for entry in spool.read_all(folder.outcomes) if entry["reference"] not in released)


def _word(state: dict[str, Any]) -> str:
    if "error" in state:
        return "CANCELLED" if state["error"].get("code") == CANCELLED else "FAILED"
    return "DONE" if state.get("done") else "RUNNING"


def _numbers(folder: OperationFolder) -> Row:
    counts = _json(folder.counts_file)
    if counts is None:
        return {}
    names = ("listed", "held", "failed", "skipped", "proven", "answered")
    return {
        **{name: counts[name] for name in names},
        "written": counts["done"] + counts["new"],
        "deadLetters": counts["dead"],
        "refusedRows": refused_rows(folder),
    }


def _outcomes(folder: OperationFolder) -> list[Row]:
    kinds = collections.Counter((entry["outcome"], entry["stage"], entry["code"]) for entry in standing(folder))
    return [
        {"outcome": outcome, "stage": stage, "code": code, "instances": count} for (outcome, stage, code), count in sorted(kinds.items())
    ]


def _json(path: Place) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return found
