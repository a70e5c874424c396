"""Source and destination are DICOM stores: Orthanc, by the Healthcare API's paths."""

import io
import json

import pydicom
import pytest

from pipeline.cli import main as cli
from pipeline.main import main
from transforms.model import spool
from transforms.model.dicom_store import store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import StoreError
from transforms.model.gcs import is_gcs
from transforms.model.places import listed
from transforms.model.records import InstanceUids
from transforms.model.workspace import Workspace
from transforms.read import origin
from transforms.read.chosen import ChosenReference, read_chosen
from transforms.read.origin import Store as SourceStore

pytestmark = pytest.mark.servers("orthanc")

FILES = ("MR_small.dcm", "rtplan.dcm", "image_dfl.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm", "MR_small_bigendian.dcm", "reportsi.dcm")


@pytest.fixture
def stored(stores, real_file):
    """The files, each under an instance UID of its own, in the source store; file name → content."""
    known, found = set(), {}
    for name in FILES:
        content = real_file(name).read_bytes()
        uid = pydicom.dcmread(real_file(name), stop_before_pixels=True).SOPInstanceUID
        if uid not in known:
            stores.source.put(content)
            found[name] = content
        known.add(uid)
    return found


@pytest.fixture
def run(tmp_path, key_uri):
    """`run(source, destination, *options)`: the exit code of a run in a workspace of its own, in `tmp_path` or a bucket."""

    def start(source, destination, *options, workspace="work"):
        places = {"source": source, "destination": destination, "workspace": workspace if is_gcs(workspace) else tmp_path / workspace}
        return main([*(f"--{name}={at}" for name, at in places.items()), f"--key_uri={key_uri}", *options])

    return start


def operation(folder):
    (state,) = (folder / "operations").glob("*.json")
    return Workspace(str(folder)).operation(state.stem)


def test_instances_are_named_by_store_and_uids(run, stores, real_file, tmp_path, capsys):
    stores.source.put(real_file("MR_small.dcm").read_bytes())
    assert run(stores.source.url, stores.destination.url) == 0
    (entry,) = spool.read_all(operation(tmp_path / "work").spool)
    header = pydicom.dcmread(real_file("MR_small.dcm"), stop_before_pixels=True)
    path = InstanceUids(header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID).path
    source = entry["provenance"]["entity"][0]["what"]["identifier"]["value"]
    assert source == f"https://healthcare.googleapis.com/{stores.source.name}/dicomWeb/{path}"
    target = entry["provenance"]["target"][0]["identifier"]["value"]
    assert target.startswith(f"https://healthcare.googleapis.com/{stores.destination.name}/dicomWeb/studies/")
    capsys.readouterr()
    assert cli(["which", "--workspace", str(tmp_path / "work"), entry["reference"]]) == 0
    assert capsys.readouterr().out.strip() == f"{stores.source.name}/dicomWeb/{path}"


def test_waiting_for_the_quota_of_a_store_is_counted_as_throttling(run, stores, real_file, tmp_path, capsys):
    for name in ("rtplan.dcm", "test-SR.dcm"):
        stores.source.put(real_file(name).read_bytes())
    assert run(stores.source.url, stores.destination.url, "--dicomweb_ops_per_minute=60", "--skip_preflight") == 0
    waited = json.loads(operation(tmp_path / "work").state_file.read_text())["metadata"]["throttledSeconds"]
    assert waited >= 1  # two are listed, read and written, a call a second
    assert f"quotas: {waited} s of waiting for them" in capsys.readouterr().out


@pytest.mark.servers("storage")
def test_the_same_again_adds_nothing_and_another_workspace_finds_what_is_done(run, stores, bucket, embedded, real_file):
    for name in ("reportsi.dcm", "rtplan.dcm"):
        stores.source.put(real_file(name).read_bytes())
    assert run(stores.source.url, stores.destination.url) == 0
    before = stores.destination.contents()
    assert run(stores.source.url, stores.destination.url) == 0
    another = f"{bucket}/another"
    assert run(stores.source.url, stores.destination.url, f"--fhir_store={embedded}", workspace=another) == 0
    assert stores.destination.contents() == before
    (state,) = listed(Workspace(another).operations, "*.json")
    counts = json.loads(state.read_text())["metadata"]["outcomes"]
    assert counts == {"listed": "2", "written": "2", "held": "0", "failed": "0", "skipped": "0"}


def test_another_instance_of_that_name_there_holds_ours(run, stores, real_file, tmp_path):
    stores.source.put(real_file("rtplan.dcm").read_bytes())
    assert run(stores.source.url, tmp_path / "out", workspace="first") == 0
    (file,) = (tmp_path / "out").rglob("*.dcm")
    other = pydicom.dcmread(file)
    other.Manufacturer = "ANOTHER"
    other.save_as(tmp_path / "other.dcm")
    stores.destination.put((tmp_path / "other.dcm").read_bytes())
    before = stores.destination.contents()
    assert run(stores.source.url, stores.destination.url) == 1
    assert stores.destination.contents() == before
    (outcome,) = map(json.loads, (tmp_path / "work" / "outcomes.ndjson").read_text().splitlines())
    assert (outcome["outcome"], outcome["code"]) == ("held", "DUPLICATE_INSTANCE")
    (held,) = operation(tmp_path / "work").quarantine.glob("*.dcm")
    assert held.read_bytes() == file.read_bytes()


