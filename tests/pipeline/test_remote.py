"""A run whose workers are elsewhere is refused before anything is submitted, unless they can reach all that it names."""

import json

import pytest

from pipeline.main import main
from pipeline.options import beam_options, parse
from transforms.model.errors import ConfigError

PLACES = {"source": "gs://hospital/in", "destination": "gs://published/out", "workspace": "gs://confidential/ws"}
DATAFLOW = {
    **PLACES,
    "key_uri": "secret:projects/p/secrets/k/versions/1",
    "runner": "DataflowRunner",
    "project": "hospital",
    "region": "r",
    "temp_location": "gs://staging/temp",
    "sdk_container_image": "r-docker.pkg.dev/p/images/dicom-deid:1",
}

CRYPTO_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
ALL_TEXT = {"textRedactionMode": "REDACT_ALL_TEXT"}
STORE_HERE = json.dumps(
    {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "options": {"cleanImage": ALL_TEXT}}}
    | {"operationMetadata": {"fhirOutput": {"fhirStore": "http://127.0.0.1:8080/fhir"}}}
)


def words(options):
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def refusal(capsys, **changes):
    """The one sentence of a refused launch."""
    assert main(words(DATAFLOW | changes)) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    return sentence.removeprefix("dicom-deid: ")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"key_uri": None}, "--key_uri: DataflowRunner has no workspace to keep a key in"),
        ({"key_uri": "file:/secure/deid.key"}, "--key_uri: workers of DataflowRunner have neither"),
        ({"key_uri": "env:DEID_KEY"}, "--key_uri: workers of DataflowRunner have neither"),
        ({"key_uri": f"kms:{CRYPTO_KEY}#file:/secure/wrapped"}, "--key_uri: workers of DataflowRunner have neither"),
        ({"fhir_token_uri": "env:TOKEN"}, "--fhir_token_uri: workers"),
        (
            {"source": "https://pacs.example/x", "dicom_token_uri": "pacs.example=file:/t"},
            "--dicom_token_uri: workers of DataflowRunner have",
        ),
        ({"source": "/data/in"}, "--source: workers of DataflowRunner do not see this machine's disk"),
        ({"destination": "/data/out"}, "--destination: workers"),
        ({"workspace": "/secure/ws"}, "--workspace: workers"),
        ({"patient_map": "/secure/map.csv"}, "--patient_map: workers"),
        ({"quarantine": "/secure/held"}, "--quarantine: workers"),
        (
            {"source": "/data/in", "environment_type": "LOOPBACK"},
            "--source: workers of DataflowRunner do not see this machine's disk; name",
        ),
        ({"key_uri": "file:/secure/deid.key", "environment_type": "LOOPBACK"}, "--key_uri: workers of DataflowRunner have neither"),
        ({"environment_type": "LOOPBACK"}, "--environment_type is 'LOOPBACK': Dataflow's workers run in the image"),
        ({"environment_config": "image"}, "--environment_config is 'image': Dataflow's workers run in the image"),
        ({"source": "http://127.0.0.1:8042/dicom-web"}, "--source: workers on Dataflow do not reach"),
        ({"destination": "https://localhost/dicom-web"}, "--destination: workers on Dataflow do not reach"),
        ({"quarantine": "http://127.1.2.3:8042/dicom-web"}, "--quarantine: workers on Dataflow do not reach"),
        ({"healthcare_endpoint": "http://[::1]:8080"}, "--healthcare_endpoint: workers on Dataflow do not reach"),
        ({"fhir_store": "http://127.0.0.1:8080/fhir"}, "--fhir_store: workers on Dataflow do not reach"),
        ({"config": STORE_HERE}, "--fhir_store: workers on Dataflow do not reach"),
        (
            {"bigquery_table": "my-project:d.t", "bigquery_endpoint": "http://127.0.0.1:9050"},
            "--bigquery_endpoint: workers on Dataflow do not reach",
        ),
        ({"healthcare_endpoint": "http://0.0.0.0:8042"}, "--healthcare_endpoint: workers on Dataflow do not reach"),
        ({"healthcare_endpoint": "http://[::1"}, "--healthcare_endpoint: this is no URL of a server"),
        ({"temp_location": "gs://published/out/temp"}, "--temp_location: what a job leaves there has to lie apart from"),
        ({"staging_location": "gs://published/out"}, "--staging_location: what a job leaves there has to lie apart from"),
        ({"temp_location": "gs://staging/a", "destination": "gs://staging/a/out"}, "--temp_location: what a job leaves there has"),
        ({"template_location": "gs://published/out/nightly"}, "--template_location: what a job leaves there has to lie apart from"),
        ({"temp_location": "gs://hospital/in/temp/"}, "--temp_location: what a job leaves there would be read as the source"),
        (
            {"staging_location": "gs://hospital/x", "source": "gs://hospital/*/*"},
            "--staging_location: what a job leaves there would",
        ),
        ({"template_location": "gs://hospital/in/nightly"}, "--template_location: what a job leaves there would"),
        ({"config": "/none/config.json"}, "--config is '/none/config.json'"),
        ({"runner": "DataflowRuner"}, "--runner is 'DataflowRuner': it is none on which a run was ever checked"),
        ({"runner": "TestDataflowRunner"}, "--runner is 'TestDataflowRunner': it is none"),
        ({"runner": "SparkRunner"}, "--runner is 'SparkRunner': it is none"),
        ({"runner": "FlinkRunner"}, "--runner is 'FlinkRunner': it starts a job server of its own"),
        ({"experiments": "enable_data_sampling"}, "--experiments is 'enable_data_sampling': Dataflow would keep samples"),
        ({"experiments": "enable_always_on_exception_sampling"}, "--experiments is 'enable_always"),
        ({"runner": "dataflow", "region": None}, "--region: dataflowRunner needs it"),
        ({"write_uid_map": "/secure/uids.csv"}, "--write_uid_map: it is written at the end"),
        ({"project": None}, "--project: DataflowRunner needs it"),
        ({"region": None}, "--region: DataflowRunner needs it"),
        ({"temp_location": None}, "--temp_location: DataflowRunner needs it"),
        ({"temp_location": "/tmp"}, "--temp_location is '/tmp'"),
        ({"staging_location": "/tmp"}, "--staging_location is '/tmp'"),
        ({"project": "p"}, "--project is 'p'"),
        ({"job_name": "Night_1"}, "--job_name is 'Night_1'"),
        ({"resource_hints": "min_ram=many"}, "--resource_hints: Beam knows no such hint"),
        (
            {"runner": "PortableRunner", "job_endpoint": "flink:8099", "sdk_container_image": None},
            "--sdk_container_image: workers of the stock image",
        ),
        ({"sdk_container_image": None}, "--sdk_container_image: workers of the stock image"),
        ({"fhir_write_ops_per_minute": "many"}, "options: --fhir_write_ops_per_minute: invalid int value"),
        ({"fhir_write_ops_per_minute": "0"}, "--fhir_write_ops_per_minute is '0'"),
        ({"allow_identifiable": "yes"}, "options: --allow_identifiable: the choices are true and false"),
        ({"provenance_phi": "maybe"}, "options: --provenance_phi: invalid choice"),
        ({"max_num_workers": "few"}, "options: --max_num_workers: invalid int value"),
        ({"temp_location": "gs://staging"}, "--temp_location is 'gs://staging'"),
        ({"max_num_workers": "-1"}, "options: Apache Beam does not take them (Invalid value (-1) for option: max_num_workers"),
        ({"num_workers": "3", "max_num_workers": "2"}, "options: Apache Beam does not take them (num_workers (3) cannot exceed"),
        ({"worker_zone": "r-a", "worker_region": "r"}, "options: Apache Beam does not take them (worker_region and worker_zone"),
        ({"dry_run": "True"}, "--dry_run: Beam's own runners run all the same"),
        ({"runner": "FnApiRunner", "dry_run": "True"}, "--dry_run: Beam's own runners run all the same"),
        ({"max_failure_ratio": "1.5"}, "--max_failure_ratio is '1.5': it is a part"),
        ({"runner": None, "max_failure_ratio": "0.5"}, "--max_failure_ratio: the launcher waits"),
        ({"bigquery_table": "Provenance"}, "--bigquery_table is 'Provenance'"),
    ],
)
def test_a_launch_that_cannot_work_is_refused_in_one_sentence(capsys, changes, named):
    assert refusal(capsys, **changes).startswith(named)


