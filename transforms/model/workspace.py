"""The confidential folder of a run: what lies where (DESIGN 19). 0700, never inside the destination."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from transforms.model.errors import CancelledError
from transforms.model.gcs import is_gcs
from transforms.model.local_files import make_closed
from transforms.model.places import Place, place_of


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Names of everything in a workspace. Only these names are used; nothing else builds such a path."""

    root: str

    @property
    def is_remote(self) -> bool:
        """Whether it is on Cloud Storage."""
        return is_gcs(self.root)

    def make(self) -> None:
        """Make the folder, closed to others. Raises PreflightError where it cannot be ours alone.

        On Cloud Storage there is nothing to make, and who may read is the bucket's matter.
        """
        if not self.is_remote:
            make_closed(Path(self.root), "--workspace")

    @property
    def lock_file(self) -> Place:
        """Held by the run at work."""
        return place_of(self.root) / "lock"

    @property
    def key_file(self) -> Place:
        """The key a local run makes for itself."""
        return place_of(self.root) / "deid.key"

    def crypto_key_file(self, fingerprint: str) -> Place:
        """A raw key that came in a config, by its fingerprint."""
        return place_of(self.root) / "keys" / f"{fingerprint}.key"

    @property
    def outcomes_file(self) -> Place:
        """Held, failed and skipped instances of all operations, a JSON object a line."""
        return place_of(self.root) / "outcomes.ndjson"

    @property
    def fhir_database(self) -> Place:
        """SQLite of the embedded FHIR store."""
        return place_of(self.root) / "fhir.sqlite"

    @property
    def table_database(self) -> Place:
        """DuckDB with the table `Provenance`."""
        return place_of(self.root) / "provenance.duckdb"

    def table_file(self, name: str, kind: str) -> Place:
        """A table as a file (`--table_files`): `Provenance.parquet`."""
        return place_of(self.root) / "tables" / f"{name}.{kind}"

    @property
    def operations(self) -> Place:
        """One `<id>.json` (long-running operation) and one folder for each operation."""
        return place_of(self.root) / "operations"

    def operation(self, operation_id: str) -> OperationFolder:
        """The folder of one operation."""
        return OperationFolder(str(self.operations / operation_id))


