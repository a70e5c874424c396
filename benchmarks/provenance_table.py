"""How fast Provenance becomes rows, how fast these are loaded into the local table, and how fast its views and the report answer.

    python benchmarks/provenance_table.py [--instances 10000] [--boxes 4] [--tags 30]

Builds the Provenance of so many instances by the pipeline's own builder, spools it, and prints a JSON line for each figure:
`marshal` (for 10,000 rows), `load` (a build of the tables for 10,000 instances, marshalling included), for each view that of
counting and adding up all its rows, and `report` and `gallery` (gathering and writing the page without and with a gallery, its
size, and how long Chromium, where it is installed, takes to open it, the quickest of five). Each published file is the same
image, two frames of random colours, which no JPEG makes small. All but the opening are seconds of CPU, which others on the machine
hardly disturb; little of it runs side by side. `--instances 250000 --tags 1` makes a million boxes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import examples
from pydicom.uid import ExplicitVRLittleEndian
from selenium import webdriver

from pipeline.local import sql, table
from pipeline.report.page import report
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
from transforms.write.paths import destination_path

START = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
NAME = OperationName("bench", f"{LOCAL_DATASET}/dicomStores/a", f"{LOCAL_DATASET}/dicomStores/b", LOCAL_FHIR_STORE)
VIEWS = {
    "ProvenanceInstances": "SELECT COUNT(*), SUM(Boxes), MAX(Seconds) FROM ProvenanceInstances",
    "ProvenanceBoxes": "SELECT COUNT(*), SUM(`Right` - `Left`), COUNT(DISTINCT Quote) FROM ProvenanceBoxes",
    "ProvenanceTags": "SELECT COUNT(*), SUM(Elements), COUNT(DISTINCT Action) FROM ProvenanceTags",
    "ProvenanceOperations": "SELECT COUNT(*), MAX(Started) FROM ProvenanceOperations",
}


LINKS = 50_000
"""To one file; a file system has its limit (ext4: 65,000)."""


def uids(number: int) -> InstanceUids:
    """The new ones of an instance, in a series of 500."""
    return InstanceUids("2.25.1", f"2.25.2{number // 500}", f"2.25.3{number}")


def instance(number: int, boxes: int, tags: int) -> WrittenInstance:
    """One instance with so many findings."""
    return WrittenInstance(
        ref=InstanceRef(f"{number:016x}", "/x", 9000),
        source=InstanceUids("1.2.3", "1.2.3.4", f"1.2.3.4.{number}"),
        target=uids(number),
        columns=640,
        rows=480,
        frames=2,
        structured_size=5321,
        tags=tuple(TagFinding(f"0010{tag:04X}", Action.REMOVED, "Matched ID: 00100010", original="Doe^John") for tag in range(tags)),
        boxes=tuple(BoxFinding(box % 2, 10, 20 * box, 110, 20 * box + 15, f"DOE {number}", 0.9) for box in range(boxes)),
        search=PixelSearch.FAST,
        started=START + dt.timedelta(seconds=number),
        recorded=START + dt.timedelta(seconds=number + 1),
    )


def publish(count: int, destination: Path) -> None:
    """A file for each instance: links to one image."""
    dataset = examples.rgb_color
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 480, 640, 2
    dataset.PixelData = np.random.default_rng(1).integers(0, 256, (2, 480, 640, 3), np.uint8).tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    destination.mkdir()
    image = destination / "image"
    dataset.save_as(image)
    for number in range(count):
        path = destination_path(str(destination), uids(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % LINKS == LINKS - 1:
            image = Path(shutil.copyfile(image, path))
        else:
            path.hardlink_to(image)


def opened(page: Path) -> int | None:
    """Milliseconds until the page is there with all it has, in headless Chromium; None where that is not installed."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        return min(_open(browser, page) for _ in range(5))
    finally:
        browser.quit()


def _open(browser: webdriver.Chrome, page: Path) -> int:
    browser.get(page.as_uri())
    return int(browser.execute_script("const t = performance.timing; return t.loadEventEnd - t.navigationStart"))


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
    begun = time.process_time()
    for _ in range(5):
        for resource in sample:
            provenance_row(resource, "2026-03-01T09:30:00.000Z")
    say(figure="marshal", seconds_per_10000=round((time.process_time() - begun) * 10, 2), boxes=boxes, tags=tags)
    write_entries(
        operation.spool, ((f"{number:016x}", {"provenance": builder.build(instance(number, boxes, tags))}) for number in range(instances))
    )
    begun = time.process_time()
    table.build(workspace)
    seconds = time.process_time() - begun
    size = workspace.table_database.stat().st_size
    say(figure="load", seconds_per_10000=round(seconds * 10_000 / instances, 2), instances=instances, megabytes=round(size / 1e6, 1))
    for view, question in VIEWS.items():
        begun = time.process_time()
        _, rows = sql.query(workspace, question)
        say(figure=view, seconds=round(time.process_time() - begun, 2), rows=rows[0][0])
    destination, page = Path(folder).with_name("destination"), Path(folder).with_name("report.html")
    publish(instances, destination)
    replace(operation.destination_file, str(destination).encode())
    for figure in ("report", "gallery"):
        begun = time.process_time()
        report(workspace, str(page), pictures=figure == "gallery")
        seconds = round(time.process_time() - begun, 2)
        say(figure=figure, seconds=seconds, megabytes=round(page.stat().st_size / 1e6, 2), milliseconds_to_open=opened(page))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("--instances", 10_000), ("--boxes", 4), ("--tags", 30)):
        parser.add_argument(option, type=int, default=default)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        measure(chosen.instances, chosen.boxes, chosen.tags, str(Path(place, "workspace")))
