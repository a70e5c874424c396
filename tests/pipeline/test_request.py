"""What is asked for, consent to it, and the names under which the run is known."""

import base64
import dataclasses
import json
import pickle

import pytest

from pipeline.options import parse
from pipeline.request import (
    asked_for,
    check_inspection,
    check_keys,
    keep_keys,
    operation_name,
    read_request,
    require_consent,
    store_address,
)
from transforms.model.config import SAFE_CONFIG
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.plan import ALL_TEXT, Profile
from transforms.read.chosen import ChosenReference

STORE = "projects/p/locations/l/datasets/d/fhirStores/f"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "in").mkdir()

    def make(*extra):
        return parse(["--source", f"{tmp_path}/in", "--destination", f"{tmp_path}/out", "--workspace", f"{tmp_path}/ws", *extra])

    return make


def written(tmp_path, content):
    path = tmp_path / "asked.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_without_a_config_everything_is_redacted(settings):
    request = read_request(settings())
    assert (request.plan.profile, request.plan.image) == (Profile.BASIC, ALL_TEXT)
    assert require_consent(request) == []


@pytest.mark.parametrize(
    "config",
    [
        {"dicom": {"filterProfile": "KEEP_ALL_PROFILE"}, "image": {"textRedactionMode": "REDACT_ALL_TEXT"}},
        {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}},
        {
            "dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE", "skipIdRedaction": True},
            "image": {"textRedactionMode": "REDACT_ALL_TEXT"},
        },
    ],
)
def test_a_plan_that_leaves_identity_needs_consent(settings, tmp_path, config):
    path = written(tmp_path, config)
    with pytest.raises(ConfigError, match="allow_identifiable"):
        require_consent(read_request(settings("--config", path)))
    assert require_consent(read_request(settings("--config", path, "--allow_identifiable")))


def test_a_request_is_consent_and_still_says_what_it_leaves(settings, tmp_path):
    body = {"destinationStore": f"{tmp_path}/out", "config": {"dicom": {}}}
    assert len(require_consent(read_request(settings("--request", written(tmp_path, body))))) == 2


