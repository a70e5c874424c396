"""Beam entry (DirectRunner, Dataflow, Flex Template): parse, build, run, exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import enum
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam

from pipeline import graph
from pipeline.local.serve import running_store
from pipeline.operation import Counts, Operation
from pipeline.options import Settings, beam_options, parse
from pipeline.progress import watched
from pipeline.request import Request, StoreAddress, keep_keys, operation_name, read_request, require_consent, store_address
from transforms.fhir.client import FhirClient
from transforms.fhir.preflight import check_fhir_store
from transforms.model import spool
from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.keys import KeyReference, make_key_file
from transforms.model.quiet import quiet_libraries
from transforms.model.storage import list_files, replace
from transforms.pixels.tesseract import check_tesseract
from transforms.provenance.operation import operation_provenance

Clock = Callable[[], dt.datetime]

log = logging.getLogger(__name__)


class ExitCode(enum.IntEnum):
    """DESIGN, Four outcomes."""

    OK = 0
    NOT_ALL_PUBLISHED = 1
    REFUSED = 2
    NOT_RECONCILED = 3


@dataclasses.dataclass(frozen=True)
class _Launch:
    settings: Settings
    request: Request
    operation: Operation
    key: KeyReference
    url: str
    started: dt.datetime
    clock: Clock


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code. Every expected fault is one sentence on standard error."""
    quiet_libraries()
    try:
        return run(parse(sys.argv[1:] if argv is None else argv))
    except (ConfigError, PreflightError, StoreError) as fault:
        print(f"dicom-deid: {fault}", file=sys.stderr)
        return ExitCode.REFUSED


def run(settings: Settings, clock: Clock = graph.utc_now) -> int:
    """One run of an operation, from preflight to exit code."""
    request = read_request(settings)
    for line in require_consent(request):
        print(f"allowed: {line}", file=sys.stderr)
    store = store_address(settings, request.config)
    expected = sum(1 for _ in list_files(settings.source))
    if request.plan.redact_all_text:
        check_tesseract()
    settings.workspace.make()
    keep_keys(request.config, settings.workspace)
    key = _key(settings)
    operation = Operation(operation_name(settings, request, store, key.load()), settings.workspace)
    with _store_url(settings, store) as url:
        launch = _Launch(settings, request, operation, key, url, operation.begin(clock()), clock)
        ready = _prepared(launch, _announced(launch))
        try:
            with watched(operation.folder.progress_file, expected, lambda count: operation.progress(count, expected)):
                _execute(ready, settings)
        except Exception as error:
            operation.fail(f"the run broke off ({type(error).__name__}); start the same command again to go on", clock())
            raise
    counts = operation.counts()
    if counts is None:
        raise PreflightError("run", "the runner ended without finishing the operation", "see its log, then start the same command again")
    operation.finish(counts, clock())
    print(summary(operation, counts))
    return exit_code(counts)


def exit_code(counts: Counts) -> ExitCode:
    """What the counts of an operation mean to a script."""
    if not counts.reconciled:
        return ExitCode.NOT_RECONCILED
    return ExitCode.NOT_ALL_PUBLISHED if counts.held or counts.failed or counts.dead else ExitCode.OK


def summary(operation: Operation, counts: Counts) -> str:
    """What a person wants to know at the end of a run."""
    lines = [
        f"operation {operation.name.operation_id}",
        f"instances: {counts.listed} listed = {counts.written} written + {counts.held} held"
        f" + {counts.failed} failed + {counts.skipped} skipped",
        f"Provenance: {counts.answered + 1} in the FHIR store (one an instance, one for the operation), {counts.dead} dead letters",
    ]
    if counts.held or counts.failed:
        lines.append(f"why some are not published: {operation.workspace.outcomes_file}")
    if not counts.reconciled:
        lines.append("THE COUNTS DO NOT RECONCILE: do not release this destination before you know why")
    return "\n".join(lines)


def _key(settings: Settings) -> KeyReference:
    if settings.key is not None:
        return settings.key
    make_key_file(settings.workspace.key_file)
    return KeyReference(f"file:{settings.workspace.key_file}")


@contextlib.contextmanager
def _store_url(settings: Settings, store: StoreAddress) -> Iterator[str]:
    """The URL of the FHIR store, which is served by the run itself when no other is named."""
    if store.url is not None:
        yield store.url
        return
    with running_store(settings.workspace, settings.fhir_write_ops_per_minute) as base:
        yield f"{base}/v1beta1/{store.name}"


def _announced(launch: _Launch) -> dict[str, Any]:
    """The operation's Provenance, put to the store after its preflight; made once, its content never changes."""
    client = FhirClient(launch.url)
    check_fhir_store(client)
    operation, phi = launch.operation, launch.settings.provenance_phi
    file = operation.folder.provenance_file
    if file.exists():
        resource: dict[str, Any] = json.loads(file.read_text())
    else:
        resource = operation_provenance(operation.name, launch.request.config.to_json(), launch.started, launch.clock(), phi)
        replace(file, json.dumps(resource, sort_keys=True).encode() + b"\n")
    client.put(resource)
    client.close()
    if phi == "include":
        log.warning("Provenance will hold the original texts it found (--provenance_phi include): the FHIR store and table hold PHI.")
    return resource


def _prepared(launch: _Launch, resource: dict[str, Any]) -> graph.Run:
    settings, operation = launch.settings, launch.operation
    operation.clear()
    spooled = tuple(spool.shards(operation.folder.spool))
    loaded = (operation.state() or {}).get("done", False)
    return graph.Run(
        operation=operation,
        plan=launch.request.plan,
        key=launch.key,
        source=settings.source,
        destination=settings.destination,
        on_uid_collision=settings.on_uid_collision,
        store_url=launch.url,
        write_ops_per_minute=settings.fhir_write_ops_per_minute,
        phi=settings.provenance_phi,
        shape=settings.provenance_shape,
        bigquery_table=settings.bigquery_table,
        started=launch.started,
        spooled=spooled,
        unloaded=() if loaded else spooled,
        unloaded_operation=None if loaded else resource,
        clock=launch.clock,
    )


def _execute(ready: graph.Run, settings: Settings) -> None:
    pipeline = beam.Pipeline(options=beam_options(settings))
    graph.build(ready, pipeline)
    pipeline.run().wait_until_finish()


if __name__ == "__main__":
    sys.exit(main())
