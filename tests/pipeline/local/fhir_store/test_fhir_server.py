"""The embedded store over HTTP, in a process of its own, as every client meets it."""

import concurrent.futures
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from pipeline.local import fhir_configure
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.serve import serve
from pipeline.local.store_process import running_store
from transforms.model.errors import ConfigError
from transforms.model.workspace import Workspace

STORE = "v1beta1/projects/test-project/locations/us-central1/datasets/test-dataset/fhirStores/test-fhir-store"
SEED_PAGE = Path(__file__).parents[3] / "seed_page"


@contextlib.contextmanager
def process(workspace: Workspace, *options: str):
    command = [sys.executable, "-m", "pipeline.local.serve", "--workspace", workspace.root, *options]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running, running.stdout.readline().strip()
    finally:
        running.kill()
        running.communicate()


def put(base: str, resource: dict, **more) -> requests.Response:
    return requests.put(f"{base}/fhir/Provenance/{resource['id']}", json=resource, timeout=30, **more)


def issue(response: requests.Response) -> str:
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    return body["issue"][0]["code"]


def test_every_call_of_the_source_page_has_the_pages_answer(workspace):
    with running_store(workspace, None) as url:
        done = subprocess.run(["bash", SEED_PAGE / "seed-page.sh", f"{url}/{STORE}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok ") == 9


def test_a_resource_is_made_updated_and_read(base, provenance):
    made = put(base, provenance("a"))
    assert (made.status_code, made.headers["ETag"]) == (201, 'W/"1"')
    assert made.headers["Location"] == f"{base}/fhir/Provenance/a/_history/1"
    same, changed = put(base, provenance("a")), put(base, provenance("a", "9"))
    assert (same.status_code, same.json()["meta"]["versionId"]) == (200, "1")
    assert (changed.status_code, changed.json()["meta"]["versionId"]) == (200, "2")
    assert requests.get(f"{base}/fhir/Provenance/a", timeout=30).json() == changed.json()
    assert requests.get(made.headers["Location"], timeout=30).json() == same.json()
    history = requests.get(f"{base}/fhir/Provenance/a/_history", timeout=30).json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    assert made.headers["Content-Type"].startswith("application/fhir+json")


def test_both_versions_of_the_api_reach_one_store(base, provenance):
    put(base, provenance("a"))
    assert requests.get(base.replace("/v1beta1/", "/v1/") + "/fhir/Provenance/a", timeout=30).status_code == 200


def test_the_store_says_that_it_is_r4_and_takes_client_ids(base):
    answer = requests.get(base, timeout=30).json()
    assert answer == {
        "name": base.partition("/v1beta1/")[2],
        "version": "R4",
        "enableUpdateCreate": True,
        "disableReferentialIntegrity": True,
        "defaultSearchHandlingStrict": False,
    }


def test_the_capability_statement_is_valid_and_names_what_is_configured(base, seed_page):
    for name in ("relative-x", "lookup-source"):
        assert requests.post(f"{base}/fhir/SearchParameter", json=seed_page(f"search-parameter-{name}.json"), timeout=30).status_code == 201
    assert requests.post(f"{base}:configureSearch", json=seed_page("configure-search.json"), timeout=30).status_code == 200
    statement = requests.get(f"{base}/fhir/metadata", timeout=30).json()
    assert CapabilityStatement.model_validate(statement).fhirVersion == "4.0.1"
    (provenances, _) = statement["rest"][0]["resource"]
    assert {one["code"] for one in provenances["interaction"]} >= {"create", "read", "vread", "update", "delete", "search-type"}
    assert (provenances["updateCreate"], provenances["conditionalUpdate"], provenances["conditionalDelete"]) == (
        True,
        True,
        "multiple",
    )
    assert provenances["referencePolicy"] == ["literal", "logical"]
    known = {one["name"]: one["type"] for one in statement["rest"][0]["resource"][0]["searchParam"]}
    assert known["relative-x-coordinate-bottom-left"] == "number"
    assert known["lookup-source-instance"] == "string"
    assert known["target"] == "reference"
    configured = requests.get(base, timeout=30).json()["searchConfig"]["searchParameters"]
    assert {one["canonicalUrl"] for one in configured} == set(seed_page("configure-search.json")["canonicalUrls"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fhir/Provenance/none", 404),
        ("GET", "/fhir/Patient", 404),
        ("GET", "/fhir/Patient/a", 404),
        ("PUT", "/fhir/Patient/a", 404),
        ("DELETE", "/fhir/Provenance", 400),
        ("DELETE", "/fhir/Patient/a", 404),
        ("PATCH", "/fhir/Provenance/a", 405),
        ("GET", "/no-such", 404),
        ("POST", "/fhir", 400),
        ("POST", "/fhir/Provenance", 400),
        ("GET", "/fhir/Provenance?recorded=x", 400),
    ],
)
def test_what_is_refused_is_answered_by_an_operation_outcome(base, method, path, status):
    response = requests.request(method, base + path, timeout=30)
    assert response.status_code == status
    assert issue(response)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a": NaN}', b'{"a": 1e999}', b"\xff"])
def test_what_is_not_json_is_refused(base, body):
    response = requests.post(f"{base}/fhir", data=body, headers={"Content-Type": "application/fhir+json"}, timeout=30)
    assert (response.status_code, issue(response)) == (400, "structure")


def test_a_form_is_refused_so_that_no_web_page_can_write(base, provenance):
    response = requests.post(f"{base}/fhir", data=json.dumps(provenance("a")), headers={"Content-Type": "text/plain"}, timeout=30)
    assert response.status_code == 415


def test_a_request_under_another_host_name_is_refused(base):
    assert requests.get(base, headers={"Host": "evil.example"}, timeout=30).status_code == 403
    assert requests.get(base, headers={"Host": "["}, timeout=30).status_code == 403
    assert requests.get(base, headers={"Host": "[::1]:1"}, timeout=30).status_code == 200
    assert requests.get(base, headers={"Host": "localhost:1"}, timeout=30).status_code == 200


def test_a_body_past_the_limit_is_refused(base):
    response = requests.put(f"{base}/fhir/Provenance/a", data=b" " * 10_000_001, headers={"Content-Type": "application/json"}, timeout=30)
    assert (response.status_code, issue(response)) == (413, "too-long")


def test_strict_handling_is_asked_for_by_a_header(base):
    url = f"{base}/fhir/Provenance?no-such=1"
    assert requests.get(url, timeout=30).status_code == 200
    assert requests.get(url, headers={"Prefer": "respond-async, handling=strict"}, timeout=30).status_code == 400


def test_the_next_link_can_be_followed(base, provenance):
    for name in "abc":
        put(base, provenance(name))
    first = requests.get(f"{base}/fhir/Provenance?_count=2", timeout=30).json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    second = requests.get(following, timeout=30).json()
    assert [entry["resource"]["id"] for page in (first, second) for entry in page["entry"]] == ["a", "b", "c"]
    assert requests.post(f"{base}/fhir/Provenance/_search?_count=2", timeout=30).json() == first


def test_configuring_search_for_what_does_not_exist_fails(base):
    response = requests.post(f"{base}:configureSearch", json={"canonicalUrls": ["none"]}, timeout=30)
    assert (response.status_code, issue(response)) == (400, "not-found")
    assert requests.post(f"{base}:configureSearch", json={"canonicalUrls": "none"}, timeout=30).status_code == 400


def test_the_operation_of_a_run_is_answered_under_its_own_name_only(server, shared_workspace):
    name = "projects/local/locations/local/datasets/local/operations/0123abcd"
    operation = {"name": name, "metadata": {"counter": {"success": "2"}}, "done": True, "response": {}}
    file = shared_workspace.operation("0123abcd").state_file
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(operation))
    assert requests.get(f"{server}/v1beta1/{name}", timeout=30).json() == operation
    for other in (name.replace("datasets/local", "datasets/other"), name + "4", name.replace("0123abcd", "..%2Foperations%2F0123abcd")):
        assert requests.get(f"{server}/v1beta1/{other}", timeout=30).status_code == 404


