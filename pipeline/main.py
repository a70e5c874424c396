"""Beam entry (DirectRunner, Dataflow, Flex Template): parse, build, run, exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult
from google.api_core.exceptions import ClientError

from pipeline import graph
from pipeline.accounting import pixel_lines, waiting_lines
from pipeline.broken import given_up_if_broken, told_if_broken
from pipeline.capacity import most_workers
from pipeline.dataflow_job import DataflowJob, job_made, job_to_be, own_name
from pipeline.dataflow_options import check_staging
from pipeline.delivery import Delivery, announce
from pipeline.done_before import find_done
from pipeline.faults import BrokenOffError, ExitCode, guarded
from pipeline.job_server import reach_job_server
from pipeline.lock import alone, alone_at
from pipeline.loopback import listen_on_loopback
from pipeline.maps import finish_maps, remember_maps
from pipeline.metrics import pixel_times, waited
from pipeline.operation import Clock, Counts, Operation
from pipeline.options import Settings, beam_options, parse
from pipeline.others import require_nobody_at_work, settle_others
from pipeline.overlap import REMOTE_POLL_SECONDS, Throttled, following
from pipeline.progress import watched
from pipeline.quarantine import settle_quarantine
from pipeline.release import carry_out
from pipeline.request import (
    Request,
    asked_for,
    check_inspection,
    check_keys,
    destination_of,
    keep_keys,
    operation_name,
    origin_of,
    read_request,
    redactor,
    require_consent,
    store_address,
)
from pipeline.retry import remember
from pipeline.runners import leaves
from pipeline.sources import Sources, list_sources
from pipeline.stores import READ, WRITE, check_locations, check_sinks, check_store, remember_store
from pipeline.tables import Tables
from transforms.fhir.preflight import check_fhir_store
from transforms.model import spool
from transforms.model.errors import PreflightError
from transforms.model.keys import KeyReference, make_key_file
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder
from transforms.pixels.strengths import check_search
from transforms.provenance.operation import operation_provenance

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Launch:
    settings: Settings
    request: Request
    sources: Sources
    operation: Operation
    key: KeyReference
    delivery: Delivery
    url: str
    started: dt.datetime
    clock: Clock
    name: str


def main(argv: list[str] | None = None) -> int:
    """Run a command line; the exit code. Every expected fault is one sentence on standard error."""
    return guarded(lambda: run(parse(sys.argv[1:] if argv is None else argv)))


def run(settings: Settings, clock: Clock = graph.utc_now, name: Callable[[], str] = secrets.token_hex) -> int:
    """One run of an operation, from preflight to exit code. `name` gives it one that no other run has."""
    request = read_request(settings)
    for line in require_consent(request):
        print(f"allowed: {line}", file=sys.stderr)
    store = store_address(settings, request.config)
    delivery = Delivery(store.name, store.url, settings.fhir_token, settings.fhir_write_ops_per_minute)
    named = {"--source": settings.source, "--destination": settings.destination, "--fhir_store": store.name}
    check_locations(named | {"--quarantine": settings.quarantine or ""})
    if not settings.skip_preflight:
        _check_dicom_stores(settings)
        reach_job_server(settings.runner, settings.beam)
    sources = list_sources(settings, origin_of(settings, request.chosen))
    if request.plan.image.searches:
        check_search(settings.text_search, settings.ocr_languages)
    settings.workspace.make()
    with alone(settings.workspace):
        keep_keys(request.config, settings.workspace)
        check_keys(request.plan)
        key = _key(settings)
        secret = key.load()
        operation = Operation(operation_name(settings, request, store, secret), settings.workspace)
        asked = asked_for(settings, request, store, secret)
        operation.hold_to(asked)
        require_nobody_at_work(settings.workspace, own_name(settings.beam), clock)
        with delivery.address(settings.workspace) as url:
            if not settings.skip_preflight:
                check_inspection(request.plan)
                _preflight(settings, delivery, url)
            with _alone_there(settings, operation):
                known = operation.folder.asked_file.exists()
                settle_quarantine(operation, settings.quarantine, settings.quarantine_store, known)
                for line in _settle(settings, operation, delivery, url, clock):
                    print(line, file=sys.stderr)
                done = find_done(operation, asked, key, destination_of(settings), clock) if settings.skip_done else None
                operation.bind(asked)
                _remember(operation.folder, settings, request, delivery)
                launch = _Launch(settings, request, sources, operation, key, delivery, url, operation.begin(clock()), clock, name())
                with told_if_broken(operation, clock):
                    ready = dataclasses.replace(_prepared(launch), done=done)
                    _announce(launch)
                    with _beside(launch) as beside:
                        ready = dataclasses.replace(ready, progress_file=beside.progress, turn_file=beside.turn)
                        accounts = _execute(ready, settings, beside.throttled)
        if leaves(settings.runner):
            print(_under_way(settings, operation))
            return ExitCode.OK
        counts = operation.counts()
        if counts is None:
            raise BrokenOffError("the runner ended without finishing the operation; see its log, then start the same command again.")
        with told_if_broken(operation, clock):
            finish_maps(operation.folder)
        operation.finish(counts, clock())
    print("\n".join([summary(operation, counts), *accounts]))
    return exit_code(counts)


def _settle(settings: Settings, operation: Operation, delivery: Delivery, url: str, clock: Clock) -> Iterator[str]:
    """First what earlier runs and releases have left undone is done; a line for each instance, or operation, for which that cannot be."""
    destination = destination_of(settings)
    yield from carry_out(operation.folder, destination)
    _require_destination(settings, operation)
    yield from settle_others(operation, settings.destination, destination, delivery, url, clock)


def _remember(folder: OperationFolder, settings: Settings, request: Request, delivery: Delivery) -> None:
    """Keep what later commands want to know of the latest run."""
    delivery.save(folder)
    replace(folder.destination_file, settings.destination.encode(errors="surrogateescape"))
    remember_store(folder.destination_store_file, settings.destination_store)
    Tables(settings.workspace, settings.bigquery, settings.table_files).save(folder)
    remember_maps(folder, settings.write_uid_map, settings.write_patient_map)
    remember(folder, settings, request)


def _alone_there(settings: Settings, operation: Operation) -> contextlib.AbstractContextManager[None]:
    """A DICOM store has no place for a lock."""
    if settings.destination_store:
        return contextlib.nullcontext()
    return alone_at(settings.destination, operation.name.operation_id, settings.workspace)


class _Beside(NamedTuple):
    """For the time of a run."""

    progress: str | None
    """A file on this machine."""
    turn: str | None
    """A file on this machine, or on Cloud Storage where the workers are not here."""
    throttled: Throttled
    """Of the writer here."""


@contextlib.contextmanager
def _beside(launch: _Launch) -> Iterator[_Beside]:
    """What goes on beside a run that is waited for: a writer that follows the spool, and a bar if the workers are here."""
    folder = launch.operation.folder
    if leaves(launch.settings.runner):
        yield _Beside(None, None, Throttled())
    elif launch.settings.is_local:
        with watched(launch.settings.workspace, launch.sources.count, launch.operation.progress) as progress:
            turn = f"{progress}.turn"
            with following(launch.delivery, launch.url, folder, turn) as throttled:
                yield _Beside(progress, turn, throttled)
    else:
        turn = str(folder.turn_file)
        with following(launch.delivery, launch.url, folder, turn, REMOTE_POLL_SECONDS) as throttled:
            yield _Beside(None, turn, throttled)


def _check_dicom_stores(settings: Settings) -> None:
    """The destination's turn comes with the table's."""
    if settings.source_store:
        check_store("--source", settings.source_store, (READ,))
    if settings.quarantine_store:
        check_store("--quarantine", settings.quarantine_store, (READ, WRITE))


def _require_destination(settings: Settings, operation: Operation) -> None:
    """Raise PreflightError where instances of earlier runs are gone: they would count as written, and not be there."""
    if spool.shard_names(operation.folder.spool, held=False) and destination_of(settings).is_empty():
        why = "it is empty, though earlier runs of this operation wrote instances to it"
        raise PreflightError("--destination", why, "put them back, or begin anew with another --operation_id or workspace")


def exit_code(counts: Counts) -> ExitCode:
    """What the counts of an operation mean to a script."""
    if not counts.reconciled:
        return ExitCode.NOT_RECONCILED
    return ExitCode.NOT_ALL_PUBLISHED if counts.held or counts.failed or counts.dead or counts.refused_rows else ExitCode.OK


def summary(operation: Operation, counts: Counts) -> str:
    """What a person wants to know at the end of a run."""
    lines = [
        f"operation {operation.name.operation_id}",
        f"instances: {counts.listed} listed = {counts.written} written + {counts.held} held"
        f" + {counts.failed} failed + {counts.skipped} skipped",
        f"Provenance: {counts.answered + 1} in the FHIR store (one an instance, one for the operation), {counts.dead} dead letters",
    ]
    if counts.not_found:
        lines.append(f"filterConfig: {counts.not_found} of its lines name nothing in the source (failed, NOT_FOUND)")
    if counts.refused_rows:
        lines.append(f"table: {counts.rows} rows; it does not take {counts.refused_rows} more, see {operation.folder.refused_rows}")
    if counts.held or counts.failed:
        lines.append(f"why some are not published: {operation.workspace.outcomes_file}")
    if counts.unproven:
        why = "it keeps other bytes than it was given, or does not let us take back what an unfinished run published"
        lines.append(f"without Provenance in the destination: {counts.unproven} instances, see {operation.folder.marks} ({why})")
    if not counts.reconciled:
        lines.append("THE COUNTS DO NOT RECONCILE: do not release this destination before you know why")
    return "\n".join(lines)


def _key(settings: Settings) -> KeyReference:
    if settings.key is not None:
        return settings.key
    make_key_file(settings.workspace.key_file)
    return KeyReference(f"file:{settings.workspace.key_file}")


def _preflight(settings: Settings, delivery: Delivery, url: str) -> None:
    """Raise PreflightError unless FHIR store, destination, table and Dataflow's buckets can take what the run will write."""
    with delivery.client(url) as client:
        check_fhir_store(client)
    check_sinks(destination_of(settings), settings.bigquery)
    if leaves(settings.runner):
        check_staging(settings.beam)