@dataclasses.dataclass(frozen=True)
class OperationFolder:
    """What one operation keeps."""

    root: str
    run: str = ""
    """The run on whose behalf it is looked at, by the name that the run gave itself; empty: on nobody's."""

    @property
    def operation_id(self) -> str:
        """Its name is that of the folder."""
        return place_of(self.root).name

    @property
    def state_file(self) -> Place:
        """The operation in the API's long-running-operation shape."""
        return place_of(self.root + ".json")

    @property
    def purge_file(self) -> Place:
        """There while a purge takes its traces away, or once one broke off: what is left of it is not whole."""
        return place_of(self.root + ".purge")

    @property
    def provenance_file(self) -> Place:
        """The operation's own Provenance resource."""
        return place_of(self.root) / "provenance.json"

    @property
    def asked_file(self) -> Place:
        """What the operation was asked for (`names.Asked`); under its name nothing else is done."""
        return place_of(self.root) / "asked"

    @property
    def command_file(self) -> Place:
        """The command line of the latest run and the folder in which it was given, for a retry."""
        return place_of(self.root) / "command.json"

    @property
    def request_file(self) -> Place:
        """What a server was asked for, until it is done."""
        return place_of(self.root) / "request.json"

    @property
    def cancelled_file(self) -> Place:
        """There once a server was told to cancel the operation, until it has done so."""
        return place_of(self.root) / "cancelled"

    def is_cancelled(self) -> bool:
        """Whether it is there; a server's workspace is on this machine."""
        file = self.cancelled_file
        return isinstance(file, Path) and file.exists()

    @property
    def run_file(self) -> Place:
        """The name of the latest run, which is not there once that broke off."""
        return place_of(self.root) / "run"

    def is_given_up(self) -> bool:
        """Whether the run that looks has it in hand no more: it was told broken, or another has begun. A request on Cloud Storage."""
        try:
            return bool(self.run) and self.run_file.read_text() != self.run
        except FileNotFoundError:
            return True

    def require_in_hand(self) -> None:
        """Raise CancelledError where it is given up."""
        if self.is_given_up():
            raise CancelledError("the run was given up, or another one of the operation has begun")

    @property
    def request_body(self) -> Place:
        """The request itself, as the server's run reads it, and a retry of it."""
        return place_of(self.root) / "request_body.json"

    @property
    def loaded_file(self) -> Place:
        """Which shards stand in which BigQuery table."""
        return place_of(self.root) / "loaded.json"

    @property
    def failure_file(self) -> Place:
        """Where in the program the latest run that broke off did so, for whoever mends it; confidential like all here."""
        return place_of(self.root) / "failure.txt"

    @property
    def delivery_file(self) -> Place:
        """Which FHIR store the latest run wrote to, and how it got there."""
        return place_of(self.root) / "delivery.json"

    @property
    def tables_file(self) -> Place:
        """Which tables the latest run wrote to."""
        return place_of(self.root) / "tables.json"

    @property
    def destination_file(self) -> Place:
        """Where the latest run published, so that the report can look at what it made."""
        return place_of(self.root) / "destination"

    @property
    def destination_store_file(self) -> Place:
        """The way to it, where it is a DICOM store."""
        return place_of(self.root) / "destination_store.json"

    @property
    def done_file(self) -> Place:
        """Ids of Provenance of what earlier operations have done (`--skip_done`), 16 bytes each, sorted."""
        return place_of(self.root) / "done_before"

    @property
    def turn_file(self) -> Place:
        """Held by whichever writer of a run is at work, where the engine's is on another machine than the launcher's."""
        return place_of(self.root) / "turn"

    @property
    def maps_file(self) -> Place:
        """Where the latest run wrote its mapping files, for a release."""
        return place_of(self.root) / "maps.json"

    @property
    def counts_file(self) -> Place:
        """The counts of the latest run, written by the last step of its graph."""
        return place_of(self.root) / "counts.json"

    @property
    def submitted_file(self) -> Place:
        """There as long as a job on another machine is at work, whose launcher did not wait for it: which one, where that is known."""
        return place_of(self.root) / "submitted"

    @property
    def listing_file(self) -> Place:
        """What the source had when the launcher of the latest run listed it, for its graph."""
        return place_of(self.root) / "listing.gz"

    @property
    def sources(self) -> Place:
        """Source list shards: `{"reference", "uri"}` a line."""
        return place_of(self.root) / "sources"

    @property
    def spool(self) -> Place:
        """Provenance shards of written instances."""
        return place_of(self.root) / "spool"

    @property
    def marks(self) -> Place:
        """What is about to be published, a file a batch, until a run came to its end."""
        return place_of(self.root) / "marks"

    @property
    def outcomes(self) -> Place:
        """Outcome shards of the latest run of the operation."""
        return place_of(self.root) / "outcomes"

    @property
    def answered(self) -> Place:
        """One empty file for each shard that the FHIR store has answered in full."""
        return place_of(self.root) / "answered"

    @property
    def dead_letters(self) -> Place:
        """Entries that the FHIR store refused for good, a file a shard."""
        return place_of(self.root) / "dead_letters"

    @property
    def refused_rows(self) -> Place:
        """Provenance that the table could not take, a JSON object a line: which, and why."""
        return place_of(self.root) / "refused_rows.ndjson"

    @property
    def quarantine(self) -> Place:
        """Held instances, unless `quarantine_file` names another folder; beside a store, their reasons and what it does not take."""
        return place_of(self.root) / "quarantine"

    @property
    def quarantine_file(self) -> Place:
        """In which folder held instances are; absent: in `quarantine`."""
        return place_of(self.root) / "quarantine_at"

    @property
    def quarantine_store_file(self) -> Place:
        """The way to the DICOM store in which they are, where they are in one."""
        return place_of(self.root) / "quarantine_store.json"

    @property
    def releasable(self) -> Place:
        """Shards of what is told of each held instance if a person releases it."""
        return place_of(self.root) / "releasable"

    @property
    def set_aside(self) -> Place:
        """The same of earlier runs, for the time of a run, which may not come across it."""
        return place_of(self.root) / "set-aside"

    @property
    def decided(self) -> Place:
        """Shards of what is told of instances that a person released, until they are published."""
        return place_of(self.root) / "decided"
