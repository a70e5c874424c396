"""A source is listed once, and nothing that the run makes is taken for a part of it, in whatever form the source is named."""

import dataclasses
import os
from pathlib import Path

import apache_beam as beam
import pytest

from pipeline.options import parse
from pipeline.sources import list_sources
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference
from transforms.read.listing import Apart, Listing
from transforms.read.origin import Files
from transforms.read.transform import ListInstances


@pytest.fixture
def places(tmp_path):
    """A folder with three files, one of which lies where the run is to write."""
    for name in ("a/1.dcm", "b/2.dcm", "out/3.dcm"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(b"x" * len(name))
    (tmp_path / "in" / "apart.txt").write_text("a/1.dcm\nb/2.dcm\n")
    (tmp_path / "in" / "all.txt").write_text("a/1.dcm\nb/2.dcm\nout/3.dcm\n")
    return tmp_path


def settings(places, source, destination="in/out", runner="FnApiRunner"):
    given = {"source": places / source, "destination": places / destination, "workspace": places / "ws"}
    return dataclasses.replace(parse([f"--{name}={at}" for name, at in given.items()]), runner=runner)


def listed(known):
    return list_sources(known, Files(known.source))


def test_what_the_launcher_listed_is_what_the_graph_lists_though_the_source_has_changed(places, workspace):
    strange = os.fsdecode(b"in/a/\xff\n.dcm")  # no UTF-8, and a line break
    (places / strange).write_bytes(b"")
    sources = listed(settings(places, "in/[ab]/*.dcm"))
    assert sources.count == 3
    origin = sources.for_workers(workspace.operation("op"))
    (places / "in/a/1.dcm").unlink()
    (places / "in/b/later.dcm").write_bytes(b"")
    assert isinstance(origin, Listing)
    assert set(origin.instances()) == {(str(places / "in/a/1.dcm"), 7), (str(places / "in/b/2.dcm"), 7), (str(places / strange), 0)}
    assert origin.root == str(places / "in")


@pytest.mark.parametrize("runner", ["FnApiRunner", "PortableRunner"])
@pytest.mark.parametrize("source", ["in/*/*.dcm", "in/all.txt", "in/out/3.dcm", "in/out/*"])
def test_a_source_with_something_of_the_destination_is_refused_before_anything_is_made(places, source, runner):
    with pytest.raises(ConfigError, match="--source: it names files of destination, workspace or quarantine"):
        listed(settings(places, source, runner=runner))
    assert not (places / "ws").exists()


@pytest.mark.parametrize("source", ["in/all.txt", "in/out/3.dcm"])
def test_a_launcher_that_does_not_wait_refuses_lists_and_first_files_itself(places, source):
    with pytest.raises(ConfigError, match="--source: it names files"):
        listed(settings(places, source, runner="DataflowRunner"))


def test_a_launcher_that_does_not_wait_looks_for_one_file_and_the_job_refuses_the_rest(places, workspace, key_uri):
    sources = listed(settings(places, "in/*/*.dcm", runner="DataflowRunner"))
    assert sources.count == 1
    origin, folder = sources.for_workers(workspace.operation("op")), workspace.operation("op")
    assert isinstance(origin, Apart)
    p = beam.Pipeline(runner="FnApiRunner")
    listing = p | ListInstances(origin, folder, KeyReference(key_uri), "hold")
    _ = listing.instances | beam.Map(lambda ref: Path(places / "read").write_text(ref.reference))
    with pytest.raises(Exception, match="names files of destination"):
        p.run()
    assert not (places / "read").exists()  # not one was read before


def test_a_list_of_names_is_gone_through_by_any_launcher(places, workspace):
    sources = listed(settings(places, "in/apart.txt", runner="DataflowRunner"))
    assert sources.count == 2
    assert [Path(uri).name for uri, _ in sources.for_workers(workspace.operation("op")).instances()] == ["1.dcm", "2.dcm"]
    (places / "in" / "apart.txt").write_text("a/1.dcm\nnone.dcm\n")
    with pytest.raises(ConfigError, match="line 2 of the list"):
        listed(settings(places, "in/apart.txt", runner="DataflowRunner"))
