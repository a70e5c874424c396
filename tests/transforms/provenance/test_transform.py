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
from transforms.provenance.transform import SpoolProvenance


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


def test_every_instance_is_spooled_once_and_shards_roll_over(written, name, key_uri, folder):
    with beam.Pipeline(runner="FnApiRunner") as p:
        shards = (
            p
            | beam.Create([many(written, 1201)])
            | beam.FlatMap(lambda batch: batch)
            | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
        )
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
            _ = p | beam.Create(many(written, 7)) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
        content = {path.name: path.read_bytes() for path in folder.spool.iterdir()}
        assert content == (once or content)
        once = content
    assert len(once) >= 2


def test_a_fault_in_the_findings_does_not_lose_a_published_instance(written, name, key_uri, folder, caplog):
    broken = dataclasses.replace(written, boxes=(BoxFinding(0, 1, 1, 2, 2, text=b"SECRET"),))
    with caplog.at_level(logging.DEBUG), beam.Pipeline(runner="FnApiRunner") as p:
        _ = p | beam.Create([broken]) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
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
    _ = p | beam.Create([nameless]) | SpoolProvenance(name, KeyReference(key_uri), folder, "include", "google")
    result = p.run()
    result.wait_until_finish()
    (counter,) = result.metrics().query(beam.metrics.MetricsFilter().with_name("provenance_invalid"))["counters"]
    assert counter.result == 1
    assert len(list(spool.read_all(folder.spool))) == 1
    assert "not valid R4 at entity.0.extension" in caplog.text
    assert "SECRET" not in caplog.text
