"""A whole run from Orthanc to Orthanc while calls and answers of both come to harm ends as without, but for what cannot be done."""

import json
import threading
import time
from urllib.parse import urlsplit

import pydicom
import pytest

from pipeline.main import main
from transforms.model import dicomweb, spool
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("orthanc", "mitmproxy")

UIDS = [f"1.2.3.{number}" for number in range(1, 11)]
GONE, REFUSED = UIDS[3], UIDS[6]
READ = {"method": "GET", "path": "/src/dicomWeb/studies/"}
LISTED, RETRIEVED = ({**READ, "path": "/src/dicomWeb/studies?"}, {**READ, "path": "/instances/1.2.3."})
STORED = {"method": "POST", "path": "/dst/dicomWeb/studies"}
HARM = [
    {**LISTED, "fault": "refuse", "status": 401, "first": 1, "times": 1},
    {**LISTED, "fault": "halve", "first": 3, "times": 1},
    {**RETRIEVED, "fault": "refuse", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
    {**RETRIEVED, "fault": "refuse", "status": 401, "first": 1, "times": 1},
    {**RETRIEVED, "fault": "refuse", "status": 503, "first": 2, "times": 4},
    {**RETRIEVED, "fault": "reset", "first": 8, "times": 1},
    {**RETRIEVED, "fault": "halve", "first": 10, "times": 1},
    {**RETRIEVED, "fault": "cut", "first": 12, "times": 1},
    {**STORED, "fault": "refuse", "status": 503, "first": 1, "times": 2},
    {**STORED, "fault": "reset", "first": 4, "times": 1},
    {**STORED, "fault": "silent", "first": 5, "times": 1},
    {**STORED, "fault": "cut", "first": 6, "times": 1},
    {**STORED, "fault": "halve", "first": 7, "times": 1},
]


@pytest.fixture
def run(stores, real_file, tmp_path, key_uri, monkeypatch):
    """`run(source, destination, workspace)`: the exit code of a run over ten plans that are in the source store, and its operation."""
    monkeypatch.setattr(dicomweb, "delay", lambda _attempt, _chance: 0.05)
    (tmp_path / "token").write_text("swordfish")
    plan = pydicom.dcmread(real_file("rtplan.dcm"))
    for uid in UIDS:
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = uid
        plan.save_as(tmp_path / "made.dcm")
        stores.source.put((tmp_path / "made.dcm").read_bytes())

    def start(source, destination, workspace):
        places = {"source": source, "destination": destination, "workspace": tmp_path / workspace, "key_uri": key_uri}
        servers = {urlsplit(url).netloc for url in (str(source), str(destination))} - {""}
        tokens = ",".join(f"{server}=file:{tmp_path / 'token'}" for server in servers)
        code = main([*(f"--{name}={at}" for name, at in places.items()), f"--dicom_token_uri={tokens}"])
        states = [*(tmp_path / workspace / "operations").glob("*.json")]
        return code, *(Workspace(str(tmp_path / workspace)).operation(state.stem) for state in states)

    return start


def names(folder):
    """Source UID → target UID of each instance that has a Provenance; no instance has two."""
    resources = [entry["provenance"] for entry in spool.read_all(folder.spool)]
    pairs = [(resource["entity"][0]["what"], resource["target"][0]) for resource in resources]
    found = [tuple(one["identifier"]["value"].rpartition("/")[2] for one in pair) for pair in pairs]
    assert len(dict(found)) == len(found)
    return dict(found)


def remove_while_it_is_read(proxy, store, uid):
    """In a thread: as soon as somebody asks for the instance, which the proxy keeps waiting, it goes from the store."""

    def watch():
        deadline = time.monotonic() + 200
        while not any(request["path"].endswith(f"/instances/{uid}") for request in proxy.requests) and time.monotonic() < deadline:
            time.sleep(0.02)
        store.remove(uid)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_what_can_be_done_is_done_once_and_the_rest_has_a_name(run, stores, proxy, tmp_path, capsys):
    code, folder = run(stores.source.url, tmp_path / "out", "clean")
    assert code == 0
    clean = {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    targets = names(folder)
    assert targets.keys() == set(UIDS)

    slow = {**RETRIEVED, "path": f"/instances/{GONE}", "fault": "slow", "seconds": 2, "times": 1}
    refused = {**STORED, "body": targets[REFUSED], "fault": "refuse", "status": 400}
    source, destination = proxy.before_all([stores.source.url, stores.destination.url], slow, refused, *HARM)
    thread = remove_while_it_is_read(proxy, stores.source, GONE)
    code, folder = run(source, destination, "harmed")
    thread.join()
    assert [rule for rule, met in zip([slow, refused, *HARM], proxy.used, strict=True) if met != rule.get("times", 1)] == []

    assert code == 1
    assert "10 listed = 8 written + 0 held + 2 failed + 0 skipped" in capsys.readouterr().out
    lines = map(json.loads, (tmp_path / "harmed" / "outcomes.ndjson").read_text().splitlines())
    assert {(line["outcome"], line["stage"], line["code"]) for line in lines} == {
        ("failed", "read", "GONE"),
        ("failed", "write", "STORE_REFUSES"),
    }
    pages = [one["path"] for one in proxy.requests if "/instances?" in one["path"] and one["fault"] is None]
    assert len(set(pages)) == len(pages) == 2  # listed once, though the launcher wants to know how many they are
    left = {uid: target for uid, target in targets.items() if uid not in (GONE, REFUSED)}
    assert names(folder) == left
    assert stores.destination.contents() == {target: clean[target] for target in left.values()}


def test_a_listing_that_breaks_off_stops_the_run_in_one_sentence(run, stores, proxy, tmp_path, capsys):
    closed = {**LISTED, "fault": "refuse", "status": 403, "first": 2}  # after the preflight's, and its own first page
    assert run(proxy.before(stores.source.url, closed), stores.destination.url, "closed")[0] == 2
    assert not (tmp_path / "closed").exists()
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dicom-deid:")]
    assert "the DICOM store is 'HTTP 403': the caller has no permission; grant roles/healthcare.dicomEditor" in line
    assert stores.destination.contents() == {}
