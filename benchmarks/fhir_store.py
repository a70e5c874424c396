"""How fast the embedded FHIR store writes, indexes and searches, over resources of the shape that a run writes.

    python benchmarks/fhir_store.py [--resources 100000] [--keep FILE.sqlite]

Builds Provenance by the pipeline's own builder (BOXES boxes in two frames and TAGS changed elements each), writes them into one
store in bundles of 100 by the code behind `executeBundle`, and searches. Prints a JSON line for each figure:

- `write`: resources a second, the page's two search parameters in force;
- `index`: seconds to put one more parameter in force, a plain one and one of every finding;
- `search`: milliseconds of the first page of a query, the median of REPEATS, and how many resources it finds; without HTTP.

`--keep` leaves the database there, and uses it if it is there already.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.local import fhir_bundle, fhir_search
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.quota import WriteQuota
from pipeline.local.search import install
from transforms.fhir.parameters import OURS, search_parameters
from transforms.model.keys import Secret
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

BOXES, TAGS, BUNDLE, REPEATS = 4, 30, 100, 7
STORE = LOCAL_FHIR_STORE
START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
QUERIES = (
    "",
    "_id={id}",
    "lookup-source-instance:contains=studies/1.2.840.3.7/series/1.2.840.3.7.1/instances/{uid}",
    "lookup-source-instance:contains=instances/{uid}",
    "lookup-source-instance:contains=studies",
    "lookup-source-instance=projects/local",
    "relative-x-coordinate-bottom-left=le0.05",
    "relative-x-coordinate-bottom-left=le0.0001",
    "relative-x-coordinate-bottom-left:missing=true",
    "recorded=ge2026-03-01T09:30&recorded=lt2026-03-01T09:31",
    "agent:identifier={agent}",
    "_sort=-recorded",
    "_sort=-relative-x-coordinate-bottom-left&_total=none",
    "deid-relative-left=le0.01",
    "deid-tag=00100010",
)


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--resources", type=int, default=100_000)
    arguments.add_argument("--keep", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file: Path = given.keep or Path(folder, "fhir.sqlite")
        filled = file.exists()
        database = FhirDatabase(file)
        if not filled:
            fill(database, given.resources)
            show("file", megabytes=round(file.stat().st_size / 1e6))
        for code in ("deid-relative-left", "deid-tag"):
            with timed() as seconds:
                install(database, STORE, {OURS + code})
            show("index", parameter=code, seconds=round(seconds(), 1))
        search(database, given.resources)


def fill(database: FhirDatabase, count: int) -> None:
    """Write `count` resources."""
    install(database, STORE, {url for url in search_parameters() if not url.startswith(OURS)})
    writing, size = 0.0, 0
    for first in range(0, count, BUNDLE):
        made = [resource(number) for number in range(first, min(first + BUNDLE, count))]
        size += len(json.dumps(made[0], separators=(",", ":")))
        entries = [{"request": {"method": "PUT", "url": f"Provenance/{one['id']}"}, "resource": one} for one in made]
        with timed() as seconds:
            fhir_bundle.execute(
                database, WriteQuota(None), STORE, "http://h", {"resourceType": "Bundle", "type": "batch", "entry": entries}
            )
        writing += seconds()
    bytes_each = round(size / (count / BUNDLE))
    show("write", resources=count, bytes_each=bytes_each, seconds=round(writing, 1), per_second=round(count / writing))


def search(database: FhirDatabase, count: int) -> None:
    """Time each query."""
    one = resource(count // 2)
    uid = one["entity"][0]["what"]["identifier"]["value"].rpartition("/")[2]
    agent = one["agent"][0]["who"]["identifier"]["value"]
    for template in QUERIES:
        items = urllib.parse.parse_qsl(template.format(id=one["id"], uid=uid, agent=agent))
        taken = []
        for _ in range(REPEATS):
            with timed() as seconds, database.read(STORE) as reader:
                found = fhir_search.search(reader, "Provenance", items, "http://h", strict=True)
            taken.append(seconds())
        show("search", query=template, found=found.get("total"), milliseconds=round(1000 * statistics.median(taken), 1))


def resource(number: int) -> dict[str, Any]:
    """The Provenance of instance `number`: every tenth has no pixels with text."""
    source = InstanceUids(f"1.2.840.3.{number % 997}", f"1.2.840.3.{number % 997}.1", f"1.2.840.113619.2.{number}")
    target = InstanceUids(f"2.25.{number % 997}", f"2.25.1{number % 997}", f"2.25.9{number}")
    boxes = [
        BoxFinding(
            place % 2,
            10 + number % 600,
            1 + (number * 7 + place) % 450,
            20 + number % 600,
            24 + (number * 7 + place) % 450,
            "DOE JOHN",
            0.875,
        )
        for place in range(BOXES if number % 10 else 0)
    ]
    tags = [
        TagFinding(f"0010{tag:04x}", Action.REMOVED, f"Matched ID: 0010{tag:04x} (Basic X, 2026d)", original="x" * 12)
        for tag in range(TAGS)
    ]
    at = START + dt.timedelta(milliseconds=100 * number)
    ref = InstanceRef(f"{number:016x}", "x", 9000)
    return BUILDER.build(WrittenInstance(ref, source, target, 640, 480, 2, 5321, tuple(tags), tuple(boxes), PixelSearch.FAST, at, at))


@contextlib.contextmanager
def timed() -> Iterator[Any]:
    """A function that says how many seconds the block took."""
    start, taken = time.perf_counter(), [0.0]
    yield lambda: taken[0]
    taken[0] = time.perf_counter() - start


def show(figure: str, **values: Any) -> None:
    """One line of the output."""
    print(json.dumps({"figure": figure, **values}), flush=True)


BUILDER = ProvenanceBuilder(
    OperationName("bench", f"{LOCAL_DATASET}/dicomStores/aaaa", f"{LOCAL_DATASET}/dicomStores/bbbb", STORE),
    Secret(b"k" * 32),
    Phi.INCLUDE,
    Shape.GOOGLE,
)

if __name__ == "__main__":
    sys.exit(main())
