import datetime as dt
import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.local import fhir_configure, fhir_json
from pipeline.local.fhir_database import FhirDatabase
from pipeline.local.search import install, install_pack, install_remotely, render, search
from pipeline.local.store_process import running_store
from transforms.fhir.client import FhirClient
from transforms.fhir.parameters import search_parameters
from transforms.model.errors import ConfigError
from transforms.model.names import LOCAL_DATASET, LOCAL_FHIR_STORE, OperationName
from transforms.model.records import Action, BoxFinding, InstanceRef, InstanceUids, PixelSearch, TagFinding, WrittenInstance
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape


@pytest.fixture
def run(workspace, provenance, seed_page):
    """A workspace as a run leaves it: the operation's Provenance and 120 instances."""
    database = FhirDatabase(workspace.fhir_database)
    operation = seed_page("operation-provenance.json") | {"id": "operation-1"}
    resources = [operation, *(provenance(f"p{n}", str(n), (n / 200, 0.9) if n % 2 else ()) for n in range(120))]
    with database.write(LOCAL_FHIR_STORE) as writer:
        for resource in resources:
            writer.put("Provenance", resource["id"], resource)
    return workspace


def test_the_first_search_installs_the_parameters_and_answers(run):
    found = search(run, "Provenance?lookup-source-instance:contains=studies/1/series/2/instances/117")
    assert (found["total"], found["entry"][0]["resource"]["id"]) == (1, "p117")
    found = search(run, "Provenance?relative-x-coordinate-bottom-left=le0.05")
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["p1", "p3", "p5", "p7", "p9"]


def test_all_pages_come_as_one_bundle(run):
    found = search(run, "Provenance?_count=50")
    assert found["total"] == 121
    assert len({entry["resource"]["id"] for entry in found["entry"]}) == 121
    assert [link["relation"] for link in found["link"]] == ["search", "first", "self"]


def test_installing_again_writes_nothing_and_keeps_what_the_user_configured(run, seed_page):
    database = FhirDatabase(run.fhir_database)
    own = seed_page("search-parameter-lookup-source.json") | {"url": "https://example.org/own", "code": "own"}
    with database.write(LOCAL_FHIR_STORE) as writer:
        writer.put("SearchParameter", "own", own)
    fhir_configure.configure(database, LOCAL_FHIR_STORE, ["https://example.org/own"])
    for _ in range(2):
        install(database, LOCAL_FHIR_STORE, {"lookup-source-instance", "relative-x-coordinate-bottom-left"})
        with database.read(LOCAL_FHIR_STORE) as reader:
            configured = {one["canonicalUrl"] for one in fhir_configure.configured(reader)}
            operations = reader.connection.execute("SELECT count(*) FROM operations").fetchone()
        assert configured == {"https://example.org/own", "lookup-source-instance", "relative-x-coordinate-bottom-left"}
        assert operations == (2,)


def test_a_configured_parameter_whose_resource_was_deleted_stops_nothing(run, seed_page):
    database = FhirDatabase(run.fhir_database)
    own = seed_page("search-parameter-lookup-source.json") | {"url": "https://example.org/own", "code": "own"}
    with database.write(LOCAL_FHIR_STORE) as writer:
        writer.put("SearchParameter", "own", own)
    fhir_configure.configure(database, LOCAL_FHIR_STORE, ["https://example.org/own"])
    with database.write(LOCAL_FHIR_STORE) as writer:
        writer.delete("SearchParameter", "own")
    assert search(run, "Provenance?_id=p1")["total"] == 1


@pytest.mark.parametrize("query", ["Provenance?lookup-source=x", "Patient", "Provenance?recorded=x", ""])
def test_a_query_that_cannot_be_understood_is_refused(run, query):
    with pytest.raises(ConfigError, match=r"^QUERY: "):
        search(run, query)


def test_more_than_a_page_can_hold_comes_as_one_bundle(workspace, provenance):
    database = FhirDatabase(workspace.fhir_database)
    with database.write(LOCAL_FHIR_STORE) as writer:
        for number in range(2300):
            writer.put("Provenance", f"p{number}", provenance(f"p{number}", str(number)))
    for query in ("Provenance?_count=1000", "Provenance?_count=5000&_sort=-_id", "Provenance?lookup-source-instance:contains=studies/1"):
        found = search(workspace, query)
        assert found["total"] == len({entry["resource"]["id"] for entry in found["entry"]}) == len(found["entry"]) == 2300


def test_ours_are_put_in_force_when_a_query_names_them(run):
    def configured() -> set[str]:
        with FhirDatabase(run.fhir_database).read(LOCAL_FHIR_STORE) as reader:
            return {one["canonicalUrl"].rpartition(":")[2] for one in fhir_configure.configured(reader)}

    pages = {"lookup-source-instance", "relative-x-coordinate-bottom-left"}
    search(run, "Provenance?_id=p1")
    assert configured() == pages
    assert search(run, "Provenance?deid-action=removed&_sort=-deid-relative-bottom")["total"] == 120
    assert configured() == pages | {"deid-action", "deid-relative-bottom"}
    assert set(install_pack(run)) == configured()
    assert len(configured()) == 13


