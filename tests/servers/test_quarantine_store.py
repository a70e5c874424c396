"""Held instances wait in a DICOM store: Orthanc, and Orthanc behind a front that deletes, as the Healthcare API does."""

import contextlib
import dataclasses
import datetime as dt
import hashlib
import http.server
import io
import json

import pydicom
import pytest
import requests
from on_loopback import listening

from pipeline.cli import main as cli
from pipeline.main import main
from transforms.model import spool
from transforms.model.dicom_store import store_at
from transforms.model.names import OperationName
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, ScrubbedInstance
from transforms.model.storage import list_files, read_bytes
from transforms.model.workspace import Workspace
from transforms.write.destination import Store
from transforms.write.marks import set_marks, take_back
from transforms.write.quarantine import FolderQuarantine, StoreQuarantine

pytestmark = pytest.mark.servers("orthanc")


CONFIG = '{"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}'
"""Here are no pixels."""


@contextlib.contextmanager
def deleting(store):
    """The URL of a front of a store, which passes all on but DELETE of an instance, which it does by Orthanc's own API."""

    class Front(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(requests.get(store.server.url + self.path, headers=self.passed("Accept"), timeout=30))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(requests.post(store.server.url + self.path, body, headers=self.passed("Accept", "Content-Type"), timeout=30))

        def do_DELETE(self):
            uid = self.path.rpartition("/")[2]
            found = requests.post(f"{store.server.url}/tools/lookup", uid, timeout=30).json()
            (identity,) = [one["ID"] for one in found if one["Type"] == "Instance"] or ["none"]
            self.answer(requests.delete(f"{store.server.url}/instances/{identity}", timeout=30))

        def passed(self, *names):
            return {name: self.headers[name] for name in names}

        def answer(self, reply):
            self.send_response(reply.status_code)
            self.send_header("Content-Type", reply.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def log_message(self, *_):
            pass

    with listening(Front) as url:
        yield f"{url}/v1/{store.name}"


@pytest.fixture
def source(tmp_path, real_file):
    """Two plans that share a UID, and one of a class that nobody knows."""
    (tmp_path / "source").mkdir()
    plan = pydicom.dcmread(real_file("rtplan.dcm"))
    for label in ("A1", "B2"):
        plan.RTPlanLabel = label
        plan.save_as(tmp_path / "source" / f"{label}.dcm")
    plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.6"
    plan.SOPClassUID = plan.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7"
    plan.save_as(tmp_path / "source" / "unknown.dcm")
    return tmp_path / "source"


@pytest.fixture
def run(tmp_path, source, key_uri):
    """`run(quarantine)`: the exit code of a run from the folder `source` to the folder `out`, whose operation is `op`."""

    def start(quarantine, *more, workspace=tmp_path / "work"):
        places = {"source": source, "destination": tmp_path / "out", "workspace": workspace, "quarantine": quarantine}
        options = [f"--key_uri={key_uri}", "--operation_id=op", f"--config={CONFIG}", "--allow_identifiable", *more]
        return main([*(f"--{name}={at}" for name, at in places.items()), *options])

    return start


@pytest.fixture
def verb(tmp_path, capsys):
    """`verb(*words)`: exit code and output of a verb in the workspace of `run`."""

    def ask(word, *words, workspace=tmp_path / "work"):
        capsys.readouterr()
        code = cli([word, "--workspace", str(workspace), *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return ask


def outcomes(tmp_path):
    """Reference → code."""
    lines = map(json.loads, (tmp_path / "work" / "outcomes.ndjson").read_text().splitlines())
    return {line["reference"]: line["code"] for line in lines}


def aside(tmp_path):
    """What stands beside the store: the held files, and what is said of each."""
    folder = Workspace(str(tmp_path / "work")).operation("op").quarantine
    return {path.stem: path.read_bytes() for path in folder.glob("*.dcm")}, {
        path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")
    }


def published(tmp_path):
    return sorted((tmp_path / "out").rglob("*.dcm"))


def test_what_is_held_waits_in_the_store_and_what_it_does_not_take_beside_it(run, stores, source, tmp_path, verb):
    with deleting(stores.source) as quarantine:
        assert run(quarantine) == 1
        codes = outcomes(tmp_path)
        assert sorted(codes.values()) == ["PRIVATE_SOP_CLASS", "UID_COLLISION", "UID_COLLISION"]
        stored = stores.source.contents()
        files, said = aside(tmp_path)
        assert {said[reference]["reasons"][0]["code"] for reference in codes} == set(codes.values())
        (beside,) = files  # of two that share a UID one
        assert codes[beside] == "UID_COLLISION"
        there = {reference: stored.pop(said[reference]["path"].rpartition("/")[2]) for reference in codes.keys() - {beside}}
        assert stored == {}
        assert {reference: hashlib.sha256(content).hexdigest() for reference, content in there.items()} == {
            reference: said[reference]["sha256"] for reference in there
        }
        stored = stores.source.contents()

        assert run(quarantine) == 1  # again: nothing is added
        assert (stores.source.contents(), aside(tmp_path)) == (stored, (files, said))
        (unknown,) = [reference for reference, code in codes.items() if code == "PRIVATE_SOP_CLASS"]
        code, output = verb("release", unknown, "--by", "Ada Example")
        assert code == 1, output
        assert stores.source.contents().keys() == stored.keys() - {said[unknown]["path"].rpartition("/")[2]}
        (file,) = published(tmp_path)
        assert pydicom.dcmread(file).PatientIdentityRemoved == "YES"
        assert outcomes(tmp_path).keys() == codes.keys() - {unknown}
        assert verb("release", "--all", "--by", "Ada Example")[0] == 1  # of two one
        assert len(published(tmp_path)) == 2
        (left,) = outcomes(tmp_path)
        assert aside(tmp_path)[1].keys() == {left}

        code, output = verb("purge", "op", "--yes")
        assert (code, "1 held instances" in output, "kept" in output) == (0, True, False), output
        assert stores.source.contents() == {}


def test_what_took_its_place_is_not_released_and_what_is_leaves_the_store_after_a_kill_too(run, stores, source, tmp_path, verb):
    for name in ("A1.dcm", "B2.dcm"):
        (source / name).unlink()
    with deleting(stores.source) as quarantine:
        assert run(quarantine) == 1
        ((reference, said),) = aside(tmp_path)[1].items()
        ((_, content),) = stores.source.contents().items()
        stores.source.clear()
        other = pydicom.dcmread(io.BytesIO(content))
        other.PatientName = "SOMEBODY"
        other.save_as(tmp_path / "other.dcm")
        stores.source.put((tmp_path / "other.dcm").read_bytes())
        code, output = verb("release", "--all", "--by", "Ada Example")
        assert (code, "is gone from the quarantine" in output, published(tmp_path)) == (1, True, []), output
        stores.source.clear()
        stores.source.put(content)

        assert verb("release", "--all", "--by", "Ada Example")[0] == 0
        (file,) = published(tmp_path)
        whole = file.read_bytes()
        reasons = Workspace(str(tmp_path / "work")).operation("op").quarantine / f"{reference}.json"

        reasons.write_text(json.dumps(said))  # killed when it was gone from the store, and what is said of it not yet
        assert run(quarantine) == 0
        assert (file.read_bytes(), reasons.exists()) == (whole, False)


def test_what_is_held_again_with_other_bytes_takes_the_place_of_its_earlier_copy(stores, real_file, tmp_path, workspace):
    plan, folder = pydicom.dcmread(real_file("rtplan.dcm")), workspace.operation("op")
    target, said = InstanceUids(plan.StudyInstanceUID, plan.SeriesInstanceUID, plan.SOPInstanceUID), {"reasons": []}
    other, file = dataclasses.replace(target, instance="1.2.3.4.6"), tmp_path / "held.dcm"

    def keep(held, uids, label):
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = uids.instance
        plan.RTPlanLabel = label
        plan.save_as(file)
        held.keep("0" * 16, uids, file.read_bytes(), said)
        return {uids.instance: file.read_bytes()}

    with deleting(stores.source) as quarantine:
        held = StoreQuarantine(store_at("--quarantine", quarantine, None), FolderQuarantine(str(folder.quarantine)))
        keep(held, target, "A1")
        for uids, label in ((target, "B2"), (other, "B2")):
            kept = keep(held, uids, label)
            assert stores.source.contents() == kept
            assert held.content("0" * 16) == file.read_bytes()
        stores.source.clear()
        plan.RTPlanLabel = "somebody's"
        plan.save_as(file)
        stores.source.put(file.read_bytes())
        theirs = stores.source.contents()
        keep(held, other, "C3")
        assert stores.source.contents() == theirs
        assert held.content("0" * 16) == file.read_bytes()


def test_what_an_unfinished_run_published_in_a_store_is_taken_out_of_it_and_nothing_else(stores, real_file, tmp_path, workspace):
    folder, name = workspace.operation("op"), OperationName("op", "in", stores.source.name, "fhir")
    plan, instances = pydicom.dcmread(real_file("rtplan.dcm")), []
    for number in range(3):
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        plan.save_as(tmp_path / "made.dcm")
        target = InstanceUids(plan.StudyInstanceUID, plan.SeriesInstanceUID, plan.SOPInstanceUID)
        opened = OpenInstance(InstanceRef(f"{number:016x}", "", 1), target, plan, dt.datetime.now(dt.UTC))
        instances.append(ScrubbedInstance(opened, target, (tmp_path / "made.dcm").read_bytes(), ()))
    with deleting(stores.source) as url:
        destination = Store(store_at("--destination", url, None))
        for one in instances:
            destination.publish(one.target, one.content)
        set_marks(folder, instances[1:])
        proven = spool.Shard(folder.spool)
        proven.add(instances[1].opened.ref.reference, {"provenance": {}})
        proven.close()
        assert take_back(folder, name, destination) == 0
        assert stores.source.contents().keys() == {"1.2.3.4.0", "1.2.3.4.1"}
        destination.withdraw(instances[2].target)  # gone already
        assert stores.source.contents().keys() == {"1.2.3.4.0", "1.2.3.4.1"}


@pytest.mark.servers("storage")
def test_a_store_that_cannot_delete_keeps_what_was_there_and_a_purge_says_so(run, stores, source, bucket, embedded, tmp_path, verb):
    """The workspace is in a bucket."""
    fhir, work = f"--fhir_store={embedded}", f"{bucket}/work"
    assert run(stores.source.url, fhir, workspace=work) == 1
    stored = stores.source.contents()
    assert len(stored) == 2
    lines = map(json.loads, read_bytes(f"{work}/outcomes.ndjson").splitlines())
    (unknown,) = [line["reference"] for line in lines if line["code"] == "PRIVATE_SOP_CLASS"]
    assert verb("release", unknown, "--by", "Ada Example", workspace=work)[0] == 1
    assert (len(published(tmp_path)), stores.source.contents()) == (1, stored)
    assert run(tmp_path / "apart", fhir, workspace=work) == 2  # not where it holds instances
    code, output = verb("purge", "op", "--yes", workspace=work)
    kept = {line.split()[1].rpartition("/")[2] for line in output.splitlines() if "in the quarantine's store, which cannot delete" in line}
    assert (code, kept, "0 held instances" in output) == (0, stored.keys(), True), output  # the released one too
    assert [name for name, _ in list_files(work) if "/op/" in name] == []


def test_a_quarantine_is_no_store_that_is_read_or_published_and_is_there(run, stores, tmp_path, key_uri, capsys):
    places = [
        f"--source={stores.source.url}",
        f"--destination={stores.destination.url}",
        f"--workspace={tmp_path}/work",
        f"--key_uri={key_uri}",
    ]
    for store in (stores.source, stores.destination):
        assert main([*places, f"--quarantine={store.url}"]) == 2
        assert "--quarantine: it is confidential, and has to lie apart from the" in capsys.readouterr().err
    assert run(stores.source.url + "x") == 2
    assert "there is no such DICOM store (HTTP 404)" in capsys.readouterr().err
