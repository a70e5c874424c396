"""How many instances are worked on at a time: as many as the options name, or as a quota feeds."""

import os

import pytest

from pipeline.capacity import SUPPOSED, cores_fed, threads, workers
from pipeline.options import beam_options, parse

BUCKETS = ["--source=gs://hospital/in", "--destination=gs://published/out", "--workspace=gs://confidential/ws"]
ELSEWHERE = [*BUCKETS, "--key_uri=gs://confidential/deid.key", "--sdk_container_image=r/deid:1"]
DATAFLOW = [*ELSEWHERE, "--runner=DataflowRunner", "--project=hospital", "--region=r", "--temp_location=gs://staging/temp"]
QUOTA = "--fhir_write_ops_per_minute=6000"


@pytest.fixture
def here(tmp_path):
    return [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]


def test_here_they_are_at_most_the_cores(here):
    assert workers(parse(here)) == 1
    assert workers(parse([*here, "--direct_num_workers=2"])) == min(2, os.cpu_count())
    assert workers(parse([*here, "--direct_num_workers=1000"])) == os.cpu_count()
    assert workers(parse([*here, "--direct_num_workers=0"])) == os.cpu_count()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--num_workers=5", 5),
        ("--parallelism=7", 7),
        ("--num_workers=5 --max_num_workers=8", 8),
        ("--num_workers=5 --max_num_workers=8 --worker_machine_type=n2-highmem-4", 32),
        ("--num_workers=5 --max_num_workers=8 --autoscaling_algorithm=NONE", 5),
        (QUOTA, 1),
    ],
)
def test_on_a_cluster_they_are_those_that_are_named(options, expected):
    assert workers(parse([*ELSEWHERE, "--runner=PortableRunner", "--job_endpoint=flink:8099", *options.split()])) == expected


@pytest.mark.parametrize(
    ("options", "machines", "expected"),
    [
        ("--max_num_workers=5 --machine_type=n2-highmem-4", 5, 20),
        ("--max_num_workers=50", 50, 50),
        ("--machine_type=n2-highmem-4", 4, 16),  # 15 cores, by SUPPOSED
        ("", 15, 15),
        ("--num_workers=20", 20, 20),
        ("--num_workers=3 --autoscaling_algorithm=NONE", None, 3),
    ],
)
def test_on_dataflow_they_are_those_that_the_quota_feeds_unless_they_are_named(options, machines, expected):
    settings = parse([*DATAFLOW, QUOTA, *options.split()])
    assert beam_options(settings, "nightly").get_all_options()["max_num_workers"] == machines
    assert workers(settings) == expected


def test_without_a_quota_dataflow_has_its_own_bound():
    assert beam_options(parse(DATAFLOW), "nightly").get_all_options()["max_num_workers"] is None


@pytest.mark.parametrize(("seconds", "quota"), [(SUPPOSED, 6000), (0.81, 600), (0.02, 60)])
def test_cores_that_are_fed_take_no_longer_than_the_writing(seconds, quota):
    fed = cores_fed(seconds, quota)
    assert quota * seconds / fed <= 60
    assert fed == 1 or quota * seconds / (fed - 1) > 60


def test_a_core_on_dataflow_has_as_many_instances_open_as_it_is_told(here):
    assert threads(parse(DATAFLOW)) == 1
    assert threads(parse([*DATAFLOW, "--number_of_worker_harness_threads=6"])) == 6
    assert threads(parse([*here, "--number_of_worker_harness_threads=6"])) == 1
