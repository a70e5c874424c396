"""What Beam itself costs: the graph of a run by the runner, and the same stages called one after the other in a loop.

    PYTHONPATH=. python benchmarks/beam_cost.py [--instances 100] [--rounds 5]

Both go in turn over copies of real files, each an instance of its own, from a folder to a folder with Provenance to an embedded
store and a table. The loop takes the stages out of the very graph that is built for the runner. CPU is that of this process and of
its children; the least of all rounds counts, since other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pydicom
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.pvalue import TaggedOutput
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from pydicom.data import get_testdata_file

from pipeline import graph
from pipeline.cpu import cpu_seconds
from pipeline.local.store_process import running_store
from pipeline.operation import Operation
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import KeyReference, Purpose, make_key_file
from transforms.model.names import LOCAL_FHIR_STORE, OperationName, local_store
from transforms.model.quiet import quiet_libraries
from transforms.model.resolve import resolve
from transforms.model.workspace import Workspace
from transforms.pixels.redactor import redactor_of
from transforms.read.origin import Files
from transforms.write.destination import Folder

KINDS = {"tags only": "rtplan.dcm", "CT 128x128": "CT_small.dcm"}
FINISH = ("ScrubTags/Scrub", "Prove/Sweep", "WriteInstance/Write")
SPOOL = "SpoolProvenance/Spool"


class _Stages(PipelineVisitor):
    """The code of each stage of a graph, by its name there."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        self._found: dict[str, beam.DoFn] = {}
        pipeline.visit(self)
        for stage in self._found.values():
            stage.setup()

    def visit_transform(self, applied: AppliedPTransform) -> None:
        """Called for each."""
        if isinstance(applied.transform, beam.ParDo):
            self._found[applied.full_label.partition("/ParDo(")[0]] = applied.transform.fn

    def __getitem__(self, name: str) -> beam.DoFn:
        return self._found[name]

    def main(self, name: str, element: Any) -> Iterator[Any]:
        """What a stage gives on its main output."""
        return (one for one in self[name].process(element) if not isinstance(one, TaggedOutput))


def in_loop(pipeline: beam.Pipeline) -> None:
    """What the runner does with the graph, without the runner."""
    stages = _Stages(pipeline)
    buckets: dict[int, list[bytes]] = {}
    for chunk in stages.main("ListInstances/List", b""):
        for bucket, packed in stages["ListInstances/Identify"].process(chunk):
            buckets.setdefault(bucket, []).append(packed)
    shards = [stages[f"{branch}/{SPOOL}"] for branch in ("Pixels", "Tags")]
    for shard in shards:
        shard.start_bundle()
    written = 0
    for bucket in buckets.items():
        for ref in stages.main("ListInstances/Settle", bucket):
            for opened in stages["ReadInstance/Open"].process(ref):
                written += _finished(stages, opened)
    entries = sum(window.value.entries for shard in shards for window in shard.finish_bundle())
    answers = [*stages["WriteToFhirStore/Write"].process((b"", []))]
    sums = [("listed", written), ("new", entries), *(("answered", answer.answered) for answer in answers)]
    assert len([*stages["FinishOperation"].process((b"", sums))]) == 1


def _finished(stages: _Stages, opened: Any) -> int:
    if isinstance(opened, TaggedOutput):
        branch, found = "Tags", [opened.value]
    else:
        branch, found = "Pixels", [*stages["RedactText/Redact"].process(opened)]
    for name in FINISH:
        found = [after for before in found for after in stages.main(f"{branch}/{name}", before)]
    for instance in found:
        assert not [*stages[f"{branch}/{SPOOL}"].process(instance)], "the shard is larger than a benchmark's"
    return len(found)


def by_runner(pipeline: beam.Pipeline) -> None:
    """As a local run has it."""
    pipeline.run().wait_until_finish()


def measured(folder: Path, source: Path, way: Callable[[beam.Pipeline], None]) -> float:
    """CPU seconds of one way over all of a source. Raises AssertionError where not all was written and told."""
    workspace, plan = Workspace(str(folder / "workspace")), resolve(SAFE_CONFIG)
    workspace.make()
    make_key_file(workspace.key_file)
    key, destination = KeyReference(f"file:{workspace.key_file}"), str(folder / "destination")
    secret = key.load().purpose(Purpose.OPERATION)
    name = OperationName("measured", local_store(secret, str(source)), local_store(secret, destination), LOCAL_FHIR_STORE)
    operation = Operation(name, workspace)
    operation.begin(graph.utc_now())
    with running_store(workspace) as base:
        run = graph.Run(
            operation=operation,
            plan=plan,
            redactor=functools.partial(redactor_of, plan.image),
            key=key,
            source=Files(str(source)),
            destination=Folder(destination),
            on_uid_collision="hold",
            store_url=f"{base}/v1beta1/{LOCAL_FHIR_STORE}",
            write_ops_per_minute=None,
            phi="include",
            shape="google",
            bigquery=None,
        )
        pipeline = beam.Pipeline(runner=FnApiRunner())
        graph.build(run, pipeline)
        start = cpu_seconds()
        way(pipeline)
        took = cpu_seconds() - start
    counts = operation.counted()
    assert counts.written == counts.answered == len([*source.iterdir()]), counts
    return took


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--instances", type=int, default=100)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    quiet_libraries()
    for kind, name in KINDS.items():
        with tempfile.TemporaryDirectory() as parent:
            source = Path(parent, "source")
            copies(source, name, asked.instances)
            pairs = [
                tuple(measured(Path(tempfile.mkdtemp(dir=parent)), source, way) for way in (by_runner, in_loop))
                for _ in range(asked.rounds)
            ]
        runner, loop = (min(seconds) / asked.instances for seconds in zip(*pairs, strict=True))
        print(f"{kind}: {1000 * runner:.1f} ms by the runner, {1000 * loop:.1f} ms in a loop, {runner / loop - 1:+.0%}", flush=True)


def copies(folder: Path, name: str, count: int) -> None:
    """So many instances, alike but for their UIDs."""
    folder.mkdir()
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    dataset = pydicom.dcmread(path)
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        dataset.save_as(folder / f"{number:06}.dcm")


if __name__ == "__main__":
    main()