def test_concurrent_writers_lose_nothing(base, provenance):
    def write(number: int) -> int:
        entries = [
            {"request": {"method": "PUT", "url": f"Provenance/{number}-{index}"}, "resource": provenance(f"{number}-{index}")}
            for index in range(10)
        ]
        return requests.post(f"{base}/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries}, timeout=60).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(20))) == {200}
    assert requests.get(f"{base}/fhir/Provenance?_count=1", timeout=30).json()["total"] == 200


def test_writes_past_the_quota_wait_for_retry_after(workspace, provenance):
    with running_store(workspace, 60) as url:
        base = f"{url}/{STORE}"
        entries = [{"request": {"method": "PUT", "url": f"Provenance/{n}"}, "resource": provenance(str(n))} for n in range(61)]
        answer = requests.post(f"{base}/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries}, timeout=30).json()
        assert [entry["response"]["status"] for entry in answer["entry"]][59:] == ["201 Created", "429 Too Many Requests"]
        assert answer["entry"][60]["response"]["outcome"]["issue"][0]["diagnostics"].endswith("; Retry-After: 1")
        refused = put(base, provenance("60"))
        assert (refused.status_code, issue(refused), refused.headers["Retry-After"]) == (429, "throttled", "1")
        assert requests.get(f"{base}/fhir/Provenance/0", timeout=30).status_code == 200
        time.sleep(int(refused.headers["Retry-After"]))
        assert put(base, provenance("60")).status_code == 201


def test_what_was_answered_survives_a_kill(workspace, provenance):
    with process(workspace) as (running, url):
        assert [put(f"{url}/{STORE}", provenance(name)).status_code for name in "ab"] == [201, 201]
        running.send_signal(signal.SIGKILL)
        running.wait()
    with process(workspace) as (_, url):
        found = requests.get(f"{url}/{STORE}/fhir/Provenance", timeout=30).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["a", "b"]


def test_indexing_that_a_kill_interrupted_is_completed_by_the_next_start(workspace, provenance, seed_page):
    database, name = FhirDatabase(workspace.fhir_database), STORE.removeprefix("v1beta1/")
    with database.write(name) as writer:
        for number in range(250):
            writer.put("Provenance", f"p{number}", provenance(f"p{number}", str(number)))
        writer.put("SearchParameter", "s", seed_page("search-parameter-lookup-source.json"))
    operation = fhir_configure.configure(database, name, ["lookup-source-instance"])
    assert not operation["done"]
    with process(workspace) as (_, url):
        deadline = time.monotonic() + 30
        while not requests.get(f"{url}/v1beta1/{operation['name']}", timeout=30).json()["done"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        query = "lookup-source-instance:contains=instances/249"
        assert requests.get(f"{url}/{STORE}/fhir/Provenance?{query}", timeout=30).json()["total"] == 1


def test_a_store_ends_with_the_process_that_started_it(workspace):
    with process(workspace, "--stop_with_stdin") as (running, url):
        assert url
        running.stdin.close()
        assert running.wait(20) == 0
        running.stdin = None


def test_the_store_beside_a_run_starts_without_beam_and_starts_no_runs(workspace):
    code = "import sys, pipeline.local.serve; sys.exit(any(name in sys.modules for name in ('apache_beam', 'cv2', 'onnxruntime')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with process(workspace, "--stop_with_stdin") as (_, url):
        store = f"{url}/{STORE}".replace("fhirStores", "dicomStores")
        answer = requests.post(f"{store}:deidentify", json={"destinationStore": store}, timeout=30)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-supported")


def test_nothing_of_a_request_is_printed(workspace, provenance):
    with process(workspace) as (running, url):
        base = f"{url}/{STORE}"
        put(base, provenance("a", "SECRET-3"))
        put(base, provenance("SECRET_ID"))
        requests.get(f"{base}/fhir/Provenance?recorded=SECRET", timeout=30)
        requests.get(f"{base}/fhir/Provenance/SECRET", timeout=30)
        requests.post(f"{base}/fhir", data=b"SECRET", headers={"Content-Type": "application/json"}, timeout=30)
        with contextlib.closing(sqlite3.connect(workspace.fhir_database)) as connection:
            connection.execute("DROP TABLE search_values")
        broken = put(base, provenance("b", "SECRET-4"))
        assert (broken.status_code, issue(broken)) == (500, "exception")
        running.terminate()
        printed = "".join(running.communicate())
    assert "SECRET" not in printed
    assert printed.strip() == "the FHIR store failed on a request: OperationalError"


def test_a_token_is_required_where_one_is_set(workspace, tmp_path):
    token = tmp_path / "token"
    token.write_text("abc123\n")
    with process(workspace, "--token_file", str(token)) as (_, url):
        answers = [
            requests.get(f"{url}/{STORE}", headers=headers, timeout=30).status_code
            for headers in ({}, {"Authorization": "Bearer abc12"}, {"Authorization": "abc123"}, {"Authorization": "Bearer abc123"})
        ]
    assert answers == [401, 401, 401, 200]


def test_beyond_loopback_a_token_is_required(workspace, tmp_path):
    with pytest.raises(ConfigError, match=r"--host is '0.0.0.0': without a token"):
        serve(workspace, "0.0.0.0")
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigError, match="the file is empty"):
        serve(workspace, "127.0.0.1", token_file=str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="cannot be read"):
        serve(workspace, "127.0.0.1", token_file=str(tmp_path / "none"))


def test_a_port_in_use_is_named(server, workspace):
    port = server.rpartition(":")[2]
    with process(workspace, "--port", port) as (running, _):
        _, printed = running.communicate()
        assert running.returncode == 1
    assert printed.startswith(f"dicom-deid: --port is '{port}': the address cannot be listened on")


def test_the_database_is_readable_by_its_owner_only(server, shared_workspace):
    requests.put(f"{server}/{STORE}/fhir/Provenance/a", json={}, timeout=30)
    modes = {file.name: file.stat().st_mode & 0o077 for file in Path(shared_workspace.root).iterdir()}
    assert modes["fhir.sqlite"] == modes["fhir.sqlite-wal"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/fhir/Provenance/a", 405),
        ("PATCH", "/fhir/Provenance?_id=a", 405),
        ("GET", "/fhir/Patient", 404),
        ("GET", "/fhir/Provenance/_history", 404),
        ("GET", "/fhir/_history", 404),
        ("GET", "/fhir/Provenance?_include=Provenance:target", 400),
        ("GET", "/fhir/Provenance?agent.name=x", 400),
        ("GET", "/fhir/Provenance?_summary=count", 400),
        ("GET", "/fhir/Provenance?agent-role:in=x", 400),
    ],
)
def test_what_the_store_leaves_out_is_refused_by_name(base, method, path, status):
    """As the guide lists it; parameters that are not understood under strict handling."""
    answer = requests.request(method, base + path, headers={"Prefer": "handling=strict"}, timeout=30)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


def test_a_search_takes_no_form(base):
    answer = requests.post(f"{base}/fhir/Provenance/_search", data={"_id": "a"}, timeout=30)
    assert (answer.status_code, answer.json()["resourceType"]) == (415, "OperationOutcome")
