"""The writer against the embedded store, over real HTTP and a real quota."""

import json
import subprocess
import sys
import time

import apache_beam as beam
import pytest

from pipeline.local.store_process import running_store
from transforms.fhir.client import FhirClient
from transforms.fhir.ledger import ShardAnswer
from transforms.fhir.preflight import PERMISSIONS, check_fhir_store
from transforms.fhir.transform import WriteToFhirStore
from transforms.fhir.writer import FhirWriter
from transforms.model.errors import StoreError
from transforms.model.names import LOCAL_FHIR_STORE


@pytest.fixture
def embedded(workspace):
    with running_store(workspace) as base:
        yield FhirClient(f"{base}/v1beta1/{LOCAL_FHIR_STORE}")


def totals(answers):
    return sum(answer.answered for answer in answers), sum(answer.dead for answer in answers)


def versions(client):
    return {resource["id"]: resource["meta"]["versionId"] for resource in client.search("Provenance?_count=50")}


def test_the_embedded_store_passes_preflight_under_both_kinds_of_url(embedded):
    check_fhir_store(embedded)
    check_fhir_store(FhirClient(embedded.base))


def test_who_is_let_in_may_write(embedded):
    assert embedded.allowed(PERMISSIONS) == set(PERMISSIONS)
    with pytest.raises(StoreError, match="HTTP 400"):
        embedded.allowed([1])


def test_a_run_puts_each_resource_once_and_a_repetition_changes_nothing(embedded, spooled, folder):
    shards = spooled(130)
    assert totals(list(FhirWriter(embedded, folder, None).write(shards))) == (130, 0)
    first = versions(embedded)
    assert len(first) == 130
    for marker in folder.answered.iterdir():
        marker.unlink()
    assert totals(list(FhirWriter(embedded, folder, None).write(shards))) == (130, 0)
    assert versions(embedded) == first
    operation = {**next(embedded.search("Provenance?_count=1")), "id": "operation-1"}
    assert embedded.put(operation)["id"] == "operation-1"
    assert embedded.get("Provenance/operation-1")["meta"]["versionId"] == "1"


def test_one_bad_resource_in_a_bundle_is_the_only_dead_letter(embedded, spooled, folder):
    (shard,) = spooled(20)
    file = folder.spool / f"{shard.name}.ndjson"
    lines = file.read_text().splitlines()
    broken = json.loads(lines[7])
    del broken["provenance"]["recorded"]
    lines[7] = json.dumps(broken)
    file.write_text("\n".join(lines) + "\n")
    assert list(FhirWriter(embedded, folder, None).write([shard])) == [ShardAnswer(shard.name, 20, 19, 1)]
    (letter,) = map(json.loads, (folder.dead_letters / f"{shard.name}.ndjson").read_text().splitlines())
    assert letter["reference"] == broken["reference"]
    assert (letter["status"], letter["retryable"]) == (400, False)
    assert letter["code"]
    assert len(versions(embedded)) == 19


def test_a_burst_over_the_quota_is_throttled_and_arrives_whole(workspace, spooled, folder):
    with running_store(workspace, 600) as base:
        client = FhirClient(f"{base}/v1beta1/{LOCAL_FHIR_STORE}")
        start = time.monotonic()
        assert totals(list(FhirWriter(client, folder, None).write(spooled(620)))) == (620, 0)
        assert time.monotonic() - start > 1
        found = versions(client)
    assert len(found) == 620
    assert set(found.values()) == {"1"}


def test_a_store_killed_in_the_middle_and_started_again_has_everything(workspace, spooled, folder):
    def start():
        command = [sys.executable, "-m", "pipeline.local.serve", "--workspace", workspace.root, "--port", port]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return process, process.stdout.readline().strip()

    port = "0"
    process, base = start()
    port = base.rpartition(":")[2]
    try:
        client = FhirClient(f"{base}/v1beta1/{LOCAL_FHIR_STORE}")
        answers = []
        for answer in FhirWriter(client, folder, 3000, backoff=lambda _: 0.2).write(spooled(300)):
            if not answers:
                process.kill()
                process.wait()
                process.stdout.close()
                process, _ = start()
            answers.append(answer)
        assert totals(answers) == (300, 0)
        found = versions(client)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert len(found) == 300


def test_the_transform_answers_for_each_shard(embedded, spooled, folder):
    shards = spooled(120)
    expected = sorted((shard.name, shard.entries, 0) for shard in shards)
    for _ in range(2):
        with beam.Pipeline(runner="FnApiRunner") as p:
            answers = p | beam.Create([*shards, shards[0]]) | WriteToFhirStore(embedded.store_url, folder, None)
            _ = (
                answers
                | beam.Map(lambda a: (a.shard, a.answered, a.dead))
                | beam.combiners.ToList()
                | beam.Map(sorted)
                | beam.Map(_same, expected)
            )
    assert len(versions(embedded)) == 120


def test_a_shard_of_which_no_word_came_is_delivered_too(embedded, spooled, folder):
    """A worker may be lost after it spooled; whoever repeats its work finds the instances done."""
    shards = spooled(120)
    with beam.Pipeline(runner="FnApiRunner") as p:
        answers = p | beam.Create(shards[1:]) | WriteToFhirStore(embedded.store_url, folder, None)
        _ = answers | beam.Map(lambda a: a.answered) | beam.CombineGlobally(sum) | beam.Map(_same, 120)
    assert len(versions(embedded)) == 120


def test_without_shards_the_transform_writes_nothing(folder):
    with beam.Pipeline(runner="FnApiRunner") as p:
        answers = p | beam.Create([]) | WriteToFhirStore("http://127.0.0.1:1", folder, None)
        _ = answers | beam.combiners.Count.Globally() | beam.Map(_same, 0)


def _same(found, expected):
    assert found == expected
