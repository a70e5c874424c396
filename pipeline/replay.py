"""`dicom-deid replay`: the dead letters of an operation are sent again, from its spool; no source is read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable

from pipeline.delivery import Delivery, announce
from pipeline.lock import alone
from pipeline.operation import Counts, Operation, find_operation
from pipeline.tables import Tables
from transforms.fhir.preflight import check_fhir_store
from transforms.fhir.writer import FhirWriter
from transforms.model import spool
from transforms.model.errors import ConfigError
from transforms.model.workspace import Workspace

Clock = Callable[[], dt.datetime]


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
        counted = operation.counts()
        if counted is None:
            raise ConfigError("--operation", "its latest run did not come to its end", "start its run command again")
        folder = operation.folder
        with delivery.address(workspace) as address, delivery.client(address) as client:
            if not skip_preflight:
                check_fhir_store(client)
            announce(client, json.loads(folder.provenance_file.read_text()), new=False)
            writer = FhirWriter(client, folder, delivery.write_ops_per_minute)
            answers = list(writer.write(spool.shards(folder.spool)))
        counts = dataclasses.replace(counted, answered=sum(one.answered for one in answers), dead=sum(one.dead for one in answers))
        return operation.settle(counts, Tables.of(workspace, folder), clock)
