"""A quota is shared out among all processes that there can be; where their number has no bound the run is refused."""

import pytest

from pipeline.options import parse
from pipeline.quota import processes
from transforms.model.errors import ConfigError

STORE = "projects/p/locations/us/datasets/d/dicomStores/s"
PORTABLE, DATAFLOW = "PortableRunner", "DataflowRunner"


@pytest.mark.parametrize(
    ("runner", "beam", "expected"),
    [
        ("FnApiRunner", "", 1),
        ("FnApiRunner", "--direct_num_workers=4", 1),
        ("FnApiRunner", "--direct_num_workers=4 --direct_running_mode=multi_threading", 1),
        ("FnApiRunner", "--direct_num_workers=4 --direct_running_mode=multi_processing", 4),
        (PORTABLE, "--job_endpoint=h:1 --environment_type=LOOPBACK --parallelism=4", 1),
        (PORTABLE, "--job_endpoint=h:1 --environment_type=LOOPBACK --parallelism=4 --experiments=use_loopback_process_worker", 4),
        (PORTABLE, "--job_endpoint=h:1 --parallelism=6", 6),
        (PORTABLE, "--job_endpoint=h:1 --parallelism=6 --sdk_worker_parallelism=2", 12),
        (DATAFLOW, "--max_num_workers=5 --machine_type=n2-standard-8", 40),
        (DATAFLOW, "--max_num_workers=5 --num_workers=2 --machine_type=n2-highmem-2", 10),
        (DATAFLOW, "--num_workers=3 --autoscaling_algorithm=NONE --machine_type=n2-highmem-2", 6),
        (DATAFLOW, "--max_num_workers=5 --machine_type=n2-custom-4-16384", 20),
        (DATAFLOW, "--max_num_workers=5 --machine_type=custom-4-16384-ext", 20),
        (DATAFLOW, "--max_num_workers=5 --machine_type=c3-standard-8-lssd", 40),
        (DATAFLOW, "--max_num_workers=5 --machine_type=z3-highmem-14-standardlssd", 70),
        (DATAFLOW, "--max_num_workers=5 --number_of_worker_harness_threads=4 --machine_type=n2-highmem-2", 10),
        (DATAFLOW, "--max_num_workers=5 --experiments=no_use_multiple_sdk_containers", 5),
    ],
)
def test_all_processes_count_and_threads_do_not(runner, beam, expected):
    assert processes(runner, beam.split()) == expected


@pytest.mark.parametrize(
    ("runner", "beam", "option"),
    [
        (DATAFLOW, "", "--max_num_workers"),
        (DATAFLOW, "--num_workers=5 --machine_type=n2-highmem-2", "--max_num_workers"),
        (DATAFLOW, "--autoscaling_algorithm=NONE --machine_type=n2-highmem-2", "--max_num_workers"),
        (DATAFLOW, "--max_num_workers=-3 --machine_type=n2-highmem-2", "--max_num_workers"),
        (DATAFLOW, "--num_workers=-3 --autoscaling_algorithm=NONE --machine_type=n2-highmem-2", "--max_num_workers"),
        (DATAFLOW, "--max_num_workers=5", "--machine_type"),
        (DATAFLOW, "--max_num_workers=5 --machine_type=e2-medium", "--machine_type"),
        (DATAFLOW, "--max_num_workers=5 --machine_type=a2-highgpu-1g", "--machine_type"),
        (PORTABLE, "--job_endpoint=h:1", "--parallelism"),
        (PORTABLE, "--job_endpoint=h:1 --max_parallelism=9", "--parallelism"),
        (PORTABLE, "--job_endpoint=h:1 --parallelism=6 --sdk_worker_parallelism=0", "--sdk_worker_parallelism"),
        ("SparkRunner", "--num_workers=5", "--dicomweb_ops_per_minute"),
    ],
)
def test_what_has_no_bound_is_refused_by_the_option_that_would_give_it(runner, beam, option):
    with pytest.raises(ConfigError) as refused:
        processes(runner, beam.split())
    assert refused.value.at == option


def test_a_run_without_a_quota_or_a_store_needs_no_bound():
    places = ["--destination=gs://published/out", "--workspace=gs://confidential/ws", "--key_uri=gs://confidential/key"]
    where = ["--runner=PortableRunner", "--job_endpoint=h:1", "--sdk_container_image=i", "--healthcare_endpoint=http://127.0.0.1:9"]
    store, quota = f"--source={STORE}", "--dicomweb_ops_per_minute=600"
    assert parse([*places, *where, store]).source_store.ops_per_minute is None
    assert parse([*places, *where, "--source=gs://hospital/in", quota]).source_store is None
    with pytest.raises(ConfigError, match="--parallelism: --dicomweb_ops_per_minute is shared out among"):
        parse([*places, *where, store, quota])
    assert parse([*places, *where, store, quota, "--parallelism=4"]).source_store.ops_per_minute == 150