def test_installing_in_a_store_over_http_keeps_what_is_configured_there(workspace, provenance, seed_page):
    own = seed_page("search-parameter-lookup-source.json") | {"url": "https://example.org/own", "code": "own", "id": "own"}
    with running_store(workspace) as url:
        store = f"{url}/v1beta1/{LOCAL_FHIR_STORE}"
        client = FhirClient(store)
        client.put(own)
        client.configure_search(["https://example.org/own"])
        client.put(provenance("a", bottoms=(0.25,)))
        codes = install_remotely(store)
        assert len(codes) == 13
        known = {one["canonicalUrl"] for one in client.get_store()["searchConfig"]["searchParameters"]}
        assert known == {*search_parameters(), "https://example.org/own"}
        assert [one["id"] for one in client.search("Provenance?deid-relative-bottom=0.25&own:contains=instances/3")] == ["a"]
        assert install_remotely(store) == codes
        assert {one["meta"]["versionId"] for one in client.search("SearchParameter")} == {"1"}
    with pytest.raises(ConfigError, match="--fhir_store"):
        install_remotely("provenance")


def test_any_other_store_is_searched_page_by_page_and_strictly(run, capsys):
    database = FhirDatabase(run.fhir_database)
    with database.read(LOCAL_FHIR_STORE) as reader:
        exact = fhir_json.read(fhir_json.write(reader.get("Provenance", "p1").resource).replace("0.005", "0.0050"))
    with database.write(LOCAL_FHIR_STORE) as writer:
        writer.put("Provenance", "p1", exact)
    with running_store(run) as url:
        command = ["search", "--fhir_store", f"{url}/v1beta1/{LOCAL_FHIR_STORE}"]
        assert main([*command, "Provenance?_count=50", "--json"]) == 0
        printed = capsys.readouterr().out
        found = json.loads(printed)
        assert len({entry["resource"]["id"] for entry in found["entry"]}) == found["total"] == 121
        assert [link["relation"] for link in found["link"]] == ["search", "first", "self"]
        assert '"valueDecimal": 0.0050' in printed
        query = "Provenance?relative-x-coordinate-bottom-left=le0.05"
        assert main([*command, query]) == 2
        assert "QUERY: the store does not understand it (HTTP 400 not-supported); check its parameters" in capsys.readouterr().err
        assert main([*command, "--install", query]) == 0
        assert "5 found" in capsys.readouterr().out
        assert main([*command, "metadata"]) == 2
        assert "not a Bundle" in capsys.readouterr().err


def test_what_another_store_leaves_out_or_adds_does_not_stop_the_table():
    resources = [{"resourceType": "Provenance", "id": "bare"}, {"resourceType": "Patient", "id": "other"}]
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    console = Console(file=io.StringIO(), width=250)
    render({"resourceType": "Bundle", "entry": [*({"resource": one} for one in resources), outcome]}, console)
    assert "2 found" in console.file.getvalue()


