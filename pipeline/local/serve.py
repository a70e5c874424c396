"""Serves the embedded FHIR store in this process; `store_process` has it in one beside a run.

Loopback only unless a token is set. No access log: a query can hold PHI.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn

from pipeline.local import fhir_configure
from pipeline.local.fhir_call import Service
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.fhir_server import application
from pipeline.local.quota import WriteQuota
from transforms.model.endpoints import is_loopback
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.workspace import Workspace

_STOP_SECONDS = 10


def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 0,
    token_file: str | None = None,
    write_ops_per_minute: int | None = None,
    stop_with_stdin: bool = False,
    dicom_stores: Mapping[str, str] | None = None,
    run_options: Sequence[str] = (),
) -> None:
    """Serve the FHIR stores and operations of a workspace until SIGINT or SIGTERM. Port 0 takes a free one.

    `dicom_stores` has the DICOMweb URL of each store that may be de-identified, by its name; `run_options` go to every run.

    Prints the base URL as its first line, when the port accepts connections. `stop_with_stdin` also stops it at the end of
    standard input, so that it never outlives the process that started it. Raises ConfigError (`--host`, `--port`, `--token_file`).
    """
    token = _token(token_file)
    if token is None and not is_loopback(host):
        raise ConfigError("--host", "without a token only the loopback address is served", "add --token_file or use 127.0.0.1", host)
    file = workspace.fhir_database
    if not isinstance(file, Path):
        raise ConfigError("--workspace", "only a workspace on this machine has a FHIR store of its own", "name a folder")
    workspace.make()
    database = FhirDatabase(file)
    with _listen(host, port) as listener:
        deidentifier = None
        if not stop_with_stdin:
            from pipeline.local.deidentify import Deidentifier  # noqa: PLC0415 - a run's own store starts no others, and does without Beam

            deidentifier = Deidentifier(workspace, dicom_stores or {}, f"{_url(listener)}/v1beta1", token_file, run_options)
        app = application(Service(workspace, database, WriteQuota(write_ops_per_minute), deidentifier), token)
        for store, operation in fhir_configure.unfinished(database):
            threading.Thread(target=fhir_configure.reindex, args=(database, store, operation), daemon=True).start()
        config = uvicorn.Config(
            app, access_log=False, log_level="warning", lifespan="off", server_header=False, timeout_graceful_shutdown=_STOP_SECONDS
        )
        server = uvicorn.Server(config)
        if stop_with_stdin:
            threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        print(_url(listener), flush=True)
        with deidentifier.at_work() if deidentifier else contextlib.nullcontext():
            server.run(sockets=[listener])


def main(arguments: list[str] | None = None) -> None:
    """`python -m pipeline.local.serve`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token_file")
    parser.add_argument("--write_ops_per_minute", type=int)
    parser.add_argument("--stop_with_stdin", action="store_true")
    given = vars(parser.parse_args(arguments))
    try:
        serve(Workspace(given.pop("workspace")), **given)
    except (ConfigError, PreflightError) as error:
        sys.exit(f"dicom-deid: {error}")


def _token(token_file: str | None) -> str | None:
    if token_file is None:
        return None
    try:
        token = Path(token_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError("--token_file", "the file cannot be read as text", "check its path and permissions") from None
    if not token:
        raise ConfigError("--token_file", "the file is empty", "put a token in it, such as: openssl rand -hex 32")
    return token


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError:
        raise ConfigError("--port", "the address cannot be listened on", "choose a free port, or 0 for any", str(port)) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
