"""How fast Provenance becomes rows, how fast these are loaded into the local table, and how fast its views answer.

    python benchmarks/provenance_table.py [--instances 10000] [--boxes 4] [--tags 30]

Builds the Provenance of so many instances by the pipeline's own builder, spools it, and prints a JSON line for each figure:
`marshal` (seconds for 10,000 rows), `load` (seconds of a build of the tables for 10,000 instances, marshalling included), and
for each view the seconds of counting and adding up all its rows. `--instances 250000 --tags 1` makes a million boxes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from pipeline.local import sql, table
from transforms.bigquery.marshal import provenance_row
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import Secret
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.model.spool import write_entries
from transforms.model.storage import replace
from transforms.model.workspace import Workspace
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.operation import operation_provenance
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
NAME = OperationName("bench", f"{LOCAL_DATASET}/dicomStores/a", f"{LOCAL_DATASET}/dicomStores/b", LOCAL_FHIR_STORE)
VIEWS = {
    "ProvenanceInstances": "SELECT COUNT(*), SUM(Boxes), MAX(Seconds) FROM ProvenanceInstances",
    "ProvenanceBoxes": "SELECT COUNT(*), SUM(`Right` - `Left`), COUNT(DISTINCT Quote) FROM ProvenanceBoxes",
    "ProvenanceTags": "SELECT COUNT(*), SUM(Elements), COUNT(DISTINCT Action) FROM ProvenanceTags",
    "ProvenanceOperations": "SELECT COUNT(*), MAX(Started) FROM ProvenanceOperations",
}


def instance(number: int, boxes: int, tags: int) -> WrittenInstance:
    """One instance with so many findings."""
    return WrittenInstance(
        ref=InstanceRef(f"{number:016x}", "/x", 9000),
        source=InstanceUids("1.2.3", "1.2.3.4", f"1.2.3.4.{number}"),
        target=InstanceUids("2.25.1", "2.25.2", f"2.25.3.{number}"),
        columns=640,
        rows=480,
        frames=2,
        structured_size=5321,
        tags=tuple(TagFinding(f"0010{tag:04X}", Action.REMOVED, "Matched ID: 00100010", original="Doe^John") for tag in range(tags)),
        boxes=tuple(BoxFinding(box % 2, 10, 20 * box, 110, 20 * box + 15, f"DOE {number}", 0.9) for box in range(boxes)),
        search=PixelSearch.NAIVE,
        started=START + dt.timedelta(seconds=number),
        recorded=START + dt.timedelta(seconds=number + 1),
    )


def say(**figure: Any) -> None:
    """One figure."""
    print(json.dumps(figure), flush=True)


def measure(instances: int, boxes: int, tags: int, folder: str) -> None:
    """Fill a workspace, and print all figures."""
    workspace = Workspace(folder)
    operation = workspace.operation("bench")
    builder = ProvenanceBuilder(NAME, Secret(b"\x6b" * 32), Phi.INCLUDE, Shape.GOOGLE)
    replace(operation.provenance_file, json.dumps(operation_provenance(NAME, SAFE_CONFIG.to_json(), START, START)).encode())
    sample = [builder.build(instance(number, boxes, tags)) for number in range(200)]
    begun = time.perf_counter()
    for _ in range(5):
        for resource in sample:
            provenance_row(resource, "2026-03-01T09:30:00.000Z")
    say(figure="marshal", seconds_per_10000=round((time.perf_counter() - begun) * 10, 2), boxes=boxes, tags=tags)
    write_entries(
        operation.spool, ((f"{number:016x}", {"provenance": builder.build(instance(number, boxes, tags))}) for number in range(instances))
    )
    begun = time.perf_counter()
    table.build(workspace)
    seconds = time.perf_counter() - begun
    size = workspace.table_database.stat().st_size
    say(figure="load", seconds_per_10000=round(seconds * 10_000 / instances, 2), instances=instances, megabytes=round(size / 1e6, 1))
    for view, question in VIEWS.items():
        begun = time.perf_counter()
        _, rows = sql.query(workspace, question)
        say(figure=view, seconds=round(time.perf_counter() - begun, 2), rows=rows[0][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("--instances", 10_000), ("--boxes", 4), ("--tags", 30)):
        parser.add_argument(option, type=int, default=default)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(chosen.instances, chosen.boxes, chosen.tags, str(Path(place, "workspace")))
