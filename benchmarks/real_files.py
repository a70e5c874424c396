"""What becomes of every file that pydicom and pydicom-data ship, as the tables of README.md.

    PYTHONPATH=. python benchmarks/real_files.py [any option of a run, such as --text_search strict]

They go through a run as they are, the broken and the foreign too, without a config.
"""

from __future__ import annotations

import collections
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
from pydicom.uid import UID

from transforms.model import spool
from transforms.model.workspace import OperationFolder, Workspace

COLUMNS = ("written", "with pixels", "with text found", "boxes", "elements changed")


class Published(NamedTuple):
    """What the Provenance of one instance says."""

    syntax: str
    """Of the source, as its file meta information states it."""
    has_pixels: bool
    boxes: int
    elements: int


def gather(folder: Path) -> None:
    """Copy all test files of both packages."""
    for package in ("pydicom", "data_store"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed: pip install -r tests/requirements.txt")
        ignored = shutil.ignore_patterns("*.py", "__pycache__", "*.pyc")
        shutil.copytree(Path(spec.origin).parent / "data", folder / package, ignore=ignored)


def published(operation: OperationFolder) -> Iterator[Published]:
    """Every instance with a Provenance."""
    files = {entry["reference"]: entry["uri"] for entry in spool.read_all(operation.sources)}
    for entry in spool.read_all(operation.spool):
        source = entry["provenance"]["entity"][0]
        boxes = [box for images in children(source, "dicom-images") for box in children(images, "frame-index")]
        elements = [tag for tags in children(source, "dicom-tags") for tag in children(tags, "tag-id")]
        yield Published(syntax_of(Path(files[entry["reference"]])), bool(children(source, "WIDTH")), len(boxes), len(elements))


def children(element: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The extensions of that name."""
    return [one for one in element.get("extension", ()) if one["url"].rpartition("/")[2] == name]


def syntax_of(path: Path) -> str:
    """The name of a file's transfer syntax."""
    stated = pydicom.dcmread(path, force=True, specific_tags=[]).file_meta.get("TransferSyntaxUID")
    return UID(stated).name.split(",")[0].split(":")[0] if stated else "none stated (no file meta)"


def table(instances: list[Published]) -> list[str]:
    """A row a transfer syntax, those with most instances first."""
    rows = collections.defaultdict(list)
    for one in instances:
        rows[one.syntax].append(one)
    lines = [f"| transfer syntax of the source | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for syntax, some in sorted(rows.items(), key=lambda row: (-len(row[1]), row[0])):
        counts = (len(some), sum(one.has_pixels for one in some), sum(one.boxes > 0 for one in some))
        sums = (sum(one.boxes for one in some), sum(one.elements for one in some))
        lines.append(f"| {syntax} | {' | '.join(f'{number:,}' for number in (*counts, *sums))} |")
    return lines


def main() -> None:
    """Print the counts of a run and the tables."""
    with tempfile.TemporaryDirectory() as folder:
        source, workspace = Path(folder, "source"), Path(folder, "workspace")
        gather(source)
        places = ["--source", str(source), "--destination", f"{folder}/destination", "--workspace", str(workspace)]
        command = [sys.executable, "-m", "pipeline.main", *places, "--on_uid_collision=distinct", *sys.argv[1:]]
        subprocess.run(command, check=False)  # noqa: S603 - our own program; it ends with 1, since some files are broken
        (state,) = (workspace / "operations").glob("*.json")
        print("\n".join(table(list(published(Workspace(str(workspace)).operation(state.stem))))))
        outcomes = [json.loads(line) for line in (workspace / "outcomes.ndjson").read_text().splitlines()]
        kinds = collections.Counter(f"{one['outcome']} `{one['code']}`" for one in outcomes)
        print("\n".join(["", "| not written | files |", "|---|---|", *(f"| {kind} | {number} |" for kind, number in kinds.most_common())]))


if __name__ == "__main__":
    main()
