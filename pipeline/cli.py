"""dicom-deid: one command, a verb a job. Each verb imports what it needs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.faults import guarded
from pipeline.operation_verbs import add_verbs, workspace_of
from transforms.model.errors import ConfigError, InstanceProblem
from transforms.model.storage import canonical
from transforms.model.workspace import Workspace


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code (0 fine, 1 found nothing or not all published, 2 refused, 3 counts do not reconcile or broken off)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"] and not {"-h", "--help"} & set(words):
        return guarded(lambda: _run(words[1:]))
    if words[:1] == ["plan"] and not {"-h", "--help"} & set(words):
        return guarded(lambda: _piped(lambda: _plan(words[1:])))
    arguments = _parser().parse_args(words)
    return guarded(lambda: _piped(lambda: arguments.verb(arguments)))


def _piped(verb: Callable[[], int]) -> int:
    """A verb's exit code, where whoever reads what it prints may leave early."""
    try:
        return verb()
    except BrokenPipeError:
        return 0


def entry() -> None:
    """The console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dicom-deid", description="De-identify DICOM, and prove what was done.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _verb(verbs, "run", _run_help, "de-identify a folder of instances", workspace=False)
    explain = _verb(verbs, "explain", _explain, "what a config would do to each element of a file, and why", workspace=False)
    explain.add_argument(
        "--config", help="a DeidentifyConfig in JSON (the text itself, a path, or gs://BUCKET/OBJECT); without it the default of run"
    )
    explain.add_argument("--api_vrs_only", action="store_true", help="as in dicom-deid run")
    explain.add_argument("--patient_id", default="pseudonym", choices=("pseudonym", "empty"), help="as in dicom-deid run")
    explain.add_argument("--patient_map", help="as in dicom-deid run")
    explain.add_argument("--inspection_engine", choices=("local", "dlp"), default="local", help="as in dicom-deid run")
    explain.add_argument("--dlp_parent", help="as in dicom-deid run")
    explain.add_argument("file", nargs="?", help="a DICOM file")
    _verb(verbs, "plan", _run_help, "say what a run with the same options would take; writes nothing", workspace=False)
    add_verbs(functools.partial(_verb, verbs))
    serve = _verb(verbs, "serve", _serve, "serve the workspace's FHIR store by the Healthcare API's paths")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; beyond loopback only with a token")
    serve.add_argument("--port", type=int, default=8080)
    serve.add_argument(
        "--dicom_store", action="append", default=[], metavar="NAME=URL", help="a store that :deidentify may read or write, and its URL"
    )
    serve.add_argument("--run_options", default="", help="options of dicom-deid run for every run that :deidentify starts, as in a shell")
    serve.add_argument("--token_file", help="file whose first line every caller must send as its Bearer token")
    serve.add_argument("--fhir_write_ops_per_minute", type=int, help="refuse writes beyond this quota by 429")
    search = _verb(verbs, "search", _search, "search the Provenance of a workspace, or of any FHIR store", required=False)
    search.add_argument("query", nargs="?", help="such as 'Provenance?lookup-source-instance:contains=studies/1'")
    search.add_argument("--json", action="store_true", help="print the searchset Bundle")
    search.add_argument("--install", action="store_true", help="put all our search parameters in force; a QUERY may follow")
    search.add_argument("--fhir_store", help="another store: projects/…/fhirStores/ID, or the URL of any FHIR store")
    search.add_argument("--fhir_token_uri", help="with --fhir_store: where the Bearer token is that it wants: file:PATH or env:NAME")
    query = _verb(verbs, "query", _query, "ask the table Provenance in BigQuery SQL")
    query.add_argument("--sql_file", required=True, help="file with one statement; whatever project and dataset it names")
    query.add_argument(
        "--parameter", action="append", default=[], metavar="NAME:TYPE:VALUE", help="what @NAME stands for; may be given several times"
    )
    query.add_argument("--format", choices=("table", "csv", "json"), default="table", help="json: an object a row")
    answers = _verb(verbs, "answers", _answers, "what was de-identified, how and why, when, and how long did it take")
    chosen = answers.add_mutually_exclusive_group()
    chosen.add_argument("--instance", metavar="UID", help="of one instance only, by its SOP Instance UID as it was or as it is now")
    chosen.add_argument("--operation", metavar="ID", help="of one operation only")
    chosen.add_argument("--patient", metavar="ID", help="of one patient only, by PatientID or PatientName as it was or as it is now")
    views = _verb(verbs, "views", _views, "make the views beside a table in BigQuery; a run does so too", workspace=False)
    views.add_argument("--bigquery_table", required=True, help="PROJECT:DATASET.TABLE, as the run had it")
    views.add_argument("--bigquery_schema", choices=("analytics_v2", "lossless"), default="analytics_v2", help="its form")
    views.add_argument("--bigquery_endpoint", help="URL of another server of the BigQuery API than Google's")
    views.add_argument("--print", action="store_true", help="print the statements, and ask no server")
    report = _verb(verbs, "report", _report, "one HTML page that tells of all operations, without texts and source names")
    report.add_argument("--output", required=True, metavar="FILE.html", help="where to write it; not in the destination")
    report.add_argument("--gallery", action="store_true", help="show a sample of redacted frames, with their boxes outlined")
    report.add_argument("--show_quotes", action="store_true", help="with --gallery: the texts that were redacted, too; they are PHI")
    which = _verb(verbs, "which", _which, "the source behind an opaque reference")
    which.add_argument("reference")
    return parser


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    action: Callable[[argparse.Namespace], int],
    text: str,
    workspace: bool = True,
    required: bool = True,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text, description=text, add_help=action is not _run_help)
    verb.set_defaults(verb=action)
    if workspace:
        verb.add_argument("--workspace", required=required, help="the confidential folder of the run")
    elif not verb.add_help:
        verb.add_argument("-h", "--help", action="store_true")
    return verb


def _run_help(_arguments: argparse.Namespace) -> int:
    from pipeline.options import parser  # noqa: PLC0415

    parser().print_help()
    return 0


def _run(argv: list[str]) -> int:
    from pipeline.main import main as run  # noqa: PLC0415 - Beam takes seconds to import

    return run(argv)


def _explain(arguments: argparse.Namespace) -> int:
    from pipeline.explain import explain  # noqa: PLC0415
    from pipeline.options import dlp_parent  # noqa: PLC0415
    from transforms.tags.patients import patient_plan  # noqa: PLC0415

    parent = dlp_parent(arguments.inspection_engine, arguments.dlp_parent)
    try:
        patients = patient_plan(arguments.patient_id, arguments.patient_map)
        for line in explain(arguments.config, arguments.file, api_vrs_only=arguments.api_vrs_only, patients=patients, dlp_parent=parent):
            print(line)
    except InstanceProblem as problem:
        print(f"dicom-deid: {problem}", file=sys.stderr)
        return 1
    return 0


def _plan(argv: list[str]) -> int:
    from pipeline.capacity import threads, workers  # noqa: PLC0415
    from pipeline.options import parse  # noqa: PLC0415
    from pipeline.plan import make_plan  # noqa: PLC0415
    from pipeline.request import check_inspection, origin_of, read_request, redactor, require_consent, store_address  # noqa: PLC0415
    from pipeline.runners import leaves  # noqa: PLC0415
    from transforms.model.resolve import without_keys  # noqa: PLC0415
    from transforms.pixels.strengths import check_search  # noqa: PLC0415

    settings = parse(argv)
    request = read_request(settings)
    for line in require_consent(request):
        print(f"allowed: {line}", file=sys.stderr)
    store_address(settings, request.config)
    if request.plan.image.searches:
        check_search(settings.text_search, settings.ocr_languages)
    if not settings.skip_preflight:
        check_inspection(request.plan)
    origin = origin_of(settings, request.chosen)
    looked_at = dataclasses.replace(request.plan, text=without_keys(request.config).text)
    plan = make_plan(
        list(origin.instances()),
        origin.content,
        looked_at,
        redactor(settings, request.plan)(),
        workers(settings),
        settings.fhir_write_ops_per_minute,
        leaves(settings.runner),
        threads(settings),
    )
    print("\n".join(plan.lines()))
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from pipeline.local.serve import serve  # noqa: PLC0415

    stores = dict(pair.partition("=")[::2] for pair in arguments.dicom_store)
    workspace, quota = Workspace(canonical(arguments.workspace)), arguments.fhir_write_ops_per_minute
    serve(
        workspace,
        arguments.host,
        arguments.port,
        arguments.token_file,
        quota,
        dicom_stores=stores,
        run_options=shlex.split(arguments.run_options),
    )
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from pipeline.local.fhir_json import write  # noqa: PLC0415
    from pipeline.local.search import install_pack, install_remotely, render, search, search_remotely  # noqa: PLC0415
    from transforms.model.credentials import TokenReference  # noqa: PLC0415

    if not arguments.query and not arguments.install:
        raise ConfigError("QUERY", "there is none", "write it as 'Provenance?lookup-source-instance:contains=studies/1'")
    if bool(arguments.workspace) is bool(arguments.fhir_store):
        raise ConfigError("--workspace", "one store is searched", "name the --workspace of a run, or another store by --fhir_store")
    if arguments.fhir_token_uri and not arguments.fhir_store:
        raise ConfigError("--fhir_token_uri", "the workspace's own store wants none", "name the store that does by --fhir_store")
    token = TokenReference(arguments.fhir_token_uri) if arguments.fhir_token_uri else None
    store, workspace = arguments.fhir_store, workspace_of(arguments) if arguments.workspace else None
    if arguments.install:
        codes = install_pack(workspace) if workspace else install_remotely(store, token)
        print(f"in force: {', '.join(codes)}", file=sys.stderr)
    if arguments.query:
        bundle = search(workspace, arguments.query) if workspace else search_remotely(store, arguments.query, token)
        print(write(bundle, indent=1)) if arguments.json else render(bundle)
    return 0


def _query(arguments: argparse.Namespace) -> int:
    from pipeline.local.sql import parameter, query, render, write_csv, write_json  # noqa: PLC0415

    try:
        statement = Path(arguments.sql_file).read_text(encoding="utf-8")
    except OSError:
        raise ConfigError("--sql_file", "the file cannot be read", "check its path", arguments.sql_file) from None
    columns, rows = query(workspace_of(arguments), statement, parameters=dict(map(parameter, arguments.parameter)))
    if arguments.format == "json":
        write_json(columns, rows, sys.stdout)
    elif arguments.format == "csv":
        write_csv(columns, rows, sys.stdout)
    else:
        render(columns, rows)
    return 0


def _answers(arguments: argparse.Namespace) -> int:
    from pipeline.local.answers import Chosen, answers, render  # noqa: PLC0415

    named = {f"--{name}": value for name in ("instance", "operation", "patient") if (value := getattr(arguments, name))}
    chosen = next((Chosen(option, value) for option, value in named.items()), None)
    render(answers(workspace_of(arguments), chosen))
    return 0


def _views(arguments: argparse.Namespace) -> int:
    from pipeline.graph import utc_now  # noqa: PLC0415
    from transforms.bigquery.operation import TableTarget  # noqa: PLC0415
    from transforms.bigquery.schema import Schema  # noqa: PLC0415
    from transforms.bigquery.views import create_views  # noqa: PLC0415

    target = TableTarget(arguments.bigquery_table, Schema(arguments.bigquery_schema), arguments.bigquery_endpoint)
    if arguments.print:
        print(";\n\n".join(create_views(target.table, target.schema).values()) + ";")
    else:
        print(f"made: {', '.join(target.loader(utc_now).make_views())}", file=sys.stderr)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from pipeline.report.page import report  # noqa: PLC0415

    report(workspace_of(arguments), arguments.output, arguments.gallery, arguments.show_quotes)
    return 0


def _which(arguments: argparse.Namespace) -> int:
    from transforms.read.sources import resolve  # noqa: PLC0415

    uri = resolve(workspace_of(arguments), arguments.reference)
    if uri is None:
        print("dicom-deid: no source of this workspace has that reference", file=sys.stderr)
        return 1
    print(uri)
    return 0


if __name__ == "__main__":
    entry()
