"""The confidential folder of a run: what lies where (DESIGN 19). 0700, never inside the destination."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from transforms.model.errors import PreflightError


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Names of everything in a workspace. Only these names are used; nothing else builds such a path."""

    root: str

    def make(self) -> None:
        """Make the folder, closed to others. Raises PreflightError where it cannot be ours alone."""
        try:
            Path(self.root).mkdir(mode=0o700, parents=True, exist_ok=True)
            Path(self.root).chmod(0o700)
        except OSError as error:
            why = f"the folder cannot be made, or closed to others ({os.strerror(error.errno or 0)})"
            raise PreflightError("--workspace", why, "name a folder of your own on a disk that can be written") from None

    @property
    def lock_file(self) -> Path:
        """Held by the run at work."""
        return Path(self.root, "lock")

    @property
    def key_file(self) -> Path:
        """The key a local run makes for itself."""
        return Path(self.root, "deid.key")

    def crypto_key_file(self, fingerprint: str) -> Path:
        """A raw key that came in a config, by its fingerprint."""
        return Path(self.root, "keys", f"{fingerprint}.key")

    @property
    def outcomes_file(self) -> Path:
        """Held, failed and skipped instances of all operations, a JSON object a line."""
        return Path(self.root, "outcomes.ndjson")

    @property
    def fhir_database(self) -> Path:
        """SQLite of the embedded FHIR store."""
        return Path(self.root, "fhir.sqlite")

    @property
    def table_database(self) -> Path:
        """DuckDB with the table `Provenance`."""
        return Path(self.root, "provenance.duckdb")

    def table_file(self, name: str, kind: str) -> Path:
        """A table as a file (`--table_files`): `Provenance.parquet`."""
        return Path(self.root, "tables", f"{name}.{kind}")

    @property
    def operations(self) -> Path:
        """One `<id>.json` (long-running operation) and one folder for each operation."""
        return Path(self.root, "operations")

    def operation(self, operation_id: str) -> OperationFolder:
        """The folder of one operation."""
        return OperationFolder(str(self.operations / operation_id))


@dataclasses.dataclass(frozen=True)
class OperationFolder:
    """What one operation keeps."""

    root: str

    @property
    def operation_id(self) -> str:
        """Its name is that of the folder."""
        return Path(self.root).name

    @property
    def state_file(self) -> Path:
        """The operation in the API's long-running-operation shape."""
        return Path(self.root + ".json")

    @property
    def provenance_file(self) -> Path:
        """The operation's own Provenance resource."""
        return Path(self.root, "provenance.json")

    @property
    def asked_file(self) -> Path:
        """A keyed hash of what the operation was asked for; under its name nothing else is done."""
        return Path(self.root, "asked")

    @property
    def loaded_file(self) -> Path:
        """Which shards stand in which BigQuery table."""
        return Path(self.root, "loaded.json")

    @property
    def failure_file(self) -> Path:
        """Where in the program the latest run that broke off did so, for whoever mends it; confidential like all here."""
        return Path(self.root, "failure.txt")

    @property
    def delivery_file(self) -> Path:
        """Which FHIR store the latest run wrote to, and how it got there."""
        return Path(self.root, "delivery.json")

    @property
    def tables_file(self) -> Path:
        """Which tables the latest run wrote to."""
        return Path(self.root, "tables.json")

    @property
    def destination_file(self) -> Path:
        """Where the latest run published, so that the report can look at what it made."""
        return Path(self.root, "destination")

    @property
    def counts_file(self) -> Path:
        """The counts of the latest run, written by the last step of its graph."""
        return Path(self.root, "counts.json")

    @property
    def sorting_file(self) -> Path:
        """Where mapping files are sorted; there only as long as that takes."""
        return Path(self.root, "sorting.sqlite")

    @property
    def progress_file(self) -> Path:
        """One byte for each instance that the run under way has finished."""
        return Path(self.root, "progress")

    @property
    def sources(self) -> Path:
        """Source list shards: `{"reference", "uri"}` a line."""
        return Path(self.root, "sources")

    @property
    def spool(self) -> Path:
        """Provenance shards of written instances."""
        return Path(self.root, "spool")

    @property
    def outcomes(self) -> Path:
        """Outcome shards of the latest run of the operation."""
        return Path(self.root, "outcomes")

    @property
    def answered(self) -> Path:
        """One empty file for each shard that the FHIR store has answered in full."""
        return Path(self.root, "answered")

    @property
    def dead_letters(self) -> Path:
        """Entries that the FHIR store refused for good, a file a shard."""
        return Path(self.root, "dead_letters")

    @property
    def refused_rows(self) -> Path:
        """Provenance that the table could not take, a JSON object a line: which, and why."""
        return Path(self.root, "refused_rows.ndjson")

    @property
    def quarantine(self) -> Path:
        """Held instances, `<reference>.dcm`."""
        return Path(self.root, "quarantine")