def test_destination_and_config_are_of_one_version_of_a_request(settings, tmp_path):
    body = {"destinationStore": f"{tmp_path}/out", "config": {"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}}
    made = settings("--request", written(tmp_path, body))
    written(tmp_path, {"destinationStore": f"{tmp_path}/elsewhere", "config": {"dicom": {}}})  # while the run starts
    assert made.destination == f"{tmp_path}/out"
    assert read_request(made).plan.image == ALL_TEXT


def test_a_request_names_its_metadata_store(settings, tmp_path):
    body = {"destinationStore": f"{tmp_path}/out", "config": {"operationMetadata": {"fhirOutput": {"fhirStore": STORE}}}}
    made = settings("--request", written(tmp_path, body))
    address = store_address(made, read_request(made).config)
    assert (address.name, address.url) == (STORE, None)


@pytest.mark.parametrize(
    ("extra", "name", "url"),
    [
        ([], LOCAL_FHIR_STORE, None),
        (["--fhir_store", STORE], STORE, None),
        (["--fhir_store", STORE, "--healthcare_endpoint", "http://127.0.0.1:9"], STORE, f"http://127.0.0.1:9/v1beta1/{STORE}"),
        (["--fhir_store", STORE, "--healthcare_endpoint", "http://127.0.0.1:9/v1/"], STORE, f"http://127.0.0.1:9/v1/{STORE}"),
        (["--fhir_store", f"http://127.0.0.1:9/v1/{STORE}"], STORE, f"http://127.0.0.1:9/v1/{STORE}"),
        (["--fhir_store", "http://127.0.0.1:9/fhir/"], "http://127.0.0.1:9/fhir", "http://127.0.0.1:9/fhir"),
    ],
)
def test_where_provenance_goes(settings, extra, name, url):
    address = store_address(settings(*extra), SAFE_CONFIG)
    assert (address.name, address.url) == (name, url)


def test_a_quota_on_google_cloud_is_never_guessed(settings):
    google = ["--fhir_store", STORE, "--healthcare_endpoint", "https://healthcare.googleapis.com"]
    with pytest.raises(ConfigError, match="fhir_write_ops_per_minute"):
        store_address(settings(*google), SAFE_CONFIG)
    assert store_address(settings(*google, "--fhir_write_ops_per_minute=6000"), SAFE_CONFIG).url.startswith("https://healthcare")


def test_the_apis_vrs_alone_go_into_the_plan_and_ask_for_consent(settings, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"dicomTagConfig": {"options": {"cleanDescriptors": {}, "cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}}}')
    assert not read_request(settings("--config", str(path))).plan.api_vrs_only
    request = read_request(settings("--config", str(path), "--api_vrs_only"))
    assert request.plan.api_vrs_only
    with pytest.raises(ConfigError, match="--api_vrs_only leaves texts of CS"):
        require_consent(request)


def test_the_operation_is_what_is_run_and_nothing_else(settings, secret):
    def name(*extra):
        made = settings(*extra)
        request = read_request(made)
        return operation_name(made, request, store_address(made, request.config), secret)

    plain = name()
    assert name("--direct_num_workers=2") == plain
    for changed in (
        "--patient_id=empty",
        "--write_uid_map=/nowhere/map.csv",
        "--on_uid_collision=distinct",
        "--provenance_phi=omit",
        "--provenance_shape=r4",
        "--provenance_for_held",
        "--api_vrs_only",
    ):
        assert name(changed).operation_id != plain.operation_id
    assert name("--fhir_store", STORE).operation_id != plain.operation_id
    assert name("--operation_id=mine").operation_id == "mine"
    assert name("--fhir_store", STORE).name.startswith("projects/p/locations/l/datasets/d/operations/")
    assert len(plain.source_store.rpartition("/")[2]) == 16


KEYED = {"text": {"transformations": [{"dateShiftConfig": {"cryptoKey": "MDEyMzQ1Njc4OWFiY2RlZg=="}}]}}


def test_a_raw_key_has_a_file_of_its_own_and_only_its_reference_travels(settings, tmp_path):
    made = settings("--config", written(tmp_path, KEYED))
    request = read_request(made)
    made.workspace.make()
    keep_keys(request.config, made.workspace)
    (file,) = (tmp_path / "ws" / "keys").iterdir()
    assert (file.read_text().strip(), file.stat().st_mode & 0o777) == (b"0123456789abcdef".hex(), 0o600)
    assert request.plan.text.of("DATE").key.uri == f"file:{file}"
    assert file.stem in request.config.to_json()
    for material in (b"0123456789abcdef", b"0123456789abcdef".hex().encode(), b"MDEyMzQ1Njc4OWFiY2RlZg"):
        assert material not in pickle.dumps(request.plan) + request.config.to_json().encode()


ELSEWHERE = (
    "--runner=PortableRunner",
    "--job_endpoint=cluster:8099",
    "--sdk_container_image=europe-docker.pkg.dev/hospital/images/dicom-deid:1",
    *(f"--{name}=gs://bucket/{name}" for name in ("source", "destination", "workspace", "key_uri")),
)
"""A run whose workers are on other machines, and what they can reach."""


def test_a_raw_key_is_refused_for_a_remote_runner(settings, tmp_path):
    remote = settings("--config", written(tmp_path, KEYED), *ELSEWHERE)
    with pytest.raises(ConfigError, match="cryptoKey: a raw key cannot travel to a remote runner"):
        read_request(remote)


def test_an_info_type_that_is_never_found_is_refused(settings, tmp_path):
    config = {"text": {"excludeInfoTypes": ["ETHNIC_GROUP"]}}
    with pytest.raises(ConfigError, match=r"config\.text is 'ETHNIC_GROUP': the inspection knows no such infoType; allowed: AGE, "):
        read_request(settings("--config", written(tmp_path, config)))


def test_an_endpoint_is_a_url(settings):
    with pytest.raises(ConfigError, match="healthcare_endpoint"):
        store_address(settings("--fhir_store", STORE, "--healthcare_endpoint", "healthcare.googleapis.com"), SAFE_CONFIG)


def test_what_is_asked_for_does_not_depend_on_its_name(settings, secret):
    def asked(*extra):
        made = settings(*extra)
        request = read_request(made)
        return asked_for(made, request, store_address(made, request.config), secret)

    assert asked("--operation_id=a") == asked("--operation_id=b") == asked()
    assert asked("--operation_id=a", "--provenance_phi=omit") != asked("--operation_id=a")


@pytest.mark.parametrize("url", ["https://user:swordfish@h/fhir", "https://h/fhir?key=swordfish"])
def test_a_url_that_is_published_holds_no_secret(settings, url):
    with pytest.raises(ConfigError, match="fhir_token_uri") as caught:
        store_address(settings("--fhir_store", url), SAFE_CONFIG)
    assert "swordfish" not in str(caught.value)


def test_a_config_is_a_file_or_the_text_itself(settings, tmp_path):
    by_path, by_text = (
        read_request(settings("--config", given)) for given in (written(tmp_path, {"dicomTagConfig": {}}), ' {"dicomTagConfig": {}}')
    )
    assert by_path == by_text
    assert by_text.recorded == '{"dicomTagConfig":{}}'
    body = {"destinationStore": f"{tmp_path}/out", "config": {"dicomTagConfig": {}}}
    assert read_request(settings("--request", json.dumps(body))).plan == by_text.plan


def test_a_request_without_a_config_is_as_strict_as_a_run_without_one(settings, tmp_path):
    body = {"destinationStore": f"{tmp_path}/out"}
    assert read_request(settings("--request", json.dumps(body))).plan == read_request(settings()).plan
    assert read_request(settings("--request", json.dumps({**body, "config": {}}))).plan.profile is Profile.KEEP_ALL


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"config": {}, "gcsConfigUri": "gs://bucket/c.json"}, r"request\.gcsConfigUri: config and gcsConfigUri exclude each other"),
        ({"gcsConfigUri": "/etc/c.json"}, r"request\.gcsConfigUri: this is no name on Cloud Storage"),
        ({"filterConfig": {}}, r"request\.filterConfig\.resourcePathsGcsUri: this field is required"),
        ({"filterConfig": {"resourcePathsGcsUri": "x.txt"}}, r"request\.filterConfig\.resourcePathsGcsUri: this is no name on"),
        ({"gcsConfigUri": "gs://B/c.json"}, r"request\.gcsConfigUri: this is no name on Cloud Storage"),
    ],
)
def test_what_a_request_may_not_say(settings, tmp_path, extra, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_request(settings("--request", json.dumps({"destinationStore": f"{tmp_path}/out", **extra})))


def test_a_trial_has_a_subject(settings):
    trial = '{"dicomTagConfig": {"clinicalTrial": {"sponsorName": "NIH", "protocolId": "P-7"}}}'
    assert read_request(settings("--config", trial)).plan.trial[0] == (0x00120010, "NIH")
    with pytest.raises(ConfigError, match=r"config\.dicomTagConfig\.clinicalTrial: its subject"):
        read_request(settings("--config", trial, "--patient_id=empty"))


def test_a_config_that_is_not_there_is_named(settings):
    with pytest.raises(ConfigError, match=r"--config is '/nowhere/c\.json'"):
        read_request(settings("--config", "/nowhere/c.json"))


def test_a_wrapped_key_is_tried_before_the_run(settings, key_services):
    wrapped = {"wrappedKey": base64.b64encode(key_services.wrap(bytes(16))).decode(), "cryptoKey": key_services.CRYPTO_KEY}
    config = {"text": {"transformations": [{"infoTypes": ["DATE"], "dateShiftConfig": {"kmsWrapped": wrapped}}]}}
    check_keys(read_request(settings("--config", json.dumps(config))).plan)
    wrapped["cryptoKey"] += "2"
    with pytest.raises(PreflightError, match=r"config\.text: Cloud KMS does not give the key"):
        check_keys(read_request(settings("--config", json.dumps(config), *ELSEWHERE)).plan)


def test_a_patient_map_is_part_of_what_is_asked_for_by_its_content(settings, secret, tmp_path):
    path = tmp_path / "patients.csv"

    def asked(text):
        path.write_text(text)
        made = settings("--patient_map", str(path))
        request = read_request(made)
        assert request.plan.patients.map_uri == str(path)
        return asked_for(made, request, store_address(made, request.config), secret)

    assert asked("issuer,id,subject\n,1,A\n") == asked("issuer,id,subject\n,1,A\n") != asked("issuer,id,subject\n,1,B\n")
    with pytest.raises(ConfigError, match="--patient_map: line 2 has no id"):
        asked("issuer,id,subject\n,,A\n")
    with pytest.raises(ConfigError, match="--patient_id"):
        read_request(settings("--patient_map", str(path), "--patient_id=empty"))


def test_a_list_of_instances_makes_another_operation_of_the_same_request(settings, secret):
    made = settings()
    requests = [dataclasses.replace(read_request(made), chosen=ChosenReference("gs://bucket/list", digest)) for digest in ("one", "two")]
    first, second = (asked_for(made, request, store_address(made, request.config), secret) for request in requests)
    assert first.exactly != second.exactly
    assert first.of_all == second.of_all


DLP = ("--inspection_engine=dlp", "--dlp_parent=projects/p/locations/europe-west4")


def test_the_engine_of_inspection_is_part_of_what_is_asked_for(settings, secret):
    def asked(*extra):
        made = settings(*extra)
        request = read_request(made)
        return asked_for(made, request, store_address(made, request.config), secret)

    assert len({asked(), asked(*DLP), asked(DLP[0], "--dlp_parent=projects/p/locations/us")}) == 3


def test_cloud_dlp_says_itself_which_info_types_there_are(settings, tmp_path, cloud_dlp):
    def checked(info_type, *extra):
        config = {
            "dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"},
            "text": {"transformations": [{"infoTypes": [info_type], "redactConfig": {}}]},
        }
        check_inspection(read_request(settings("--config", written(tmp_path, config), *extra)).plan)

    checked("MEDICAL_RECORD_NUMBER", *DLP)
    assert "MEDICAL_RECORD_NUMBER" in cloud_dlp.info_types
    with pytest.raises(PreflightError, match="--dlp_parent"):
        checked("NO_SUCH_TYPE", *DLP)
    with pytest.raises(ConfigError, match="no such infoType"):
        checked("MEDICAL_RECORD_NUMBER")
    assert cloud_dlp.calls == 2
