"""`dicom-deid purge`: an operation leaves no trace in its workspace (DESIGN 19).

What it published stays, and so does what stores outside the workspace hold: a FHIR store elsewhere, a table in BigQuery.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.dataflow_job import require_no_job
from pipeline.delivery import Delivery
from pipeline.local import table
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.table_files import FORMATS, export
from pipeline.lock import alone
from pipeline.operation import Operation
from pipeline.tables import Tables
from transforms.bigquery.views import TABLE
from transforms.model import spool
from transforms.model.errors import ConfigError
from transforms.model.places import place_of
from transforms.model.storage import remove, remove_all, replace
from transforms.write.quarantine import quarantine_of


def purge(operation: Operation) -> list[str]:
    """Take away spool, outcomes, dead letters, source list, held instances, and what embedded store and table tell of it.

    Lines for a person: what is gone, and what stays elsewhere. One that is broken off can be repeated. Raises PreflightError
    where a run is at work in the workspace, or a job elsewhere, and StoreError where another process reads its FHIR store.
    """
    workspace, folder = operation.workspace, operation.folder
    with alone(workspace):
        require_no_job(folder)
        kept = _kept(operation)
        resources = _forget(operation)
        quarantine = quarantine_of(folder)
        held = len(quarantine.waiting())
        left = quarantine.clear()
        kept += [f"kept: {left} held instances in the quarantine's store, which cannot delete"] if left else []
        if workspace.outcomes_file.exists():
            replace(workspace.outcomes_file, operation.others_outcomes())
        remove_all(place_of(folder.root))
        table.build(workspace)
        for kind in FORMATS:
            if workspace.table_file(TABLE, kind).exists():
                export(workspace, kind)
        remove(folder.state_file)  # last: as long as it is there, a purge finds the operation
    gone = f"gone: spool, outcomes, source list, {held} held instances, {resources} resources of the embedded FHIR store, rows of the table"
    return [f"operation {folder.operation_id}", gone, *kept]


def _kept(operation: Operation) -> list[str]:
    """What this cannot take away."""
    try:
        delivery, tables = Delivery.load(operation.folder), Tables.of(operation.workspace, operation.folder)
    except (ConfigError, FileNotFoundError):  # no run came so far, or an earlier purge did
        return []
    store = [f"kept: the Provenance in {delivery.name}"] if delivery.url else []
    return [*store, *([f"kept: the rows in {tables.bigquery.table}"] if tables.bigquery else [])]


def _forget(operation: Operation) -> int:
    """Take its resources out of the embedded store; how many there were."""
    file = operation.workspace.fhir_database
    if not isinstance(file, Path) or not file.exists():
        return 0
    folder = operation.folder.spool
    ids = (entry["provenance"]["id"] for name in spool.shard_names(folder) for entry in spool.read_shard(folder, name))
    return FhirDatabase(file).forget("Provenance", [operation.name.provenance_id, *ids])