def _under_way(settings: Settings, operation: Operation) -> str:
    """What a launcher says that leaves."""
    most = most_workers(settings.beam, settings.fhir_write_ops_per_minute)
    bound = f", with at most {most} workers (--max_num_workers)" if most else ""
    follow = f"dicom-deid operation {operation.name.operation_id} --wait follows it"
    return f"operation {operation.name.operation_id} is under way on {settings.runner}{bound}; {follow}"


def _announce(launch: _Launch) -> None:
    """Put the operation's Provenance to the store; made once and put once, it never changes."""
    operation, phi = launch.operation, launch.settings.provenance_phi
    file = operation.folder.provenance_file
    new = not file.exists()
    if not new:
        resource: dict[str, Any] = json.loads(file.read_text())
    else:
        resource = operation_provenance(operation.name, launch.request.recorded, launch.started, launch.clock(), phi)
        replace(file, json.dumps(resource, sort_keys=True).encode() + b"\n")
    with launch.delivery.client(launch.url) as client:
        announce(client, resource, new)
    if phi == "include":
        log.warning("Provenance will hold the original texts it found (--provenance_phi include): the FHIR store and table hold PHI.")


def _prepared(launch: _Launch) -> graph.Run:
    settings, operation = launch.settings, launch.operation
    replace(operation.folder.run_file, launch.name.encode())
    operation.clear()
    return graph.Run(
        operation=operation,
        plan=launch.request.plan,
        redactor=redactor(settings, launch.request.plan),
        key=launch.key,
        source=launch.sources.for_workers(operation.folder),
        destination=destination_of(settings),
        on_uid_collision=settings.on_uid_collision,
        store_url=launch.url,
        write_ops_per_minute=settings.fhir_write_ops_per_minute,
        phi=settings.provenance_phi,
        shape=settings.provenance_shape,
        bigquery=settings.bigquery,
        table_files=settings.table_files,
        max_failure_ratio=settings.max_failure_ratio,
        clock=launch.clock,
        token=settings.fhir_token,
        provenance_for_held=settings.provenance_for_held,
        validate_provenance=settings.validate_provenance,
        identifiers=settings.writes_maps,
        chosen=launch.request.chosen,
        name=launch.name,
    )