def test_a_store_that_wants_a_token_gets_the_named_one(run, tmp_path, capsys):
    token = tmp_path / "token"
    token.write_text("abc123\n")
    command = [sys.executable, "-m", "pipeline.local.serve", "--workspace", run.root, "--token_file", str(token)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            install = ["search", "--install", "--fhir_store", f"{process.stdout.readline().strip()}/v1beta1/{LOCAL_FHIR_STORE}"]
            assert [main(install), main([*install, "--fhir_token_uri", f"file:{token}"])] == [2, 0]
        finally:
            process.terminate()
    assert "deid-frame" in capsys.readouterr().err


def test_a_workspace_without_a_store_is_refused(workspace):
    with pytest.raises(ConfigError, match=r"^--workspace: it holds no FHIR store"):
        search(workspace, "Provenance")
    assert not workspace.fhir_database.exists()


def test_the_table_counts_boxes_and_tags(run):
    console = Console(file=io.StringIO(), width=250)
    render(search(run, "Provenance?_id=p1,p2,operation-1"), console)
    printed = console.file.getvalue()
    lines = [line for line in printed.splitlines() if "│" in line]
    cells = {line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in lines}
    names = [f"{store}/dicomWeb/studies/1/series/2/instances/1" for store in ("aaaa", "bbbb")]
    assert cells["p1"] == [*names, "2026-11-22T10:00:00.000Z", "2", "1"]
    assert cells["p2"][3:] == ["0", "1"]
    assert cells["operation-1"] == ["SOURCE_STORE", "DEST_STORE", "2010-11-08T08:30:24-04:00", "0", "0"]
    assert "3 found" in printed


OURS_FIND = {
    "deid-frame=0": ["1", "2"],
    "deid-frame=gt0": [],
    "deid-info-type=PERSON_NAME": ["1"],
    "deid-info-type=date": ["1", "2", "3"],
    "deid-tag=00100010": ["1", "2", "3"],
    "deid-tag=0010&deid-tag:exact=0010": [],
    "deid-action:exact=RESET": ["1", "2", "3"],
    "deid-action=removed": [],
    "deid-reason:contains=basic z": ["1", "2", "3"],
    "deid-operation:contains=operation-op1": ["1", "2", "3"],
    "deid-operation:exact=op1": [],
    "deid-target:contains=instances/2.25.32": ["2"],
    "deid-relative-left=le0.02": ["1", "2"],
    "deid-relative-right=ge0.17": ["1"],
    "deid-relative-top=lt0.05": ["1"],
    "deid-relative-bottom=1&_sort=-deid-relative-top": ["2", "1"],
}
"""Each query and the instances it has to find, in either shape."""


@pytest.mark.parametrize("shape", list(Shape))
def test_what_the_pipeline_writes_is_found_in_either_shape(workspace, secret, shape):
    at = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
    name = OperationName("op1", f"{LOCAL_DATASET}/dicomStores/aaaa", f"{LOCAL_DATASET}/dicomStores/bbbb", LOCAL_FHIR_STORE)
    tag = TagFinding(
        "00100010", Action.RESET, "Matched ID: 00100010 (Basic Z, 2026d)", original="Doe^John", replaced="A1B2", info_type="DATE"
    )
    boxes = (BoxFinding(0, 10, 2, 110, 24, "DOE JOHN", 0.9, "PERSON_NAME"), BoxFinding(0, 10, 50, 90, 480, "F 42", 0.625))
    builder = ProvenanceBuilder(name, secret, Phi.INCLUDE, shape)
    database = FhirDatabase(workspace.fhir_database)
    for number, found in ((1, boxes), (2, boxes[1:]), (3, ())):
        source, target = InstanceUids("1.2", "1.2.3", f"1.2.3.{number}"), InstanceUids("2.25.1", "2.25.2", f"2.25.3{number}")
        ref = InstanceRef(f"{number:016x}", "x", 9)
        resource = builder.build(WrittenInstance(ref, source, target, 640, 480, 1, 5321, (tag,), found, PixelSearch.FAST, at, at))
        with database.write(LOCAL_FHIR_STORE) as writer:
            writer.put("Provenance", resource["id"], resource)

    def sources(query: str) -> list[str]:
        entries = search(workspace, f"Provenance?{query}").get("entry", ())
        return [entry["resource"]["entity"][0]["what"]["identifier"]["value"][-1] for entry in entries]

    assert sources("lookup-source-instance:contains=studies/1.2/series/1.2.3/instances/1.2.3.2") == ["2"]
    assert sources("relative-x-coordinate-bottom-left=le0.05") == ["1"]
    assert sources("relative-x-coordinate-bottom-left=1") == ["1", "2"]
    assert sources("relative-x-coordinate-bottom-left:missing=true") == ["3"]
    for query, due in OURS_FIND.items():
        assert sources(query) == due, query
    assert sources(f"agent:identifier={LOCAL_FHIR_STORE}/fhir/Provenance/operation-op1") == ["1", "2", "3"]
    console = Console(file=io.StringIO(), width=250)
    render(search(workspace, "Provenance"), console)
    counts = [line.split("│")[-3:-1] for line in console.file.getvalue().splitlines() if "│" in line]
    assert [[int(cell) for cell in row] for row in counts] == [[2, 1], [1, 1], [0, 1]]


def test_the_command_prints_a_table_or_the_bundle_with_its_numbers_as_written(run, provenance, capsys):
    exact = fhir_json.read(fhir_json.write(provenance("exact", bottoms=(0.25,))).replace("0.25", "0.250"))
    with FhirDatabase(run.fhir_database).write(LOCAL_FHIR_STORE) as writer:
        writer.put("Provenance", "exact", exact)
    command = ["search", "--workspace", run.root]
    assert main([*command, "Provenance?_id=exact,p1", "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["total"] == 2
    assert '"valueDecimal": 0.250' in printed
    for query in ("Provenance?_id=p1", "Provenance?_id=p1&_total=none", "Provenance?_id=p1&_elements=recorded"):
        assert main([*command, query]) == 0
        assert "1 found" in capsys.readouterr().out


def test_the_command_installs_without_a_query(run, capsys):
    assert main(["search", "--workspace", run.root, "--install"]) == 0
    assert "deid-frame" in capsys.readouterr().err
    assert main(["search", "--workspace", run.root, "--install", "Provenance?deid-action=removed&_count=1000"]) == 0
    assert "120 found" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["search"],
        ["search", "--install"],
        ["search", "Provenance"],
        ["search", "Provenance", "--fhir_store", "store"],
        ["search", "Provenance", "--fhir_store", "http://127.0.0.1:1/fhir", "--workspace", "."],
        ["search", "Provenance", "--workspace", ".", "--fhir_token_uri", "env:TOKEN"],
    ],
)
def test_a_command_that_says_too_little_is_refused(words, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("dicom-deid: ")
