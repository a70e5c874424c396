"""`dicom-deid replay`: the dead letters of an operation are sent again, from its spool; no source is read."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator

from pipeline.delivery import Delivery, announce
from pipeline.lock import alone
from pipeline.operation import Clock, Counts, Operation, find_operation
from pipeline.stores import known_destination
from pipeline.tables import Tables
from transforms.fhir.preflight import check_fhir_store
from transforms.fhir.writer import FhirWriter
from transforms.model import spool
from transforms.model.places import listed
from transforms.model.workspace import OperationFolder, Workspace


def find(workspace: Workspace, operation_id: str | None) -> tuple[Operation, Delivery]:
    """An operation of the workspace, the only one if none is named, and where its Provenance goes. Raises ConfigError."""
    found = find_operation(workspace, operation_id)
    delivery = Delivery.load(found.folder)
    name = dataclasses.replace(found.name, fhir_store=delivery.name)
    return dataclasses.replace(found, name=name), delivery


def replay(workspace: Workspace, operation: Operation, delivery: Delivery, skip_preflight: bool, clock: Clock) -> Counts:
    """Deliver what an operation's spool holds and the store has not answered; the operation's counts as they are then.

    Markers and dead letters are those that a run would leave. The operation's own Provenance is put only where the store
    lacks it, since it is written once. Raises PreflightError, StoreError, and ConfigError where the operation did not come to its
    end, so that nobody knows what else is missing.
    """
    with alone(workspace):
        counted = operation.counted()
        with deliver(operation, delivery, skip_preflight) as send:
            answered, dead = send()
        counts = operation.recounted(counted, known_destination(operation.folder), answered, dead, None)
        return operation.settle(counts, Tables.of(workspace, operation.folder), clock)


@contextlib.contextmanager
def deliver(operation: Operation, delivery: Delivery, skip_preflight: bool) -> Iterator[Callable[[], tuple[int, int]]]:
    """A way to send what the spool holds and the store has not answered, once the store is found ready for it.

    It gives how many entries of the operation are answered and how many dead. Raises PreflightError and StoreError.
    """
    folder = operation.folder

    def send() -> tuple[int, int]:
        answers = list(FhirWriter(client, folder, delivery.write_ops_per_minute).write(spool.shards(folder.spool)))
        return sum(one.answered for one in answers), sum(one.dead for one in answers)

    with delivery.address(operation.workspace) as address, delivery.client(address) as client:
        if not skip_preflight:
            check_fhir_store(client)
        announce(client, json.loads(folder.provenance_file.read_text()), new=False)
        yield send


def is_unsent(folder: OperationFolder) -> bool:
    """Whether there is something in the spool of which the store was not asked to the end."""
    ended = {place.stem for place in (*listed(folder.answered, "*"), *listed(folder.dead_letters, "*.ndjson"))}
    return not ended.issuperset(spool.shard_names(folder.spool))
