"""What a person released is published and told of once, or neither: whatever stops it on the way."""

import contextlib
import json
import shutil
import sqlite3
from hashlib import sha256

import pydicom
import pytest

from pipeline.cli import main as cli
from pipeline.main import main
from transforms.model import spool
from transforms.model.records import InstanceUids
from transforms.model.workspace import Workspace
from transforms.write.marks import Mark, write_marks

CONFIG = '{"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}}'
"""No text is inspected, so that a run begins at once; here are no pixels."""
PERSON = "Dr. Ada Example"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the sources: two plans, each of a series of its own, that are held for a class that nobody knows; and a report."""
    home, find = tmp_path_factory.mktemp("home"), pydicom.data.get_testdata_file
    plan = pydicom.dcmread(find("rtplan.dcm", download=False))
    plan.SOPClassUID = plan.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7"
    for folder in ("source", "other", "key"):
        (home / folder).mkdir()
    for number in (1, 2):
        plan.SeriesInstanceUID = f"1.2.3.{number}"
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}.1"
        plan.save_as(home / "source" / f"{number}.dcm")
    shutil.copy(find("reportsi.dcm", download=False), home / "other")
    (home / "key" / "test.key").write_text("6b" * 32)
    (home / "key" / "test.key").chmod(0o600)
    return home


def command(home, operation="op", source="source"):
    """That of a run."""
    places = [f"--{name}={home / path}" for name, path in (("source", source), ("workspace", "workspace"), ("destination", "out"))]
    return [*places, f"--key_uri=file:{home}/key/test.key", f"--config={CONFIG}", "--allow_identifiable", f"--operation_id={operation}"]


@pytest.fixture
def run(home):
    """`run(operation, source)`: the exit code of a run."""
    return lambda *which: main(command(home, *which))


@pytest.fixture
def workspace(home):
    return Workspace(str(home / "workspace"))


@pytest.fixture
def release(workspace, capsys):
    """`release(*words)`: exit code and output."""

    def ask(*words, by=PERSON):
        capsys.readouterr()
        code = cli(["release", "--workspace", workspace.root, "--operation", "op", "--by", by, *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return ask


@pytest.fixture
def published(home):
    return lambda: {path.stem: path.read_bytes() for path in (home / "out").rglob("*.dcm")}


@pytest.fixture
def told(workspace):
    """Who released which instance, by what the store tells."""

    def find():
        with contextlib.closing(sqlite3.connect(workspace.fhir_database)) as database:
            found = [json.loads(row[0]) for row in database.execute("SELECT content FROM resources WHERE type = 'Provenance'")]
        instances = [one for one in found if "occurredPeriod" in one]
        who = (one["agent"][-1]["who"]["identifier"]["value"] for one in instances)
        return dict(zip((one["target"][0]["identifier"]["value"].rpartition("/")[2] for one in instances), who, strict=True))

    return find


@pytest.fixture(scope="module")
def decided(home):
    """The workspace once both were released, and could not be published yet: their places, and a copy of it."""
    assert main(command(home)) == 1
    words, folder = ["--workspace", str(home / "workspace"), "--operation", "op"], Workspace(str(home / "workspace")).operation("op")
    targets = [entry["release"]["target"] for entry in spool.read_all(folder.releasable)]
    places = [home / "out" / study / series / f"{instance}.dcm" for study, series, instance in sorted(targets)]
    study = places[0].parents[1]
    study.touch()  # a file in the place of the study's folder
    assert cli(["release", *words, "--all", "--by", PERSON]) == 2
    assert cli(["replay", *words]) == 1
    study.unlink()
    shutil.copytree(home / "workspace", home / "then")
    return places, home / "then"


@pytest.fixture
def stopped(home, decided):
    """The same for each test: the places of both."""
    for name in ("workspace", "out"):
        shutil.rmtree(home / name)
    shutil.copytree(decided[1], home / "workspace")
    return decided[0]


def test_what_the_destination_refuses_for_good_stays_held_and_the_rest_goes_on(stopped, run, release, published, told, capsys):
    other, place = stopped[0].stem, stopped[0]
    place.parent.mkdir(parents=True)
    place.write_bytes(b"somebody's")
    assert run() == 1
    said = capsys.readouterr()
    assert "the destination holds another file of that name" in said.err.partition("not released: ")[2]
    assert "2 listed = 1 written + 1 held" in said.out
    assert told() == {stopped[1].stem: PERSON}
    assert published().keys() == {other, stopped[1].stem}
    place.unlink()
    assert release("--all", by="Somebody Else")[0] == 0
    assert told() == {stopped[1].stem: PERSON, other: "Somebody Else"}


def test_what_is_gone_from_the_quarantine_is_said_and_blocks_nothing(stopped, release, folder, told):
    gone, *_ = sorted(folder.quarantine.glob("*.dcm"))
    gone.unlink()
    code, output = release("--all")
    assert (code, f"not released: {gone.stem}: its file is gone from the quarantine" in output, len(told())) == (1, True, 1), output


def test_what_could_not_be_published_yet_is_published_later_and_after_a_kill_it_is_taken_back_until_then(
    stopped, run, release, published, told, home, decided, workspace, folder
):
    assert told() == {}
    assert release("--all", by="Somebody Else")[0] == 0
    whole = published()
    assert told() == dict.fromkeys((place.stem for place in stopped), PERSON) == dict.fromkeys(whole, PERSON)
    marks = []
    for number, place in enumerate((home / "out").rglob("*.dcm")):
        uids = InstanceUids(*place.with_suffix("").parts[-3:])
        marks.append(Mark(f"{number:016x}", uids, sha256(place.read_bytes()).hexdigest()))
    shutil.rmtree(workspace.root)
    shutil.copytree(decided[1], workspace.root)
    write_marks(folder, marks)  # killed when both were published, and nothing told
    assert (published(), told()) == (whole, {})
    assert run("tonight", "other") == 0
    assert (len(published()), published().keys() & whole.keys()) == (1, set())
    assert run() == 0
    assert whole.items() < published().items()
    assert told().items() > dict.fromkeys(whole, PERSON).items()
