"""Provenance that cannot be a row of the table: one line each in the operation's folder, and the run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from transforms.bigquery.marshal import NoColumnError, Row, provenance_row
from transforms.bigquery.schema import Schema
from transforms.model.storage import replace
from transforms.model.workspace import OperationFolder


class Refused:
    """Gathers what one load of an operation's rows could not take; `keep` puts it in place of what an earlier one left."""

    def __init__(self, folder: OperationFolder) -> None:
        self._folder = folder
        self._lines: list[bytes] = []

    def row_of(self, reference: str, resource: Mapping[str, Any], last_updated: str, schema: Schema = Schema.ANALYTICS_V2) -> Row | None:
        """The row of a resource (`provenance_row`), or None with a line that says why there is none."""
        try:
            return provenance_row(resource, last_updated, schema)
        except NoColumnError as error:
            self.add(reference, str(resource.get("id", "")), str(error))
            return None

    def add(self, reference: str, provenance_id: str, why: str) -> None:
        """One that was refused: the instance's reference (empty: the operation's own), its id, and why, without a value."""
        self._lines.append(json.dumps({"reference": reference, "id": provenance_id, "why": why}).encode() + b"\n")

    def __len__(self) -> int:
        return len(self._lines)

    def keep(self) -> None:
        """Write the lines down; none: no file."""
        if self._lines:
            replace(self._folder.refused_rows, b"".join(self._lines), 0o600)
        else:
            self._folder.refused_rows.unlink(missing_ok=True)