@pytest.mark.parametrize(
    ("source", "staged"), [("gs://hospital/*.dcm", "gs://hospital/tmp"), ("gs://hospital/in/a*/*", "gs://hospital/in/b")]
)
def test_a_job_may_be_staged_where_a_glob_does_not_reach(source, staged):
    assert parse(words(DATAFLOW | {"source": source, "temp_location": staged})).source == source


def test_a_job_starts_with_one_instance_a_core_in_our_image():
    settings = parse(words(DATAFLOW))
    assert not settings.is_local
    options = beam_options(settings, "Nightly.1").get_all_options()
    assert (options["number_of_worker_harness_threads"], options["resource_hints"]) == (1, ["min_ram=8GB"])
    assert (options["sdk_location"], options["job_name"]) == ("container", "dicom-deid-nightly-1")
    assert "disable_always_on_exception_sampling" in options["experiments"]
    assert beam_options(settings, "a-").get_all_options()["job_name"] == "dicom-deid-a"
    named = parse(words(DATAFLOW | {"number_of_worker_harness_threads": 3, "job_name": "mine", "resource_hint": "min_ram=16GB"}))
    options = beam_options(named, "Nightly.1").get_all_options()
    assert (options["number_of_worker_harness_threads"], options["resource_hints"], options["job_name"]) == (3, ["min_ram=16GB"], "mine")


@pytest.mark.parametrize(
    ("beam", "local"),
    [
        (["--runner=PrismRunner", "--prism_location=prism"], True),
        (["--runner=PrismRunner", "--prism_location=prism", "--environment_type=LOOPBACK"], True),
        (["--runner=PrismRunner", "--prism_location=prism", "--environment_type=DOCKER", "--environment_config=image"], False),
        (["--runner=DirectRunner", "--environment_type=DOCKER", "--environment_config=image"], False),
        (["--runner=FnApiRunner", "--environment_type=DOCKER"], True),  # which has no use for it
        (["--runner=DataflowRunner", "--environment_type=LOOPBACK"], False),  # which has no use for it either
        (["--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099"], False),
        (["--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099", "--environment_type=LOOPBACK"], True),
        (["--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099", "--environment_type=DOCKER"], False),
    ],
)
def test_where_the_workers_are(tmp_path, beam, local):
    here = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    if local:
        assert parse([*here, *beam]).is_local
        return
    with pytest.raises(ConfigError, match="--source: workers of"):
        parse([*here, *beam, "--key_uri=gs://confidential/deid.key"])
