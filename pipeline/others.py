"""What a run finds of other operations at its start: none is at work in the workspace, and what they left behind is settled.

Where a schedule gives each run a name of its own, nobody ever runs one again that broke off.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

from pipeline.dataflow_job import how_it_ended
from pipeline.delivery import Delivery
from pipeline.operation import Clock, Operation, operation_of
from pipeline.operation_row import CANCELLED
from pipeline.replay import deliver, is_unsent
from pipeline.tables import Tables
from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.places import listed
from transforms.model.storage import remove
from transforms.model.workspace import Workspace
from transforms.write.destination import Destination
from transforms.write.marks import take_back

_BROKEN_OFF = frozenset({"FAILED", "CANCELLED"})
"""States of a job whose last step may have broken off behind the counts."""


def require_nobody_at_work(workspace: Workspace, own: str | None, clock: Clock) -> None:
    """Raise PreflightError where a job elsewhere is at work for an operation of the workspace, which it does not lock.

    `own` is the name of the job that we are about to become. What the others published and have not proven yet would be taken from them.
    """
    for file in listed(workspace.operations, "*/submitted"):
        require_no_job(operation_of(workspace, file.parent.name), clock(), own)


def require_no_job(operation: Operation, now: dt.datetime, own: str | None = None) -> None:
    """The same of one operation."""
    close_if_over(operation, now, own)
    if operation.is_submitted:
        why = f"a job on Dataflow is at work for operation {operation.name.operation_id}"
        raise PreflightError("--workspace", why, "wait for its end: dicom-deid operation --wait")


def close_if_over(operation: Operation, now: dt.datetime, own: str | None = None) -> None:
    """Say in an operation that its job on Dataflow is over, where the job could not do so itself. Raises PreflightError."""
    end = how_it_ended(operation.folder, own)
    if end is None or not operation.is_submitted:  # its last step came meanwhile
        return
    if operation.counts() is None or end in _BROKEN_OFF:
        remove(operation.folder.counts_file)
        message = f"the job on Dataflow ended before its last step ({end}); see its log, then start the same command again"
        operation.fail(message, now, *([CANCELLED] if end == "CANCELLED" else []))
    remove(operation.folder.submitted_file)


def settle_others(operation: Operation, place: str, destination: Destination, delivery: Delivery, url: str, clock: Clock) -> Iterator[str]:
    """What others published into the same destination, the `place`, is proven, or taken back; a line for each whose instances stay.

    To be called where none of them is at work. Those that came to their end are told how many are left. `url`: of this run's `delivery`;
    the embedded store, where it is that, serves the others too. Raises OSError.
    """
    marked = {file.parent.parent.name for file in listed(operation.workspace.operations, "*/marks/*.ndjson")}
    for other in (operation_of(operation.workspace, identity) for identity in sorted(marked - {operation.name.operation_id})):
        where = other.folder.destination_file
        if not where.exists() or where.read_bytes() != place.encode(errors="surrogateescape"):
            continue
        remove(other.folder.run_file)  # a job whose launcher was killed may be at work all the same: it publishes no more
        unsent = False
        try:
            _tell(other, delivery, url, clock)
        except (ConfigError, PreflightError, StoreError) as fault:
            unsent = True
            yield f"not in its store yet: Provenance of operation {other.name.operation_id}, which did not come to its end ({fault})"
        left = take_back(other.folder, other.known_name, destination, keep=unsent)
        counts = other.counts()
        if counts is not None and counts.unproven != left:
            other.keep(dataclasses.replace(counts, unproven=left))
        if left:
            whose = f"of operation {other.name.operation_id}, which did not come to its end"
            yield f"without Provenance in the destination: {left} instances {whose}, see {other.folder.marks}"


def _tell(other: Operation, delivery: Delivery, url: str, clock: Clock) -> None:
    """Send what a run, or release, that broke off had spooled to its own store and table: it is published, and its source may be gone."""
    folder = other.folder
    if not is_unsent(folder):
        return
    known = Delivery.load(folder)
    if known.url is None and delivery.url is None:  # the embedded store, which is running
        known = dataclasses.replace(known, url=f"{url.removesuffix(delivery.name)}{known.name}")
    with deliver(other, known, skip_preflight=True) as send:
        _, dead = send()
    if dead:
        raise StoreError("its FHIR store", f"{dead} of them became dead letters", f"see {folder.dead_letters}")
    Tables.of(other.workspace, folder).load(folder, clock)