def test_what_a_person_releases_goes_to_the_store(run, stores, real_file, tmp_path, capsys):
    plan = pydicom.dcmread(real_file("rtplan.dcm"))
    plan.SOPClassUID = plan.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7"
    (tmp_path / "source").mkdir()
    plan.save_as(tmp_path / "source" / "unknown.dcm")
    assert run(tmp_path / "source", stores.destination.url, f"--quarantine={tmp_path / 'quarantine'}") == 1
    folder = operation(tmp_path / "work")
    (held,) = (tmp_path / "quarantine" / folder.operation_id).glob("*.dcm")
    assert stores.destination.contents() == {}
    capsys.readouterr()
    assert cli(["release", "--workspace", str(tmp_path / "work"), "--all", "--by", "Ada Example"]) == 0, capsys.readouterr()
    ((uid, content),) = stores.destination.contents().items()
    (entry,) = spool.read_all(folder.spool)
    assert entry["provenance"]["target"][0]["identifier"]["value"].endswith(f"/instances/{uid}")
    assert pydicom.dcmread(io.BytesIO(content)).PatientIdentityRemoved == "YES"
    assert not held.exists()
    assert cli(["release", "--workspace", str(tmp_path / "work"), "--all", "--by", "Ada Example"]) == 0  # nothing is left to release


def test_a_list_chooses_studies_series_and_instances(run, stores, real_file, tmp_path):
    for name in ("MR_small.dcm", "CT_small.dcm", "examples_palette.dcm", "reportsi.dcm"):
        stores.source.put(real_file(name).read_bytes())
    headers = [
        pydicom.dcmread(real_file(name), stop_before_pixels=True) for name in ("MR_small.dcm", "CT_small.dcm", "examples_palette.dcm")
    ]
    mr, ct, us = (InstanceUids(header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID) for header in headers)
    lines = [f"/studies/{mr.study}", f"/studies/{ct.study}/series/{ct.series}", f"/{us.path}", "/studies/1.2.3"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    chosen = ChosenReference(str(tmp_path / "list.txt"), read_chosen(str(tmp_path / "list.txt")).digest)
    found = [uri for uri, _ in SourceStore(store_at("--source", stores.source.url, None), chosen).instances()]
    assert sorted(found) == sorted(f"{stores.source.name}/dicomWeb/{uids.path}" for uids in (mr, ct, us))


def test_all_pages_are_listed(stores, real_file, tmp_path, monkeypatch):
    monkeypatch.setattr(origin, "PAGE", 2)
    header = pydicom.dcmread(real_file("MR_small.dcm"))
    for study in range(3):
        for instance in range(5):
            header.StudyInstanceUID, header.SeriesInstanceUID = f"1.2.{study}", f"1.2.{study}.1"
            header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.{study}.1.{instance}"
            header.save_as(tmp_path / "made.dcm")
            stores.source.put((tmp_path / "made.dcm").read_bytes())
    found = [uri.rpartition("/")[2] for uri, _ in SourceStore(store_at("--source", stores.source.url, None)).instances()]
    assert sorted(found) == sorted(f"1.2.{study}.1.{instance}" for study in range(3) for instance in range(5))


def test_what_is_gone_since_the_listing_is_an_outcome(stores, real_file):
    content = real_file("MR_small.dcm").read_bytes()
    stores.source.put(content)
    source = SourceStore(store_at("--source", stores.source.url, None))
    ((uri, _),) = source.instances()
    assert source.content(uri) == content
    stores.source.clear()
    with pytest.raises(Exception, match="read GONE"):
        source.content(uri)


def test_an_empty_or_absent_store_is_told_before_anything_is_done(run, stores, real_file, tmp_path, capsys):
    assert run(stores.source.url, stores.destination.url) == 2
    assert "--source: the store has no instance" in capsys.readouterr().err
    assert run(stores.source.url + "x", stores.destination.url) == 2
    assert "there is no such DICOM store (HTTP 404)" in capsys.readouterr().err
    stores.source.put(real_file("MR_small.dcm").read_bytes())
    assert run(stores.source.url, stores.destination.url + "x") == 2
    assert "--destination is 'projects/p/locations/l/datasets/d/dicomStores/dstx'" in capsys.readouterr().err
    assert run(stores.source.url, stores.source.url) == 2
    assert "--destination" in capsys.readouterr().err


def test_plan_reads_a_store_and_writes_nothing(stores, real_file, tmp_path, capsys):
    stores.source.put(real_file("MR_small.dcm").read_bytes())
    places = ["--source", stores.source.url, "--destination", stores.destination.url, "--workspace", str(tmp_path / "work")]
    assert cli(["plan", *places]) == 0
    assert capsys.readouterr().out.startswith("instances: 1\n")
    assert stores.destination.contents() == {}


def test_a_store_refuses_what_is_no_instance_and_says_why(stores):
    client = DicomWebClient(store_at("--destination", stores.destination.url, None))
    assert client.put(b"no instance").said.startswith("HTTP 400")
    assert client.retrieve("studies/1/series/2/instances/3") is None
    with pytest.raises(StoreError):
        DicomWebClient(store_at("--destination", stores.destination.server.url + "/nothing", None)).search("studies", {})


def test_every_syntax_comes_as_it_is_stored(stores, stored):
    source = SourceStore(store_at("--source", stores.source.url, None))
    assert sorted(source.content(uri) for uri, _ in source.instances()) == sorted(stored.values())
