"""Cloud Storage through mitmproxy, which harms calls and answers: what is read is whole, what is put is there once, and a whole run
from gs:// to gs:// with its workspace there ends as without, but for what cannot be done.
"""

import contextlib
import io
import json
import os
import threading
import time

import pydicom
import pytest
from google.cloud.storage.retry import DEFAULT_RETRY

from pipeline.main import main
from transforms.model import gcs, spool
from transforms.model.places import listed
from transforms.model.storage import create_if_absent, list_files, read_bytes, replace
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage", "mitmproxy")

CONTENT = bytes(range(256)) * 40
HALF = [{"fault": fault} for fault in ("silent", "cut", "reset", "halve")]
FAULTS = [*HALF, {"fault": "refuse", "status": 503}, {"fault": "refuse", "status": 429}, {"fault": "hide", "status": 500}]


@pytest.fixture
def behind(bucket, proxy, monkeypatch):
    """`behind(*rules)`: from now on calls to the store of the bucket come to harm; little time passes between tries."""
    direct = os.environ["STORAGE_EMULATOR_HOST"]
    for policy in (DEFAULT_RETRY, gcs._again()):
        monkeypatch.setattr(policy, "_initial", 0.02)
        monkeypatch.setattr(policy, "_maximum", 0.1)
    return lambda *rules: monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.before(direct, *rules))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"] + str(fault.get("status", "")))
def test_what_is_read_is_whole_and_what_is_put_is_there_once_whatever_happens_twice_on_the_way(behind, bucket, proxy, fault):
    assert create_if_absent(f"{bucket}/in/read", CONTENT)
    behind({**fault, "method": "GET", "path": "/o/in%2Fread?", "times": 2}, {**fault, "method": "GET", "path": "/o?", "times": 2})
    assert read_bytes(f"{bucket}/in/read") == CONTENT
    assert list(list_files(f"{bucket}/in")) == [(f"{bucket}/in/read", len(CONTENT))]
    assert proxy.used == [2, 2]
    behind({**fault, "method": "GET", "path": "/o/in%2Fread?", "times": 2})
    gcs.read_into(f"{bucket}/in/read", into := io.BytesIO())
    assert into.getvalue() == CONTENT
    behind({**fault, "method": "POST", "path": "/upload/", "times": 2})
    assert create_if_absent(f"{bucket}/in/made", CONTENT) is (fault["fault"] == "refuse")  # else our own stands there already
    assert read_bytes(f"{bucket}/in/made") == CONTENT
    replace(f"{bucket}/in/made", b"another")
    assert read_bytes(f"{bucket}/in/made") == b"another"
    assert proxy.used == [2]


UIDS = [f"1.2.3.{number}" for number in range(1, 9)]
GONE, CLOSED, TAKEN, HALVED = UIDS[2], UIDS[3], UIDS[4], UIDS[5]
LIST = {"method": "GET", "path": "/o?"}
SOURCE = {"method": "GET", "path": "/o/source%2F"}
PUT = {"method": "POST", "path": "/upload/", "body": '"harmed/'}
NOTED = {**PUT, "body": '"harmed-work/'}
KEPT = {"method": "GET", "path": "/o/harmed-work%2F"}
HARM = [
    {**LIST, "fault": "refuse", "status": 401, "times": 1},
    {**LIST, "fault": "halve", "first": 2, "times": 1},
    {**LIST, "fault": "cut", "first": 4, "times": 1},
    {**SOURCE, "fault": "refuse", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
    {**SOURCE, "fault": "refuse", "status": 401, "first": 2, "times": 1},
    {**SOURCE, "fault": "refuse", "status": 503, "first": 4, "times": 5},
    {**SOURCE, "fault": "reset", "first": 10, "times": 1},
    {**SOURCE, "fault": "cut", "first": 14, "times": 1},
    {**SOURCE, "fault": "slow", "seconds": 1, "first": 16, "times": 1},
    {**PUT, "fault": "refuse", "status": 503, "times": 2},
    {**PUT, "fault": "silent", "first": 3, "times": 1},
    {**PUT, "fault": "cut", "first": 5, "times": 1},
    {**PUT, "fault": "reset", "first": 7, "times": 1},
    {**NOTED, "fault": "refuse", "status": 503, "first": 2, "times": 2},
    {**NOTED, "fault": "refuse", "status": 401, "first": 6, "times": 1},
    {**NOTED, "fault": "silent", "first": 9, "times": 1},
    {**NOTED, "fault": "hide", "status": 500, "first": 12, "times": 1},
    {**KEPT, "fault": "refuse", "status": 503, "first": 1, "times": 2},
    {**KEPT, "fault": "cut", "first": 5, "times": 1},
]


@pytest.fixture
def as_google(behind, proxy, service_account, monkeypatch):
    """`with as_google(*rules):` the store is Google's own in the library's eyes, which signs in and, where it is told 401, anew."""

    @contextlib.contextmanager
    def signed_in(*rules):
        behind(*rules)
        with monkeypatch.context() as changed:
            changed.setenv("API_ENDPOINT_OVERRIDE", os.environ["STORAGE_EMULATOR_HOST"])
            changed.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account[0]))
            changed.delenv("STORAGE_EMULATOR_HOST")
            gcs._client_of.cache_clear()
            yield
        gcs._client_of.cache_clear()
        behind()

    return signed_in


