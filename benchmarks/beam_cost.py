"""What Beam itself costs: the graph of a run by the runner, and the same stages called one after the other in a loop.

    PYTHONPATH=. python benchmarks/beam_cost.py [--instances 100] [--rounds 5]

Both go in turn, now the one first and now the other, over copies of real files, each an instance of its own, from a folder to a folder
with Provenance to an embedded store and a table. The loop takes the stages out of the very graph that is built for the runner, and does for
an instance all that the runner does. CPU is that of this process and of its children; the least of all rounds counts, since other work on
the machine only ever adds.
"""

from __future__ import annotations

import argparse
import collections
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator
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
from transforms.model.records import OpenInstance, ScrubbedInstance, ShardRef
from transforms.model.resolve import resolve
from transforms.model.workspace import Workspace
from transforms.pixels.redactor import redactor_of
from transforms.read.origin import Files
from transforms.write.destination import Folder

Way = Callable[[beam.Pipeline], None]
KINDS = {"tags only": "rtplan.dcm", "CT 128x128": "CT_small.dcm"}


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

    def main(self, name: str, elements: Iterable[Any]) -> Iterator[Any]:
        """What a stage makes of elements, on its main output."""
        return (one for element in elements for one in self[name].process(element) if not isinstance(one, TaggedOutput))

    def counted(self, name: str, elements: Iterable[Any]) -> list[Any]:
        """What a stage makes of a bundle, of which it tells nothing before its end."""
        self[name].start_bundle()
        for element in elements:
            self[name].process(element)
        return [window.value for window in self[name].finish_bundle()]


class _Branch:
    """The stages of one branch from an open instance to its spooled Provenance, all in one bundle."""

    def __init__(self, stages: _Stages, name: str) -> None:
        self._stages, self._name = stages, name
        self._mark, self._spool = stages[f"{name}/WriteInstance/Mark"], stages[f"{name}/SpoolProvenance/Spool"]
        self._mark.start_bundle()
        self._spool.start_bundle()

    def take(self, opened: OpenInstance) -> Iterator[ShardRef]:
        """One instance, or as many as are marked together."""
        for proven in self._through([opened], "ScrubTags/Scrub", "Prove/Sweep"):
            yield from self._written(self._mark.process(proven))

    def end(self) -> Iterator[ShardRef]:
        """What waits to be marked, and the last shard."""
        yield from self._written(window.value for window in self._mark.finish_bundle())
        yield from (window.value for window in self._spool.finish_bundle())

    def _written(self, marked: Iterable[ScrubbedInstance]) -> Iterator[ShardRef]:
        for written in self._through(marked, "WriteInstance/Write", "Tick"):
            yield from self._spool.process(written)

    def _through(self, elements: Iterable[Any], *names: str) -> Iterable[Any]:
        for name in names:
            elements = self._stages.main(f"{self._name}/{name}", elements)
        return elements


def in_loop(pipeline: beam.Pipeline) -> None:
    """What the runner does with the graph, without the runner."""
    stages, shards = _Stages(pipeline), list[ShardRef]()
    branches = {name: _Branch(stages, name) for name in ("Pixels", "Tags")}
    listed = [*stages["ListInstances/List"].process(b"")]
    numbers = [one.value for one in listed if isinstance(one, TaggedOutput)]
    buckets = collections.defaultdict[int, list[bytes]](list)
    chunks = ((number, [chunk]) for number, chunk in listed[: -len(numbers)])
    for bucket, packed in stages.main("ListInstances/Identify", chunks):
        buckets[bucket].append(packed)
    for ref in stages.main("ListInstances/Settle", buckets.items()):
        for opened in stages["ReadInstance/Open"].process(ref):
            if isinstance(opened, TaggedOutput):
                shards += branches["Tags"].take(opened.value)
            else:
                shards += (shard for redacted in stages.main("RedactText/Redact", [opened]) for shard in branches["Pixels"].take(redacted))
    for branch in branches.values():
        shards += branch.end()
    answers = stages.main("WriteToFhirStore/Write", [(b"", [""])])
    counts = {"CountListed": numbers, "CountNew": shards, "CountAnswers": answers}
    told = [pair for name, elements in counts.items() for _, pair in stages.counted(name, elements)]
    assert len([*stages.main("FinishOperation", [(b"", told)])]) == 1


def by_runner(pipeline: beam.Pipeline) -> None:
    """As a local run has it."""
    pipeline.run().wait_until_finish()


def measured(folder: Path, source: Path, way: Way) -> float:
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
            progress_file=str(folder / "progress"),
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
            took = collections.defaultdict[Way, list[float]](list)
            for number in range(asked.rounds):
                for way in (by_runner, in_loop)[:: -1 if number % 2 else 1]:
                    took[way].append(measured(Path(tempfile.mkdtemp(dir=parent)), source, way))
        runner, loop = (min(took[way]) / asked.instances for way in (by_runner, in_loop))
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
