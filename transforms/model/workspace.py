"""The confidential folder of a run: what lies where (DESIGN 19). 0700, never inside the destination."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Names of everything in a workspace. Only these names are used; nothing else builds such a path."""

    root: str

    def make(self) -> None:
        """Make the folder, closed to others."""
        Path(self.root).mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(self.root).chmod(0o700)

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
    def state_file(self) -> Path:
        """The operation in the API's long-running-operation shape."""
        return Path(self.root + ".json")

    @property
    def provenance_file(self) -> Path:
        """The operation's own Provenance resource."""
        return Path(self.root, "provenance.json")

    @property
    def counts_file(self) -> Path:
        """The counts of the latest run, written by the last step of its graph."""
        return Path(self.root, "counts.json")

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
    def quarantine(self) -> Path:
        """Held instances, `<reference>.dcm`."""
        return Path(self.root, "quarantine")
