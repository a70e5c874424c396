"""Fixtures of the embedded FHIR store: a database, and Provenance of the pipeline's own shape."""

import datetime as dt
import hashlib
import json
import urllib.parse
from pathlib import Path

import pytest

from pipeline.local import fhir_search
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.search import install
from pipeline.local.store_process import running_store
from transforms.model.workspace import Workspace

SEED_PAGE = Path(__file__).parents[3] / "seed_page"


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> str:
    return "projects/p/locations/l/datasets/d/fhirStores/f"


@pytest.fixture
def database(tmp_path: Path, clock: Clock) -> FhirDatabase:
    return FhirDatabase(tmp_path / "fhir.sqlite", clock)


@pytest.fixture
def seed_page():
    """A function from a file name of the source page's calls to its JSON."""
    return lambda name: json.loads((SEED_PAGE / name).read_bytes())


@pytest.fixture
def provenance():
    """A function that builds an instance's Provenance: one frame-index for each box, as DESIGN 9 has it."""

    def build(identity: str, instance: str = "3", bottoms: tuple[float, ...] = (), recorded: str = "2026-11-22T10:00:00.000Z", **more):
        boxes = [
            {
                "url": "frame-index",
                "valueDecimal": 0,
                "extension": [{"url": "left", "valueDecimal": 1}, {"url": "relative-bottom", "valueDecimal": one}],
            }
            for one in bottoms
        ]
        tag = {"url": "tag-id", "valueString": "00100010", "extension": [{"url": "deidentify-action", "valueString": "REMOVED"}]}
        extensions = [{"url": "https://g.co/dicom-tags", "extension": [tag]}]
        if boxes:
            extensions.insert(0, {"url": "https://g.co/dicom-images", "extension": boxes})
        path = f"dicomWeb/studies/1/series/2/instances/{instance}"
        return {
            "resourceType": "Provenance",
            "id": identity,
            "target": [{"identifier": {"value": f"projects/local/locations/local/datasets/local/dicomStores/bbbb/{path}"}}],
            "recorded": recorded,
            "agent": [{"who": {"identifier": {"value": "projects/local/fhirStores/provenance/fhir/Provenance/operation-1"}}}],
            "entity": [
                {
                    "role": "source",
                    "what": {"identifier": {"value": f"projects/local/locations/local/datasets/local/dicomStores/aaaa/{path}"}},
                    "extension": extensions,
                }
            ],
            **more,
        }

    return build


@pytest.fixture(scope="session")
def shared_workspace(tmp_path_factory) -> Workspace:
    return Workspace(str(tmp_path_factory.mktemp("served")))


@pytest.fixture(scope="session")
def server(shared_workspace):
    """The real server in a process of its own."""
    with running_store(shared_workspace, None) as url:
        yield url


@pytest.fixture
def base(server, request) -> str:
    """The URL of a store of the test's own."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    return f"{server}/v1beta1/projects/p/locations/l/datasets/d/fhirStores/{name}"


@pytest.fixture
def found(database, store):
    """A function from a query string to the ids of all matches in order."""

    def search(query: str, type_: str = "Provenance", strict: bool = True) -> list[str]:
        with database.read(store) as reader:
            bundle = fhir_search.search(reader, type_, urllib.parse.parse_qsl(query, keep_blank_values=True), "base", strict)
        ids = [entry["resource"]["id"] for entry in bundle.get("entry", ())]
        assert bundle["total"] == len(ids)
        return ids

    return search


@pytest.fixture
def filled(database, store, provenance, clock):
    resources = [
        provenance("a", "3", (0.05, 0.45), recorded="2010-11-08T08:39:24-04:00"),
        provenance(
            "b",
            "4",
            (),
            recorded="2010-11-08T08:39:25-04:00",
            occurredPeriod={"start": "2010-11-08T12:00:00Z", "end": "2010-11-08T13:00:00Z"},
        ),
        provenance("c", "40", (1,), recorded="2020-01-01T00:00:00Z", activity={"coding": [{"system": "s", "code": "x"}]}),
    ]
    for resource in resources:
        with database.write(store) as writer:
            writer.put("Provenance", resource["id"], resource)
        clock.advance(1)
    install(database, store, {"lookup-source-instance", "relative-x-coordinate-bottom-left"})
    return database
