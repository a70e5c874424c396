"""The two transforms on FnApiRunner: what is listed comes out once, and what is read is whole."""

import datetime as dt
import http.server
import shutil
from collections import Counter
from pathlib import Path

import apache_beam as beam
import pydicom
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from on_loopback import Answering, listening

from transforms.model import names, spool
from transforms.model.dicom_store import store_at
from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.keys import KeyReference, Purpose
from transforms.model.records import InstanceRef
from transforms.model.workspace import OperationFolder
from transforms.read.origin import Files, Store
from transforms.read.sources import resolve
from transforms.read.transform import ListInstances, ReadInstance


def admit_all_but_directories(dataset: pydicom.FileDataset) -> None:
    if "DirectoryRecordSequence" in dataset:
        raise InstanceProblem("tags", "DICOMDIR", "A directory of other files.", OutcomeKind.SKIPPED)


class _Keep(beam.DoFn):
    """Write what passes to one file for each element: the way out of a runner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def process(self, element):
        text = element if isinstance(element, str) else "|".join(map(str, element))
        names_so_far = len(list(self._folder.iterdir()))
        (self._folder / f"{names_so_far:06}").write_text(text)
        yield element


class Run:
    """ListInstances over a source; what came out, by output."""

    def __init__(self, source: Path, tmp_path: Path, folder: OperationFolder, key_uri: str, mode: str = "hold", *options: str) -> None:
        outputs = {}
        for name in ("instances", "outcomes", "done", "listed"):
            outputs[name] = tmp_path / f"out-{len(list(tmp_path.iterdir()))}-{name}"
            outputs[name].mkdir()
        with beam.Pipeline(runner="FnApiRunner", options=PipelineOptions(list(options))) as p:
            listed = p | ListInstances(Files(str(source)), folder, KeyReference(key_uri), mode)
            for name, folder_ in outputs.items():
                elements = getattr(listed, name)
                if name == "instances":
                    elements = elements | beam.Map(lambda ref: (Path(ref.uri).name, ref.reference, ref.distinct, ref.hold))
                elif name == "outcomes":
                    elements = elements | beam.Map(lambda o: (o.reference, o.kind.value, o.stage, o.code))
                elif name == "listed":
                    elements = elements | beam.Map(str)
                _ = elements | f"Keep {name}" >> beam.ParDo(_Keep(folder_))
        read = {name: sorted(path.read_text() for path in folder_.iterdir()) for name, folder_ in outputs.items()}
        self.instances = [tuple(line.split("|")) for line in read["instances"]]
        self.outcomes = [tuple(line.split("|")) for line in read["outcomes"]]
        self.done, self.listed = read["done"], sum(map(int, read["listed"]))


@pytest.fixture
def source(tmp_path, real_file) -> Path:
    """Two instances alone, one twice, one in two versions, one version cut short, one that is not DICOM."""
    root = tmp_path / "source"
    (root / "deep").mkdir(parents=True)
    shutil.copy(real_file("CT_small.dcm"), root / "alone.dcm")
    shutil.copy(real_file("MR_small.dcm"), root / "b-copy.dcm")
    shutil.copy(real_file("MR_small.dcm"), root / "deep" / "a-copy.dcm")
    shutil.copy(real_file("rtplan.dcm"), root / "version1.dcm")
    other = pydicom.dcmread(real_file("rtplan.dcm"))
    other.RTPlanLabel = "another"
    other.save_as(root / "version2.dcm")
    (root / "cut.dcm").write_bytes(real_file("MR_small.dcm").read_bytes()[:-100])
    (root / "notes.txt").write_text("not an instance")
    return root


def reference_of(path: Path, secret) -> str:
    return names.reference(secret.purpose(Purpose.OPERATION), str(path))


def test_every_file_comes_out_once_and_collisions_are_held(source, tmp_path, folder, key_uri, secret, workspace):
    run = Run(source, tmp_path, folder, key_uri)
    assert {name: hold for name, _, _, hold in run.instances} == {
        "alone.dcm": "",
        "b-copy.dcm": "",
        "version1.dcm": "UID_COLLISION",
        "version2.dcm": "UID_COLLISION",
        "cut.dcm": "",
        "notes.txt": "",
    }
    copy = reference_of(source / "deep" / "a-copy.dcm", secret)
    assert run.outcomes == [(copy, "skipped", "list", "DUPLICATE")]
    references = {reference for _, reference, _, _ in run.instances} | {copy}
    assert run.listed == len(references) == len(run.instances) + 1 == 7
    assert run.done == []
    assert resolve(workspace, copy) == str(source / "deep" / "a-copy.dcm")
    assert resolve(workspace, "0" * 16) is None


def test_distinct_marks_contents_and_the_same_again_with_repeated_bundles(source, tmp_path, folder, key_uri):
    first = Run(source, tmp_path, folder, key_uri, "distinct")
    marks = {name: (distinct, hold) for name, _, distinct, hold in first.instances}
    assert marks["version1.dcm"][0] != marks["version2.dcm"][0]
    assert len(marks["version1.dcm"][0]) == 32
    assert marks["alone.dcm"] == marks["b-copy.dcm"] == ("", "")
    assert not any(hold for _, hold in marks.values())
    shards = spool.shards(folder.sources)
    again = Run(source, tmp_path, folder, key_uri, "distinct", "--direct_runner_bundle_repeat=2")
    assert set(again.instances) == set(first.instances)
    assert spool.shards(folder.sources) == shards


def test_what_an_earlier_run_finished_is_done_and_still_decides(source, tmp_path, folder, key_uri, secret):
    finished = [reference_of(source / name, secret) for name in ("deep/a-copy.dcm", "version1.dcm")]
    spool.write_entries(folder.spool, [(reference, {}) for reference in finished])
    run = Run(source, tmp_path, folder, key_uri)
    assert run.done == sorted(finished)
    assert [outcome[0] for outcome in run.outcomes] == [reference_of(source / "b-copy.dcm", secret)]
    assert {name: hold for name, _, _, hold in run.instances} == {
        "alone.dcm": "",
        "version2.dcm": "UID_COLLISION",
        "cut.dcm": "",
        "notes.txt": "",
    }


def test_two_finished_copies_are_both_done(source, tmp_path, folder, key_uri, secret):
    finished = [reference_of(source / name, secret) for name in ("deep/a-copy.dcm", "b-copy.dcm")]
    spool.write_entries(folder.spool, [(reference, {}) for reference in finished])
    run = Run(source, tmp_path, folder, key_uri)
    assert run.done == sorted(finished)
    assert run.outcomes == []


def test_a_file_name_that_is_not_utf8_is_listed_and_resolved(tmp_path, folder, key_uri, workspace, real_file):
    root = tmp_path / "source"
    root.mkdir()
    odd = root / b"M\xfcller.dcm".decode(errors="surrogateescape")
    shutil.copy(real_file("CT_small.dcm"), odd)
    out = tmp_path / "out"
    out.mkdir()
    with beam.Pipeline(runner="FnApiRunner") as p:
        listed = p | ListInstances(Files(str(root)), folder, KeyReference(key_uri), "hold")
        _ = listed.instances | beam.Map(lambda ref: f"{Path(ref.uri).stat().st_size} {ref.size}") | beam.ParDo(_Keep(out))
    size = odd.stat().st_size
    assert [path.read_text() for path in out.iterdir()] == [f"{size} {size}"]
    (reference,) = spool.references(folder.sources)
    assert resolve(workspace, reference) == str(odd)


def test_reading_tells_pixels_tags_and_outcomes_apart(tmp_path, key_uri, real_file):
    wanted = ["CT_small.dcm", "rtplan.dcm", "MR_truncated.dcm", "DICOMDIR"]
    out = tmp_path / "out"
    out.mkdir()
    started = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    refs = [InstanceRef(f"{n:016x}", str(real_file(name)), real_file(name).stat().st_size) for n, name in enumerate(wanted)]
    refs.append(InstanceRef("gone", str(tmp_path / "gone.dcm"), 1))
    with beam.Pipeline(runner="FnApiRunner") as p:
        opened = (
            p
            | beam.Create(refs)
            | beam.Reshuffle()
            | ReadInstance(Files(""), KeyReference(key_uri), admit_all_but_directories, lambda: started)
        )
        lines = (
            opened.with_pixels | "P" >> beam.Map(lambda o: f"pixels {o.ref.reference} {o.dataset.Modality} {o.started.year}"),
            opened.tags_only | "T" >> beam.Map(lambda o: f"tags {o.ref.reference} {o.dataset.Modality} {o.started.year}"),
            opened.outcomes | "O" >> beam.Map(lambda o: f"{o.reference} {o.kind.value} {o.stage} {o.code}"),
        )
        _ = lines | beam.Flatten() | beam.ParDo(_Keep(out))
    assert Counter(path.read_text() for path in out.iterdir()) == Counter(
        [
            f"pixels {0:016x} CT 2026",
            f"tags {1:016x} RTPLAN 2026",
            f"{2:016x} failed read TRUNCATED",
            f"{3:016x} skipped tags DICOMDIR",
            "gone failed read GONE",
        ]
    )


class _DoneBefore:
    """Says of one SOP instance that it is done."""

    def __init__(self, uid):
        self._uid = uid

    def load(self):
        return self

    def __call__(self, ref, source):
        if source.instance == self._uid:
            raise InstanceProblem("read", "DONE_BEFORE", "done", OutcomeKind.SKIPPED)
        return ref


def test_what_is_done_is_not_asked_of_a_store(tmp_path, key_uri, real_file):
    """Every night an archive would be retrieved whole, to find that all of it was done the night before."""
    asked, content = [], real_file("rtplan.dcm").read_bytes()

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.answer(200, content, "application/dicom")

    out = tmp_path / "out"
    out.mkdir()
    uids = pydicom.dcmread(real_file("rtplan.dcm"), stop_before_pixels=True)
    series = f"studies/{uids.StudyInstanceUID}/series/{uids.SeriesInstanceUID}/instances"
    with listening(Handler) as url, beam.Pipeline(runner="FnApiRunner") as p:
        store = Store(store_at("--source", f"{url}/dicom-web", None))
        paths = (f"{series}/1.2.3", f"{series}/{uids.SOPInstanceUID}")
        refs = p | beam.Create([InstanceRef(f"{n:016x}", f"{store.root}/{path}", 0) for n, path in enumerate(paths)])
        read = ReadInstance(store, KeyReference(key_uri), admit_all_but_directories, done=_DoneBefore("1.2.3"))
        opened = refs | beam.Reshuffle() | read
        lines = (
            opened.tags_only | "T" >> beam.Map(lambda o: o.ref.reference),
            opened.outcomes | "O" >> beam.Map(lambda o: f"{o.reference} {o.kind.value} {o.code}"),
        )
        _ = lines | beam.Flatten() | beam.ParDo(_Keep(out))
    assert {path.read_text() for path in out.iterdir()} == {f"{0:016x} skipped DONE_BEFORE", f"{1:016x}"}
    assert [path.rpartition("/")[2] for path in asked] == [uids.SOPInstanceUID]
