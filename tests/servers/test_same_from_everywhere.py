"""The same 50 real instances from a folder, a DICOM store and Cloud Storage: the same bytes, findings (boxes too) and outcomes.

    python -m pytest tests/servers/test_same_from_everywhere.py --servers --every_engine -rP --timeout 7200

does it on Prism and Flink, too, from each kind of place to each, and tells how long each run took.
"""

import collections
import dataclasses
import importlib.util
import itertools
import json
import time
from pathlib import Path

import pydicom
import pytest
import requests
from dicomweb_client.web import DICOMwebClient
from fhir_servers import INSTALLED

from pipeline.main import main
from transforms.model import spool
from transforms.model.storage import create_if_absent, list_files, read_bytes
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "storage")

KINDS = ("folder", "store", "bucket")
INSTANCES = 50
WITH_TEXT = ("examples_rgb_color.dcm", "image_dfl.dcm", "MR_small.dcm")
"""A native ultrasound, a deflated image and a small one in whose noise text is seen; the others are the smallest files there are."""


@pytest.fixture
def everywhere(stores, bucket, tmp_path):
    """The same instances in a folder, in the source store and in a bucket."""
    known, shipped = set(), [Path(importlib.util.find_spec(package).origin).parent for package in ("pydicom", "data_store")]
    paths = sorted((path for folder in shipped for path in folder.rglob("*.dcm")), key=lambda path: (path.stat().st_size, path.name))
    for path in sorted(paths, key=lambda path: path.name not in WITH_TEXT):
        content = path.read_bytes()
        uid = pydicom.dcmread(path, force=True, stop_before_pixels=True).get("SOPInstanceUID")
        if not uid or uid in known:
            continue
        try:
            stores.source.put(content)
        except requests.HTTPError:
            continue  # Orthanc takes no file without a preamble, and no broken one
        known.add(uid)
        create_if_absent(str(tmp_path / "source" / f"{uid}.dcm"), content)
        create_if_absent(f"{bucket}/source/{uid}.dcm", content)
        if len(known) == INSTANCES:
            return known
    raise AssertionError(f"{len(known)} instances")


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


def retrieved(url):
    """What another DICOMweb client reads out of a store: the data sets by their instance UIDs."""
    client = DICOMwebClient(url)
    found = {}
    for study in client.search_for_studies(get_remaining=True):
        for dataset in client.retrieve_study(study["0020000D"]["Value"][0], media_types=(("application/dicom", "*"),)):
            found[dataset.SOPInstanceUID] = dataset
    return found


def outcomes(workspace):
    file = workspace / "outcomes.ndjson"
    lines = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    return collections.Counter((line["outcome"], line["stage"], line["code"]) for line in lines)


def pytest_generate_tests(metafunc):
    every = metafunc.config.getoption("--every_engine")
    others = [pytest.param(name, marks=pytest.mark.servers(name)) for name in ("prism", "flink")]
    metafunc.parametrize("engine", ["fnapi", *(others if every else [])])
    ways = list(itertools.product(KINDS, KINDS)) if every else list(zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True))
    metafunc.parametrize("pairs", [ways], ids=[f"{len(ways)} ways"])


@pytest.fixture
def on(engine, started):
    """The options that name an engine."""
    if engine == "flink":
        return "--runner=PortableRunner", f"--job_endpoint={started['flink'].endpoint}", "--environment_type=LOOPBACK"
    return ("--runner=PrismRunner", f"--prism_location={INSTALLED / 'prism' / 'prism'}") if engine == "prism" else ()


@dataclasses.dataclass
class Left:
    """What a run left: how it ended, files by their new UIDs, findings and outcomes."""

    code: int
    published: dict
    told: dict
    outcomes: collections.Counter


def test_the_same_from_everywhere(everywhere, engine, pairs, stores, bucket, tmp_path, key_uri, on):
    def run(source, destination):
        name = f"{source}-to-{destination}"
        sources = {"folder": tmp_path / "source", "bucket": f"{bucket}/source", "store": stores.source.url}
        destinations = {"folder": tmp_path / name, "bucket": f"{bucket}/{name}", "store": stores.destination.url}
        places = {"source": sources[source], "destination": destinations[destination], "workspace": tmp_path / f"of-{name}"}
        stores.destination.clear()
        start = time.monotonic()
        code = main([*(f"--{option}={at}" for option, at in places.items()), f"--key_uri={key_uri}", "--text_search=fast", *on])
        print(f"{engine}, {source} → {destination}: {time.monotonic() - start:.0f} s", flush=True)
        published = stores.destination.contents() if destination == "store" else files(str(destinations[destination]))
        return Left(code, published, told(places["workspace"]), outcomes(places["workspace"]))

    first, *others = (run(*pair) for pair in pairs)
    assert first.code == 1  # some are held or fail, and the counts reconcile
    assert len(first.published) > 0.8 * INSTANCES
    assert first.told.keys() == first.published.keys()
    assert sum('"frame-index"' in resource for resource in first.told.values()) >= len(WITH_TEXT)
    assert [pair for pair, other in zip(pairs[1:], others, strict=True) if other != first] == []


def files(destination):
    """By the UIDs that they are named by."""
    return {name.rpartition("/")[2].removesuffix(".dcm"): read_bytes(name) for name, _ in list_files(destination) if name.endswith(".dcm")}
