"""What the schedule's alerts watch is what a run counts, and counts when it should."""

import functools
import json
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter

sys.path.insert(0, str(Path(__file__).parents[1] / "templates"))  # test files are imported by their paths: this is how they share a module

from terraform_files import blocks

from pipeline.graph import Run, build
from pipeline.local.store_process import running_store
from pipeline.operation import Operation
from transforms.model.config import SAFE_CONFIG
from transforms.model.keys import KeyReference
from transforms.model.names import LOCAL_FHIR_STORE, OperationName
from transforms.model.plan import NO_TEXT
from transforms.model.resolve import resolve
from transforms.model.spool import write_entries
from transforms.pixels.redactor import redactor_of
from transforms.read.origin import Files
from transforms.write.destination import Folder

WATCHED = {"failed", "fhir_dead", "refused_rows", "not_reconciled"}


def watched():
    """The counters of the alert policies, by their names."""
    for _, policy in blocks("resource"):
        for dynamic in policy.get("dynamic", []):
            (content,) = dynamic['"conditions"']["content"]
            (threshold,) = content["condition_threshold"]
            assert 'metric.labels.metric_name = \\"${conditions.key}\\"' in threshold["filter"]
            yield from dynamic['"conditions"']["for_each"]


def test_alerts_watch_what_must_not_happen():
    assert set(watched()) == WATCHED


@pytest.fixture
def counted(workspace, key_uri, tmp_path):
    """`counted(folder)`: the watched counters of a run of an operation that is already spooled.

    Of its two new sources one is no DICOM file, and one breaks off.
    """

    def run(folder, **more):
        source = tmp_path / "in"
        source.mkdir(exist_ok=True)
        (source / "letter.txt").write_text("no image at all")
        (source / "half.dcm").write_bytes(bytes(128) + b"DICM\x02\0")
        with running_store(workspace) as base:
            graph = Run(
                operation=Operation(OperationName(folder.operation_id, "source", "destination", LOCAL_FHIR_STORE), workspace),
                plan=resolve(SAFE_CONFIG),
                redactor=functools.partial(redactor_of, NO_TEXT),
                key=KeyReference(key_uri),
                source=Files(str(source)),
                destination=Folder(str(tmp_path / "out")),
                on_uid_collision="hold",
                store_url=f"{base}/v1beta1/{LOCAL_FHIR_STORE}",
                write_ops_per_minute=None,
                phi="include",
                shape="google",
                bigquery=None,
                **more,
            )
            pipeline = beam.Pipeline(runner="FnApiRunner")
            build(graph, pipeline)
            found = pipeline.run().metrics().query(MetricsFilter().with_namespace("dicom_deid"))["counters"]
        return {one.key.metric.name: one.result for one in found if one.key.metric.name in WATCHED}

    return run


def test_dead_letters_and_refused_rows_are_counted(counted, spool_operation, make_instance):
    folder = spool_operation("op", [make_instance(1)])
    bad = {"resourceType": "Provenance", "id": "bad", "recorded": ["DOE"]}
    write_entries(folder.spool, [("0123456789abcdef", {"provenance": bad})])
    assert counted(folder) == {"failed": 1, "fhir_dead": 1, "refused_rows": 1, "not_reconciled": 0}


def test_counts_that_do_not_reconcile_are_counted(counted, spool_operation, make_instance):
    folder = spool_operation("op", [make_instance(1)])
    folder.provenance_file.unlink()  # then the table has no row of the operation
    assert counted(folder) == {"failed": 1, "fhir_dead": 0, "refused_rows": 0, "not_reconciled": 1}


def test_a_run_of_which_too_much_failed_fails_when_all_is_told(counted, spool_operation, make_instance):
    """One of two did, and a half is not too much."""
    folder = spool_operation("op", [make_instance(1)])
    assert counted(folder, max_failure_ratio=0.5)["failed"] == 1
    folder.counts_file.unlink()
    with pytest.raises(Exception, match="TooManyFailedError"):
        counted(folder, max_failure_ratio=0.4)
    assert json.loads(folder.counts_file.read_bytes())["failed"] == 1
    kept = json.loads(folder.counts_file.read_bytes()) | {"failed": 0}
    folder.counts_file.write_text(json.dumps(kept))
    assert counted(folder)["failed"] == 0  # an engine that does the last step again finds it done
