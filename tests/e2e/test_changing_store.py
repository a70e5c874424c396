"""What a store made of an instance has no Provenance, and each run says so for as long as it stands there."""

import http.server
import io
import json
import shutil
import types

import pydicom
import pytest
from on_loopback import Answering, listening

from pipeline.main import main

NAME = "projects/p/locations/l/datasets/d/dicomStores/s"


@pytest.fixture(params=[False, True], ids=["silent", "warns"])
def store(request):
    """What it `kept`; whether it `changes` what it is given, and says so. It has no DELETE."""
    return types.SimpleNamespace(kept={}, changes=True, warns=request.param)


@pytest.fixture
def url(store):
    """The name of the store on its server."""

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.partition("?")[0].endswith("/studies"):
                return self.answer(200, b"[]", "application/dicom+json")
            found = store.kept.get(self.path.rpartition("/instances/")[2])
            return self.answer(200 if found else 404, found or b"", "application/dicom")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith(":testIamPermissions"):
                return self.answer(404, b"")
            dataset = pydicom.dcmread(io.BytesIO(body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]))
            if store.changes:
                dataset.InstitutionName = "COERCED"
            made = io.BytesIO()
            dataset.save_as(made)
            store.kept[dataset.SOPInstanceUID] = made.getvalue()
            item = {"00081155": {"vr": "UI", "Value": [dataset.SOPInstanceUID]}}
            if store.changes and store.warns:
                item["00081196"] = {"vr": "US", "Value": [0xB000]}
            return self.answer(200, json.dumps({"00081199": {"vr": "SQ", "Value": [item]}}).encode(), "application/dicom+json")

        def do_DELETE(self):
            self.answer(405, b"")

    with listening(Handler) as at:
        yield f"{at}/v1/{NAME}"


def test_it_counts_as_unproven_until_it_is_removed_there(store, url, real_file, tmp_path, key_uri, capsys):
    (tmp_path / "source").mkdir()
    shutil.copy(real_file("rtplan.dcm"), tmp_path / "source")

    def run():
        places = {"source": tmp_path / "source", "destination": url, "workspace": tmp_path / "work"}
        code = main([*(f"--{name}={at}" for name, at in places.items()), f"--key_uri={key_uri}"])
        lines = map(json.loads, (tmp_path / "work" / "outcomes.ndjson").read_text().splitlines())
        return code, [line["code"] for line in lines], "without Provenance in the destination: 1 instances" in capsys.readouterr().out

    assert run() == (3, ["STORE_CHANGES"], True)
    assert run() == (3, ["DUPLICATE_INSTANCE"], True)
    store.kept.clear()
    store.changes = False
    assert run() == (0, [], False)
    assert len(store.kept) == 1
