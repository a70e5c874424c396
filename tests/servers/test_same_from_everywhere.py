"""The same 50 real instances from a folder, from DICOM stores and from Cloud Storage: the same bytes, findings and outcomes."""

import collections
import importlib.util
import json
from pathlib import Path

import pydicom
import pytest
import requests

from pipeline.main import main
from transforms.model import spool
from transforms.model.storage import create_if_absent, list_files, read_bytes
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "storage")

INSTANCES = 50
MOST_BYTES = 600_000
NO_TEXT = {
    "dicomTagConfig": {
        "profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
        "options": {"cleanImage": {"textRedactionMode": "REDACT_NO_TEXT"}},
    }
}
"""What is found in pixels does not depend on where they come from, and takes minutes; test_dicom_stores searches some."""


@pytest.fixture
def everywhere(stores, bucket, tmp_path):
    """The same instances in a folder, in the source store and in a bucket."""
    known, shipped = set(), [Path(importlib.util.find_spec(package).origin).parent for package in ("pydicom", "data_store")]
    for path in (path for folder in shipped for path in sorted(folder.rglob("*.dcm"))):
        content = path.read_bytes()
        uid = pydicom.dcmread(path, force=True, stop_before_pixels=True).get("SOPInstanceUID")
        if len(known) == INSTANCES or len(content) > MOST_BYTES or not uid or uid in known:
            continue
        try:
            stores.source.put(content)
        except requests.HTTPError:
            continue  # Orthanc takes no file without a preamble, and no broken one
        known.add(uid)
        create_if_absent(str(tmp_path / "source" / f"{uid}.dcm"), content)
        create_if_absent(f"{bucket}/source/{uid}.dcm", content)
    assert len(known) == INSTANCES
    return known


def told(workspace):
    """The Provenance of each published instance by the name it has now, without names of stores, ids and times."""
    (state,) = (workspace / "operations").glob("*.json")
    found = {}
    for entry in spool.read_all(Workspace(str(workspace)).operation(state.stem).spool):
        resource = entry["provenance"]
        for varying in ("id", "recorded", "occurredPeriod", "agent"):
            resource.pop(varying, None)
        target = resource["target"][0]["identifier"].pop("value")
        resource["entity"][0]["what"]["identifier"].pop("value")
        found[target.rpartition("/")[2]] = json.dumps(resource, sort_keys=True)
    return found


def outcomes(workspace):
    file = workspace / "outcomes.ndjson"
    lines = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    return collections.Counter((line["outcome"], line["stage"], line["code"]) for line in lines)


def test_the_same_from_everywhere(everywhere, stores, bucket, tmp_path, key_uri):
    def run(source, destination, name):
        places = {"source": source, "destination": destination, "workspace": tmp_path / name, "config": json.dumps(NO_TEXT)}
        return main([*(f"--{option}={at}" for option, at in places.items()), f"--key_uri={key_uri}", "--allow_identifiable"])

    codes = {
        run(tmp_path / "source", tmp_path / "out", "of-files"),
        run(stores.source.url, stores.destination.url, "of-stores"),
        run(f"{bucket}/source", f"{bucket}/out", "of-objects"),
    }
    assert len(codes) == 1
    published = {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    assert len(published) > 0.8 * INSTANCES
    assert stores.destination.contents() == published
    assert {name.rpartition("/")[2][:-4]: read_bytes(name) for name, _ in list_files(f"{bucket}/out")} == published
    assert told(tmp_path / "of-files") == told(tmp_path / "of-stores") == told(tmp_path / "of-objects")
    assert told(tmp_path / "of-files").keys() == published.keys()
    assert outcomes(tmp_path / "of-files") == outcomes(tmp_path / "of-stores") == outcomes(tmp_path / "of-objects")
