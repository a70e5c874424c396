import dataclasses
import json
import logging
import pickle

import apache_beam as beam
import pytest

from transforms.model import spool
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference
from transforms.model.records import Action, BoxFinding, InstanceUids, TagFinding
from transforms.provenance.transform import SpoolProvenance, Told


@pytest.fixture
def folder(workspace):
    return workspace.operation("0123456789abcdef")


def many(written, count):
    return [
        dataclasses.replace(
            written, ref=dataclasses.replace(written.ref, reference=f"{i:016x}"), source=InstanceUids("1.2", "1.3", f"1.4.{i}")
        )
        for i in range(count)
    ]


def made(p, instances):
    """In one bundle and, as in a run, within the fused stage: they may not cross a boundary."""
    return p | beam.Create([0]) | beam.FlatMap(lambda _: instances)


def test_every_instance_is_spooled_once_and_shards_roll_over(written, name, key_uri, folder):
    with beam.Pipeline(runner="FnApiRunner") as p:
        shards = made(p, many(written, 1201)) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
        _ = shards | beam.Map(lambda shard: shard.entries) | beam.combiners.ToList() | beam.Map(sorted) | beam.Map(_same, [201, 500, 500])
    entries = list(spool.read_all(folder.spool))
    assert [entry["reference"] for entry in sorted(entries, key=lambda entry: entry["reference"])] == [f"{i:016x}" for i in range(1201)]
    assert len({entry["provenance"]["id"] for entry in entries}) == 1201


def _same(found, expected):
    assert found == expected


def test_a_repeated_bundle_leaves_the_spool_as_it_was(written, name, key_uri, folder, tmp_path):
    once = {}
    for repeat in ("1", "2"):
        with beam.Pipeline(
            runner="FnApiRunner", options=beam.options.pipeline_options.PipelineOptions([f"--direct_runner_bundle_repeat={repeat}"])
        ) as p:
            _ = made(p, many(written, 7)) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
        content = {path.name: path.read_bytes() for path in folder.spool.iterdir()}
        assert content == (once or content)
        once = content
    assert len(once) >= 2


def test_a_fault_in_the_findings_does_not_lose_a_published_instance(written, name, key_uri, folder, caplog):
    broken = dataclasses.replace(written, boxes=(BoxFinding(0, 1, 1, 2, 2, text=b"SECRET"),))
    with caplog.at_level(logging.DEBUG), beam.Pipeline(runner="FnApiRunner") as p:
        _ = made(p, [broken]) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
    (entry,) = spool.read_all(folder.spool)
    tags = entry["provenance"]["entity"][0]["extension"][-1]
    assert tags == {
        "url": "https://g.co/dicom-tags",
        "extension": [{"url": "aggregated", "valueString": "findings could not be recorded: TypeError"}],
    }
    assert entry["provenance"]["target"][0]["identifier"]["value"].endswith("/instances/2.25.3")
    assert "SECRET" not in caplog.text + json.dumps(entry)
    assert "/secret/" not in caplog.text


def test_unknown_choices_are_refused_when_the_graph_is_built(name, key_uri, folder):
    for phi, shape in (("some", "google"), ("include", "hl7")):
        with pytest.raises(ConfigError, match="allowed: "):
            SpoolProvenance(name, KeyReference(key_uri), folder, phi, shape).expand(None)


def test_the_transform_is_pickled_without_key_material(name, key_uri, folder):
    pickled = pickle.dumps(SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google"))
    assert b"6b6b6b6b" not in pickled
    assert b"kkkkkkkk" not in pickled


def test_a_resource_that_is_not_valid_is_spooled_counted_and_named_without_its_values(written, name, key_uri, folder, caplog):
    nameless = dataclasses.replace(written, tags=(TagFinding("", Action.REMOVED, "Matched ID: none", original="SECRET"),))
    p = beam.Pipeline(runner="FnApiRunner")
    _ = made(p, [nameless]) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
    result = p.run()
    result.wait_until_finish()
    (counter,) = result.metrics().query(beam.metrics.MetricsFilter().with_name("provenance_invalid"))["counters"]
    assert counter.result == 1
    assert len(list(spool.read_all(folder.spool))) == 1
    assert "not valid R4 at entity.0.extension" in caplog.text
    assert "SECRET" not in caplog.text


def test_held_instances_are_spooled_aside_and_once_over_all_runs(written, name, key_uri, folder):
    def spool_held(instances):
        with beam.Pipeline(runner="FnApiRunner") as p:
            held = [dataclasses.replace(one, held="RESIDUAL_TOKEN") for one in instances]
            _ = made(p, held) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google", told=Told.HELD)

    first = many(written, 3)
    spool_held(first)
    before = {path.name: path.read_bytes() for path in folder.spool.iterdir()}
    spool_held(first[::-1])
    assert {path.name: path.read_bytes() for path in folder.spool.iterdir()} == before
    spool_held(many(written, 4))
    assert len(spool.references(folder.spool, held=True)) == 4
    assert sum(shard.entries for shard in spool.shards(folder.spool)) == 4
    assert spool.references(folder.spool) == set()


def test_all_are_validated_if_asked(written, name, key_uri, folder):
    nameless = TagFinding("", Action.REMOVED, "Matched ID: none")
    for validate_all, expected in ((False, 0), (True, 1)):
        instances = many(written, 101)
        instances[100] = dataclasses.replace(instances[100], tags=(nameless,))
        p = beam.Pipeline(runner="FnApiRunner")
        _ = made(p, instances) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google", validate_all=validate_all)
        result = p.run()
        result.wait_until_finish()
        counters = result.metrics().query(beam.metrics.MetricsFilter().with_name("provenance_invalid"))["counters"]
        assert sum(counter.result for counter in counters) == expected
