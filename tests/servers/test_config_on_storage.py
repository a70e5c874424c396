"""A run whose config and key are objects on Cloud Storage."""

import json
import shutil

import pydicom
import pytest

from pipeline.cli import main as cli
from pipeline.main import main
from pipeline.options import parse
from pipeline.request import read_request
from transforms.model import gcs, spool
from transforms.model.errors import ConfigError
from transforms.model.keys import KeyReference, Secret
from transforms.model.storage import replace
from transforms.model.workspace import Workspace

pytestmark = pytest.mark.servers("storage", "orthanc")

CONFIG = {"dicomTagConfig": {"profileType": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"}}


@pytest.fixture
def made(tmp_path):
    """The operation that there is."""

    def find():
        (state,) = (tmp_path / "workspace" / "operations").glob("*.json")
        return Workspace(str(tmp_path / "workspace")).operation(state.stem)

    return find


@pytest.fixture
def run(tmp_path, real_file):
    """`run(*options)`: the exit code of a run over two images."""
    (tmp_path / "source").mkdir()
    for name in ("MR_small.dcm", "CT_small.dcm"):
        shutil.copyfile(real_file(name), tmp_path / "source" / name)
    places = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    return lambda *options: main([*places, *options])


TEMPLATE = b"""
- name: Corner
  match: {Modality: MR, Rows: 64, Columns: 64}
  boxes: [[0, 0, 8, 4]]
"""


def test_a_run_takes_all_it_reads_from_a_bucket_and_provenance_says_which_generation_the_config_was(run, made, bucket, tmp_path):
    config, key, patients, templates = (f"{bucket}/{name}" for name in ("configs/release.json", "deid.key", "patients.csv", "t.yaml"))
    options = {"cleanImage": {"textRedactionMode": "REDACT_ALL_TEXT"}}
    replace(config, json.dumps({"dicomTagConfig": {**CONFIG["dicomTagConfig"], "options": options}}).encode())
    replace(key, b"6b" * 32)
    replace(patients, b"issuer,id,subject,days\n,4MR1,SUBJECT-1,\n,1CT1,SUBJECT-2,\n")
    replace(templates, TEMPLATE)
    found = gcs.read_generation(config)
    given = ["--config", config, "--key_uri", key, "--patient_map", patients, "--pixel_templates", templates, "--text_search=fast"]
    assert run(*given) == 0
    assert {pydicom.dcmread(file).PatientID for file in (tmp_path / "destination").rglob("*.dcm")} == {"SUBJECT-1", "SUBJECT-2"}
    assert sum("template Corner" in json.dumps(entry) for entry in spool.read_all(made().spool)) == 1
    resource = json.loads(made().provenance_file.read_text())
    (extension,) = resource["entity"][0]["extension"]
    uri, _, moment = extension["valueString"].partition(" ")
    assert uri == f"{config}#{found.number}"
    assert moment == found.created.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("option", ["config", "key_uri", "patient_map", "pixel_templates", "request"])
def test_an_object_that_is_not_there_is_told_by_its_option(run, bucket, tmp_path, option, capsys):
    assert run(f"--{option}={bucket}/none") == 2
    assert capsys.readouterr().err.startswith(f"dicom-deid: --{option}")
    assert not (tmp_path / "destination").exists()


def test_a_wrapped_key_is_an_object(bucket, key_services):
    replace(f"{bucket}/wrapped", key_services.wrap(bytes(range(32))))
    wrapped = KeyReference(f"kms:{key_services.CRYPTO_KEY}#{bucket}/wrapped")
    assert wrapped.load().fingerprint == Secret(bytes(range(32))).fingerprint


def test_a_request_names_its_config(bucket, tmp_path):
    places = [f"--{name}={tmp_path / name}" for name in ("source", "destination", "workspace")]
    body = {"destinationStore": f"{tmp_path}/destination", "gcsConfigUri": f"{bucket}/config.json"}
    replace(f"{bucket}/request.json", json.dumps(body).encode())
    with pytest.raises(ConfigError, match=r"request\.gcsConfigUri is 'gs://"):
        read_request(parse([*places, "--request", f"{bucket}/request.json"]))
    replace(f"{bucket}/config.json", json.dumps(CONFIG).encode())
    request = read_request(parse([*places, "--request", f"{bucket}/request.json"]))
    assert json.loads(request.config.to_json()) == CONFIG
    assert request.recorded.startswith(f"{bucket}/config.json#")
    version = request.recorded.partition(" ")[0]
    assert read_request(parse([*places, "--config", version, "--allow_identifiable"])).recorded == request.recorded
    replace(f"{bucket}/config.json", b"{}")
    with pytest.raises(ConfigError, match="--config"):
        read_request(parse([*places, "--config", version, "--allow_identifiable"]))
    assert request.consented


@pytest.fixture
def chosen(bucket, stores, tmp_path, real_file):
    """A request for what a list in the bucket names: a plan and a report, which are with an image in a folder and in the source store."""
    headers = {}
    (tmp_path / "chosen").mkdir()
    for name in ("rtplan.dcm", "reportsi.dcm", "MR_small.dcm"):
        shutil.copyfile(real_file(name), tmp_path / "chosen" / name)
        stores.source.put(real_file(name).read_bytes())
        headers[name] = pydicom.dcmread(real_file(name), stop_before_pixels=True)
    plan, report = headers["rtplan.dcm"], headers["reportsi.dcm"]
    series = f"/studies/{report.StudyInstanceUID}/series/{report.SeriesInstanceUID}"
    lines = [f"/studies/{plan.StudyInstanceUID}", "/studies/1.2.3.471147", "", f"{series}9", f"{series}/instances/{report.SOPInstanceUID}"]
    replace(f"{bucket}/paths.txt", "\n".join(lines).encode())
    chosen = {"resourcePathsGcsUri": f"{bucket}/paths.txt"}
    return json.dumps({"destinationStore": f"{tmp_path}/destination", "config": CONFIG, "filterConfig": chosen})


def test_a_request_chooses_instances_by_a_list_and_a_line_that_names_nothing_is_told_by_its_number(
    run, chosen, stores, bucket, tmp_path, capsys
):
    sources, found = {"folder": str(tmp_path / "chosen"), "folder again": str(tmp_path / "chosen"), "store": stores.source.url}, {}
    for name, source in sources.items():
        work, skipped = tmp_path / name.split()[0], {"store": 0}.get(name, 1)
        assert run("--request", chosen, "--source", source, f"--workspace={work}") == 1, name
        said = capsys.readouterr().out
        assert f"{4 + skipped} listed = 2 written + 0 held + 2 failed + {skipped} skipped" in said, name
        assert "filterConfig: 2 of its lines name nothing in the source (failed, NOT_FOUND)" in said
        (state,) = (work / "operations").glob("*.json")
        assert json.loads(state.read_text())["metadata"]["outcomes"]["notFound"] == "2"
        outcomes = [json.loads(line) for line in (work / "outcomes.ndjson").read_text().splitlines()]
        assert [one["code"] for one in outcomes if one["outcome"] == "skipped"] == ["FILTERED"] * skipped
        found[name] = {(one["code"], one["sentence"]): one["reference"] for one in outcomes if one["outcome"] == "failed"}
        assert found[name].keys() == {
            ("NOT_FOUND", f"line {number} of the request's filterConfig names nothing that the source has") for number in (2, 4)
        }
    assert {pydicom.dcmread(file).Modality for file in (tmp_path / "destination").rglob("*.dcm")} == {"RTPLAN", "SR"}
    assert found["folder"] == found["folder again"]
    assert cli(["which", "--workspace", str(tmp_path / "folder"), min(found["folder"].items())[1]]) == 0
    assert capsys.readouterr().out == f"{bucket}/paths.txt, line 2\n"
    assert cli(["report", "--workspace", str(tmp_path / "folder"), "--output", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert all(f"line {number} of the request" in page for number in (2, 4))
    assert "471147" not in page + (tmp_path / "folder" / "outcomes.ndjson").read_text()
