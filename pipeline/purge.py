"""`dicom-deid purge`: an operation leaves no trace in its workspace (DESIGN 19).

What it published stays. What stores outside the workspace tell of it, a FHIR store elsewhere or a table in BigQuery, goes if that is
asked for: it is what proves the de-identification.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.delivery import Delivery
from pipeline.local import table
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.table_files import FORMATS, export
from pipeline.lock import alone
from pipeline.maps import maps_kept
from pipeline.operation import Clock, Operation
from pipeline.others import require_no_job
from pipeline.stores import known_destination
from pipeline.tables import Tables
from transforms.bigquery.views import TABLE
from transforms.model import spool
from transforms.model.dicomweb import TokenBucket
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import is_empty, place_of
from transforms.model.storage import remove, remove_all, replace
from transforms.write.marks import doubtful, take_back
from transforms.write.quarantine import FolderQuarantine, quarantine_of


def purge(operation: Operation, everywhere: bool, clock: Clock) -> list[str]:
    """Take away spool, outcomes, dead letters, source list, held instances, and what embedded store and table tell of it.

    `everywhere`: first what other stores tell of it. Lines for a person: what is gone, and what stays elsewhere. One that is broken
    off can be repeated. Raises PreflightError where a run is at work in the workspace, or a job elsewhere, and StoreError where another
    process reads its FHIR store, or another store does not let it be taken away.
    """
    workspace, folder = operation.workspace, operation.folder
    with alone(workspace):
        require_no_job(operation, clock())
        taken = _take_back(operation)
        replace(folder.purge_file, b"")  # no run goes on with what is left, should we be killed
        remove(folder.counts_file)
        outside = _outside(operation, everywhere, clock)
        resources = _forget(operation)
        quarantine = quarantine_of(folder)
        waiting = len(quarantine.waiting())
        left = quarantine.clear()
        if left and isinstance(quarantine, FolderQuarantine):
            why = "some of the held instances cannot be removed"
            raise PreflightError("--quarantine", why, "see whose its files are, and start the same command again")
        held = max(waiting - len(left), 0)
        outside += [f"kept: {path} in the quarantine's store, which cannot delete" for path in left]
        outside += [f"kept: the mapping file {path}, which says who was who" for path in maps_kept(folder)]
        if workspace.outcomes_file.exists():
            replace(workspace.outcomes_file, operation.others_outcomes())
        remove_all(place_of(folder.root))
        table.build(workspace)
        for kind in FORMATS:
            if workspace.table_file(TABLE, kind).exists():
                export(workspace, kind)
        if not is_empty(place_of(folder.root)):
            why = "some of its files cannot be removed, and may hold what it found"
            raise PreflightError("--operation", why, "see whose they are, and start the same command again")
        remove(folder.purge_file)
        remove(folder.state_file)  # last: as long as it is there, a purge finds the operation
    gone = f"gone: spool, outcomes, source list, {held} held instances, {resources} resources of the embedded FHIR store, rows of the table"
    back = [f"gone: {taken} instances in the destination of which a run that broke off never told"] if taken else []
    return [f"operation {folder.operation_id}", *back, gone, *outside]


def _take_back(operation: Operation) -> int:
    """Take out of the destination what a run that broke off published and never told of; how many. Raises PreflightError where it stays."""
    unproven = len(doubtful(operation.folder))
    if unproven and (left := take_back(operation.folder, operation.known_name, known_destination(operation.folder))):
        why = f"a run of it broke off, and {left} instances in the destination have no Provenance, and cannot be taken back"
        raise PreflightError("--operation", why, "run it again first (dicom-deid retry), or remove them there")
    return unproven


def _outside(operation: Operation, everywhere: bool, clock: Clock) -> list[str]:
    """What other stores have of it, a line each; it goes if `everywhere`."""
    try:
        delivery, tables = Delivery.load(operation.folder), Tables.of(operation.workspace, operation.folder)
    except (ConfigError, FileNotFoundError):  # no run came so far, or an earlier purge did
        return []
    word = "gone" if everywhere else "kept"
    if everywhere:
        _delete(operation, delivery)
        tables.forget(operation.folder, clock)
    store = [f"{word}: the Provenance in {delivery.name}"] if delivery.url else []
    return [*store, *([f"{word}: the rows in {tables.bigquery.table}"] if tables.bigquery else [])]


def _delete(operation: Operation, delivery: Delivery) -> None:
    """Delete its resources in a FHIR store elsewhere, at half its write quota, since one may take two calls."""
    if delivery.url is None:
        return
    quota = TokenBucket(delivery.write_ops_per_minute / 2 if delivery.write_ops_per_minute else None, time.monotonic, time.sleep)
    with delivery.client(delivery.url) as client:
        for identity in _resources(operation):
            quota.take()
            client.delete(f"Provenance/{identity}")


def _resources(operation: Operation) -> Iterator[str]:
    """The ids of all its Provenance, its own the last."""
    folder = operation.folder.spool
    yield from (entry["provenance"]["id"] for name in spool.shard_names(folder) for entry in spool.read_shard(folder, name))
    yield operation.name.provenance_id


def _forget(operation: Operation) -> int:
    """Take its resources out of the embedded store; how many there were."""
    file = operation.workspace.fhir_database
    if not isinstance(file, Path) or not file.exists():
        return 0
    return FhirDatabase(file).forget("Provenance", _resources(operation))