def _execute(ready: graph.Run, settings: Settings, throttled: Throttled) -> list[str]:
    """Run the graph to its end, or submit it where the launcher does not wait; where the time of its pixels went, and that of waiting."""
    if settings.is_local:
        listen_on_loopback()
    operation, before = ready.operation, ready.operation.state()
    options = beam_options(settings, operation.name.operation_id)
    pipeline = beam.Pipeline(options=options)
    graph.build(ready, pipeline)
    with given_up_if_broken(ready.folder) as launched:
        if leaves(settings.runner):
            _submit(pipeline, operation, job_to_be(options, ready.clock()), launched)
            return []
        result = pipeline.run()
        launched(result)
        result.wait_until_finish()
    times, seconds = pixel_times(result), waited(result) + int(throttled.seconds)
    operation.account(times, seconds, before)
    return [*pixel_lines(times), *waiting_lines(seconds)]


def _submit(pipeline: beam.Pipeline, operation: Operation, job: DataflowJob, launched: Callable[[PipelineResult], None]) -> None:
    """First it is said which job there will be: where the launcher is killed before it hears that there is one, others ask for it."""
    operation.submitted(job.to_json())
    try:
        result = pipeline.run()
    except ClientError:  # there is none
        remove(operation.folder.submitted_file)
        raise
    launched(result)
    operation.submitted(job_made(job, result).to_json())


if __name__ == "__main__":
    sys.exit(main())
