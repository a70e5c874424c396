"""The verbs of dicom-deid that are about an operation of a workspace: operation, release, replay, retry, purge."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.faults import ExitCode
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.places import is_empty, place_of
from transforms.model.storage import canonical
from transforms.model.workspace import Workspace

if TYPE_CHECKING:
    from pipeline.delivery import Delivery
    from pipeline.operation import Operation

Verb = Callable[[argparse.Namespace], int]
Add = Callable[[str, Verb, str], argparse.ArgumentParser]
"""Adds a verb with its option `--workspace`: name, what it does, and how help puts it."""

POLL_SECONDS = 1.0
JOB_SECONDS = 15.0
"""After which Dataflow is asked again how a job is."""


def add_verbs(add: Add) -> None:
    """Add them all."""
    show = add("operation", _operation, "print a long-running operation as the API has it")
    show.add_argument("operation", nargs="?", metavar="ID", help="may be left out where the workspace holds one operation only")
    show.add_argument("--wait", action="store_true", help="until no run is at work, here or elsewhere; then with its exit code")
    release = add("release", _release, "publish held instances after a person's decision, and tell who decided")
    release.add_argument("references", nargs="*", metavar="REF", help="of held instances, as outcomes.ndjson and the quarantine name them")
    release.add_argument("--all", action="store_true", help="all that the operation holds")
    release.add_argument("--by", required=True, metavar="NAME", help="who decides; the name stands in Provenance")
    _name_operation(release)
    _name_store(release)
    replay = add("replay", _replay, "send an operation's dead letters to its FHIR store again")
    _name_operation(replay)
    _name_store(replay)
    retry = add("retry", _retry, "run an operation's command again: what is not written is done anew")
    _name_operation(retry)
    purge = add("purge", _purge, "remove all traces of an operation from its workspace; what it published stays")
    purge.add_argument("operation", metavar="ID")
    purge.add_argument("--yes", action="store_true", help="consent: nothing of it can be had back")
    purge.add_argument("--everywhere", action="store_true", help="also its Provenance in a FHIR store elsewhere, and its rows in BigQuery")


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """The workspace that is named. Raises ConfigError where there is nothing."""
    if is_empty(place_of(arguments.workspace)):
        raise ConfigError("--workspace", "there is no such folder, or nothing in it", "name the --workspace of a run", arguments.workspace)
    return Workspace(canonical(arguments.workspace))


def _name_operation(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--operation", help="its id; may be left out where the workspace holds one operation only")


def _name_store(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--fhir_store", help="another way to the same store: its URL; by default as the latest run")
    verb.add_argument("--fhir_token_uri", help="where the Bearer token is that the store wants: file:PATH or env:NAME")
    verb.add_argument("--fhir_write_ops_per_minute", type=int, help="the store's write quota; by default as the latest run")
    verb.add_argument("--skip_preflight", action="store_true", help="do not ask the store first whether it can take them")


def _operation(arguments: argparse.Namespace) -> int:
    from pipeline.operation import find_operation  # noqa: PLC0415 - as everywhere here, so that --help is quick

    workspace = workspace_of(arguments)
    operation = find_operation(workspace, arguments.operation)
    if arguments.wait:
        _wait(operation, workspace)
    print(json.dumps(operation.state(), indent=1))
    if not arguments.wait:
        return 0
    from pipeline.main import exit_code  # noqa: PLC0415 - Beam takes seconds to import, which who asks again and again spares

    counts = operation.counts()
    return ExitCode.NOT_RECONCILED if counts is None else exit_code(counts)


def _wait(operation: Operation, workspace: Workspace) -> None:
    """Until no run is at work, here or elsewhere."""
    from pipeline.lock import is_held  # noqa: PLC0415

    due, said = time.monotonic(), ""
    while operation.is_elsewhere or is_held(workspace):
        if operation.is_submitted and not is_held(workspace) and time.monotonic() >= due:  # else it is just being submitted
            fault = _look_after_job(operation)
            if fault and fault != said:
                print(f"dicom-deid: {fault} Waiting for its last step all the same.", file=sys.stderr)
            due, said = time.monotonic() + JOB_SECONDS, fault
        else:
            time.sleep(POLL_SECONDS)


def _look_after_job(operation: Operation) -> str:
    """Say in an operation that its job is over, where the job cannot do so itself; why Dataflow does not tell us of it, if it does not."""
    from pipeline.others import close_if_over  # noqa: PLC0415

    try:
        close_if_over(operation, dt.datetime.now(dt.UTC))
    except PreflightError as fault:
        return str(fault)
    return ""


def _release(arguments: argparse.Namespace) -> int:
    from pipeline.graph import utc_now  # noqa: PLC0415
    from pipeline.main import exit_code, summary  # noqa: PLC0415
    from pipeline.release import release  # noqa: PLC0415

    if bool(arguments.references) is arguments.all:
        raise ConfigError("REF", "nobody decides over nothing, nor over all and some", "name references, or give --all")
    operation, delivery = _named(arguments)
    counts, refused = release(operation, delivery, arguments.references, arguments.by, arguments.skip_preflight, utc_now)
    print("\n".join([summary(operation, counts), *refused]))
    return ExitCode.NOT_ALL_PUBLISHED if refused and exit_code(counts) is ExitCode.OK else exit_code(counts)


def _named(arguments: argparse.Namespace) -> tuple[Operation, Delivery]:
    """The operation, and the way to its FHIR store."""
    from pipeline.replay import find  # noqa: PLC0415
    from transforms.model.credentials import TokenReference  # noqa: PLC0415

    operation, delivery = find(workspace_of(arguments), arguments.operation)
    token = TokenReference(arguments.fhir_token_uri) if arguments.fhir_token_uri else None
    return operation, delivery.by(arguments.fhir_store, token, arguments.fhir_write_ops_per_minute)


def _replay(arguments: argparse.Namespace) -> int:
    from pipeline.graph import utc_now  # noqa: PLC0415
    from pipeline.main import exit_code, summary  # noqa: PLC0415
    from pipeline.replay import replay  # noqa: PLC0415

    operation, delivery = _named(arguments)
    counts = replay(operation.workspace, operation, delivery, arguments.skip_preflight, utc_now)
    print(summary(operation, counts))
    return exit_code(counts)


def _retry(arguments: argparse.Namespace) -> int:
    from pipeline.main import exit_code  # noqa: PLC0415
    from pipeline.main import main as run  # noqa: PLC0415
    from pipeline.maps import are_due  # noqa: PLC0415
    from pipeline.operation import find_operation  # noqa: PLC0415
    from pipeline.replay import is_unsent  # noqa: PLC0415
    from pipeline.retry import retry  # noqa: PLC0415

    operation = find_operation(workspace_of(arguments), arguments.operation)
    counts, state = operation.counts(), operation.state() or {}
    is_whole = counts is not None and counts.reconciled and not counts.failed and "response" in state
    if counts is not None and is_whole and not are_due(operation.folder) and not is_unsent(operation.folder):
        print("nothing failed")
        return exit_code(counts)
    return retry(operation, run)


def _purge(arguments: argparse.Namespace) -> int:
    from pipeline.graph import utc_now  # noqa: PLC0415
    from pipeline.operation import find_operation  # noqa: PLC0415
    from pipeline.purge import purge  # noqa: PLC0415

    operation = find_operation(workspace_of(arguments), arguments.operation)
    if not arguments.yes:
        why = "it takes away for good what tells of the operation, and the instances that it holds"
        raise ConfigError("--yes", why, "repeat the command with --yes, if that is what you want")
    print("\n".join(purge(operation, arguments.everywhere, utc_now)))
    return 0
