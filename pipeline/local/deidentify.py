"""`projects.locations.datasets.dicomStores.deidentify` of the local server: each call is an operation, run by a process of its own.

Operations run one after the other, since a workspace takes one run at a time. What was asked for is kept in the operation's
folder until it is done, so that a server that was stopped or killed goes on with it when it is started again. A run ends with the
server that started it (`served_run`), and the next server waits for that end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import logging
import queue
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.delivery import Delivery
from pipeline.lock import AT_WORK, is_held
from pipeline.operation import Operation
from pipeline.operation_row import CANCELLED
from pipeline.request import config_asked
from pipeline.retry import forget_words
from transforms.model.config import parse_request
from transforms.model.dicom_store import store_at
from transforms.model.errors import ConfigError
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.places import listed
from transforms.model.resolve import crypto_keys
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder, Workspace

log = logging.getLogger(__name__)

_STOP_SECONDS = 60
"""In which a run that is interrupted comes to its end."""
_GLANCE_SECONDS = 0.5


@dataclasses.dataclass
class _Running:
    operation_id: str
    process: subprocess.Popen[bytes]


class Deidentifier:
    """Starts runs. `stores` has the DICOMweb URL of each store by its `projects/…` name.

    `endpoint` and `token_file` (None: it wants no token) are those of this server, whose FHIR stores a run writes to; `options` go to
    every run.
    """

    def __init__(
        self, workspace: Workspace, stores: Mapping[str, str], endpoint: str, token_file: str | None, options: Sequence[str]
    ) -> None:
        for name, url in stores.items():
            if not url.startswith(("http://", "https://")) or store_at("--dicom_store", url, None).name != name:
                why = "it is NAME=URL, and the URL ends with the name, so that instances are named by it"
                raise ConfigError("--dicom_store", why, "write projects/…/dicomStores/S=http://HOST/…/projects/…/dicomStores/S", name)
        self._workspace, self._stores, self._endpoint, self._options = workspace, stores, endpoint, options
        self._own = [f"--healthcare_endpoint={endpoint}", *([f"--fhir_token_uri=file:{token_file}"] if token_file else [])]
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopping = False
        self._running: _Running | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Run what is asked for during the block, beginning with what an earlier server left undone; then interrupt the run at work.

        It, and what waits then, is left for the next server.
        """
        left = [file.parent.name for file in listed(self._workspace.operations, "*/request.json")]
        for operation_id in sorted(left, key=lambda one: self._asked(one).get("time", "")):
            self._waiting.put(operation_id)
        self._thread.start()
        try:
            yield
        finally:
            self._stopping = True
            self._waiting.put(None)
            with self._lock:
                if self._running is not None:
                    self._running.process.send_signal(signal.SIGINT)
            self._thread.join(_STOP_SECONDS)

    def deidentify(self, source: str, body: str, now: dt.datetime) -> dict[str, Any]:
        """The operation that de-identifies a store as a DeidentifyDicomStoreRequest asks. Raises ConfigError."""
        request = parse_request(body)
        config, origin = config_asked(request)
        if any(crypto_keys(config)):
            raise ConfigError(
                "request.gcsConfigUri" if origin else "request.config",
                "a key may not come in a request to a server",
                "wrap it by Cloud KMS",
            )
        for at, store in (("source store", source), ("request.destinationStore", request.destination_store)):
            if store not in self._stores:
                raise ConfigError(at, "this server knows no such DICOM store", "start it with --dicom_store NAME=URL", store)
        source_base, destination_base = (store_at("", self._stores[store], None).base for store in (source, request.destination_store))
        name = OperationName(f"deid-{secrets.token_hex(8)}", source_base, destination_base, config.fhir_store or LOCAL_FHIR_STORE)
        operation = Operation(name, self._workspace)
        body = _of_that_version(body, origin)
        asked = {"source": source, "destination": request.destination_store, "name": dataclasses.asdict(name), "request": body}
        asked["time"] = now.isoformat()
        self._keep(name.operation_id, asked)
        operation.begin(now)
        self._waiting.put(name.operation_id)
        return operation.state() or {}

    def cancel(self, operation_id: str, now: dt.datetime) -> None:
        """Stop an operation of ours that is not done; what it published stays. Nothing for any other."""
        with self._lock:
            if not self._workspace.operation(operation_id).request_file.exists() or self._has_answer(operation_id):
                return
            replace(self._workspace.operation(operation_id).cancelled_file, b"")
            if self._running is not None and self._running.operation_id == operation_id:
                self._running.process.send_signal(signal.SIGINT)
            else:
                self._close(operation_id, "cancelled before it began", now, CANCELLED)

    def _work(self) -> None:
        while (operation_id := self._waiting.get()) is not None and not self._stopping:
            try:
                while self._run(operation_id):
                    pass
            except Exception as error:  # noqa: BLE001 - whatever befell this one, those that wait have their turn
                log.error("an operation could not be run (%s)", type(error).__name__)
                with self._lock, contextlib.suppress(OSError):
                    self._running = None
                    self._close(operation_id, f"the server could not run it ({type(error).__name__})", dt.datetime.now(dt.UTC))

    def _run(self, operation_id: str) -> bool:
        """Run an operation when nobody is at work in the workspace; whether somebody began while it started, so that it is to run again."""
        while is_held(self._workspace) and not self._stopping:  # by a run of an earlier server, say, that ends just now
            time.sleep(_GLANCE_SECONDS)
        with self._lock:
            if self._stopping or not self._workspace.operation(operation_id).request_file.exists():
                return False
            if self._workspace.operation(operation_id).is_cancelled():  # when the server was killed
                self._close(operation_id, "cancelled", dt.datetime.now(dt.UTC), CANCELLED)
                return False
            if {self._asked(operation_id)[which] for which in ("source", "destination")} - self._stores.keys():
                why = "the server was started again without a DICOM store of this operation; ask anew where it is known"
                self._close(operation_id, why, dt.datetime.now(dt.UTC))
                return False
            self._operation(operation_id).begin(dt.datetime.now(dt.UTC))
            command = [sys.executable, "-m", "pipeline.local.served_run", *self._arguments(operation_id)]
            # A session of its own, so that Ctrl-C leaves it to us to stop it.
            process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
            )
            self._running = _Running(operation_id, process)
        errors = _ended(process)
        with self._lock:  # whoever cancels it now finds it closed
            self._running = None
            return self._settle(operation_id, errors)

    def _settle(self, operation_id: str, errors: bytes) -> bool:
        """Say how a run ended, where it did not do so itself; whether it was refused only since another is at work."""
        self._forget_server(self._workspace.operation(operation_id))
        now = dt.datetime.now(dt.UTC)
        if self._workspace.operation(operation_id).is_cancelled():
            self._close(operation_id, "cancelled; the same request again goes on", now, CANCELLED)
            return False
        if self._stopping and not self._has_answer(operation_id):
            return False  # the next server goes on
        said = [line for line in errors.decode(errors="replace").splitlines() if line.startswith("dicom-deid: ")]
        why = (said or ["the run ended without a word"])[-1].removeprefix("dicom-deid: ")
        if why.startswith(f"--workspace: {AT_WORK}"):
            return True
        self._close(operation_id, why, now)
        return False

    def _arguments(self, operation_id: str) -> list[str]:
        asked = self._asked(operation_id)
        folder = self._workspace.operation(operation_id)
        replace(folder.request_body, asked["request"].encode())
        given = {
            "source": self._stores[asked["source"]],
            "destination": self._stores[asked["destination"]],
            "request": str(folder.request_body),
            "workspace": self._workspace.root,
            "operation_id": operation_id,
        }
        return [*(f"--{name}={value}" for name, value in given.items()), *self._own, *self._options]

    def _forget_server(self, folder: OperationFolder) -> None:
        """Later commands reach the workspace's store themselves: we may not be there, or not under this address."""
        forget_words(folder, self._own)
        with contextlib.suppress(ConfigError):  # no run came so far
            Delivery.load(folder).without_server(self._endpoint).save(folder)

    def _operation(self, operation_id: str) -> Operation:
        return Operation(OperationName(**self._asked(operation_id)["name"]), self._workspace)

    def _has_answer(self, operation_id: str) -> bool:
        """Whether its run came to its end, but for the tables perhaps."""
        return "response" in (self._operation(operation_id).state() or {})

    def _keep(self, operation_id: str, asked: dict[str, Any]) -> None:
        replace(self._workspace.operation(operation_id).request_file, json.dumps(asked).encode())

    def _asked(self, operation_id: str) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads(self._workspace.operation(operation_id).request_file.read_bytes())
        return asked

    def _close(self, operation_id: str, why: str, now: dt.datetime, code: int | None = None) -> None:
        """The operation is over; where its run did not say how, it failed."""
        operation = self._operation(operation_id)
        state = operation.state()
        if state is None or not state["done"]:
            operation.fail(why, now, *([code] if code else []))
        with contextlib.suppress(OSError):
            remove(operation.folder.request_file)
            remove(operation.folder.cancelled_file)


def _of_that_version(body: str, origin: str) -> str:
    """A request that names the version of its config that was looked at; the object may be another one when the run reads it."""
    uri, _, _ = origin.partition(" ")
    return json.dumps(json.loads(body) | {"gcsConfigUri": uri}) if origin else body


def _ended(process: subprocess.Popen[bytes]) -> bytes:
    """What a process said on standard error, once it has ended; its standard input stays open until then."""
    assert process.stdin is not None
    assert process.stderr is not None
    with process.stdin, process.stderr:
        errors = process.stderr.read()
        process.wait()
    return errors