@pytest.fixture
def run(bucket, tmp_path, real_file, key_uri, embedded):
    """`run(source, destination, workspace)`: the exit code of a run over plans that are in a folder and in the bucket."""
    (tmp_path / "source").mkdir()
    plan = pydicom.dcmread(real_file("rtplan.dcm"))
    for uid in UIDS:
        plan.SOPInstanceUID = plan.file_meta.MediaStorageSOPInstanceUID = uid
        plan.save_as(tmp_path / "source" / f"{uid}.dcm")
        create_if_absent(f"{bucket}/source/{uid}.dcm", (tmp_path / "source" / f"{uid}.dcm").read_bytes())

    def start(source, destination, workspace):
        places = {"source": source, "destination": destination, "workspace": workspace, "key_uri": key_uri, "fhir_store": embedded}
        return main([f"--{name}={at}" for name, at in places.items()])

    return start


def test_a_bucket_that_lets_us_not_in_is_told_before_anything_is_done(run, behind, bucket, capsys):
    for option, rule in (("source", LIST), ("workspace", NOTED), ("destination", PUT)):
        behind({**rule, "fault": "refuse", "status": 403})
        assert run(f"{bucket}/source", f"{bucket}/harmed", f"{bucket}/harmed-work") == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith(f"dicom-deid: --{option}")
    behind()
    assert len([name for name, _ in gcs.matches(bucket) if name.endswith(".dcm")]) == len(UIDS)


def names(workspace):
    """Source UID → target UID of each instance that has a Provenance."""
    (state,) = listed(Workspace(str(workspace)).operations, "*.json")
    resources = [entry["provenance"] for entry in spool.read_all(Workspace(str(workspace)).operation(state.stem).spool)]
    pairs = [(resource["entity"][0]["what"], resource["target"][0]) for resource in resources]
    return dict(tuple(one["identifier"]["value"].rpartition("/")[2] for one in pair) for pair in pairs)


def remove_while_it_is_read(proxy, uri, store):
    """In a thread: the object goes when it is asked for the second time, which the proxy keeps waiting; the first was to identify it."""
    asked = uri.partition("/source/")[2]

    def watch():
        deadline = time.monotonic() + 200
        while sum(f"/o/source%2F{asked}?" in request["path"] for request in proxy.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        store.bucket(uri.split("/")[2]).blob(f"source/{asked}").delete()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_what_can_be_done_is_done_once_and_the_rest_has_a_name(run, bucket, as_google, service_account, proxy, tmp_path, capsys):
    assert run(tmp_path / "source", tmp_path / "out", tmp_path / "clean") == 0
    clean = {path.stem: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    targets = names(tmp_path / "clean")
    assert targets.keys() == set(UIDS)

    one = {
        GONE: {"method": "GET", "path": f"/o/source%2F{GONE}.dcm?", "fault": "slow", "seconds": 2, "first": 1, "times": 1},
        CLOSED: {**PUT, "body": f"/{targets[CLOSED]}.dcm", "fault": "refuse", "status": 403},
        TAKEN: {**PUT, "body": f"/{targets[TAKEN]}.dcm", "fault": "refuse", "status": 412},
        HALVED: {"method": "GET", "path": f"/o/source%2F{HALVED}.dcm?", "fault": "halve", "first": 1, "times": 1},
    }
    rules, store = [*one.values(), *HARM], gcs._client()
    with as_google(*rules):
        thread = remove_while_it_is_read(proxy, f"{bucket}/source/{GONE}.dcm", store)
        code = run(f"{bucket}/source", f"{bucket}/harmed", f"{bucket}/harmed-work")
        thread.join()
        used = proxy.used
    assert [rule for rule, met in zip(rules, used, strict=True) if met != rule.get("times", 1)] == []
    assert len(service_account[1]) >= 4  # at the start, and anew for each 401

    assert code == 1
    assert "8 listed = 5 written + 0 held + 3 failed + 0 skipped" in capsys.readouterr().out
    lines = map(json.loads, read_bytes(f"{bucket}/harmed-work/outcomes.ndjson").splitlines())
    assert sorted((line["outcome"], line["stage"], line["code"]) for line in lines) == [
        ("failed", "read", "GONE"),
        ("failed", "write", "CANNOT_WRITE"),
        ("failed", "write", "CANNOT_WRITE"),
    ]
    left = {uid: target for uid, target in targets.items() if uid not in (GONE, CLOSED, TAKEN)}
    assert names(f"{bucket}/harmed-work") == left
    put = {name.rpartition("/")[2][:-4]: read_bytes(name) for name, _ in list_files(f"{bucket}/harmed") if name.endswith(".dcm")}
    assert put == {target: clean[target] for target in left.values()}
