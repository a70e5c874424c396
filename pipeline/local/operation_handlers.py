"""Long-running operations (v1beta1 projects.locations.datasets.operations), and the call that starts a de-identification."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from pipeline.local import fhir_json
from pipeline.local.fhir_answer import json_answer
from pipeline.local.fhir_call import Call
from pipeline.local.fhir_resource import Refusal
from transforms.model.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.local.deidentify import Deidentifier


def deidentify(call: Call) -> Response:
    """POST {dataset}/dicomStores/ID:deidentify with a DeidentifyDicomStoreRequest: the operation, which has only begun."""
    source = f"{call.dataset}/dicomStores/{call.path['dicom_store']}"
    try:
        return json_answer(_deidentifier(call).deidentify(source, fhir_json.write(call.body), dt.datetime.now(dt.UTC)))
    except ConfigError as fault:
        raise Refusal(404 if fault.at == "source store" else 400, "invalid", str(fault)) from None


def operation(call: Call) -> Response:
    """GET {dataset}/operations/ID: of a search configuration, or of a de-identification in the workspace."""
    return json_answer(_operation(call))


def cancel(call: Call) -> Response:
    """POST {dataset}/operations/ID:cancel: an empty message; whether it was cancelled the operation says, when it is done."""
    _deidentifier(call).cancel(_operation(call)["name"].rpartition("/")[2], dt.datetime.now(dt.UTC))
    return json_answer({})


def _deidentifier(call: Call) -> Deidentifier:
    if call.service.deidentifier is None:
        raise Refusal(404, "not-supported", "the store beside a run starts and cancels nothing")
    return call.service.deidentifier


def _operation(call: Call) -> dict[str, Any]:
    name = f"{call.dataset}/operations/{call.path['operation']}"
    with call.service.database.read("") as reader:
        found = reader.operation(name)
    folder = call.service.workspace.operation(call.path["operation"])
    if found is None and folder.state_file.is_file():
        found = json.loads(folder.state_file.read_bytes())
        if "error" in found and folder.request_file.is_file():  # its run was interrupted with an earlier server; ours goes on
            found = {"name": found["name"], "metadata": found["metadata"], "done": False}
    if found is None or found.get("name") != name:
        raise Refusal(404, "not-found", "there is no such operation")
    return found
