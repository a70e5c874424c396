"""The schedule's Terraform: every reference resolves, accounts have no more than they need, and the body starts what we parse."""

import json
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

from terraform_files import FILES, FOLDER, blocks, references

from pipeline.options import parse

RESOURCES = dict(blocks("resource"))
BODY = (FOLDER.parent / "launch_body.json").read_text()
VALUES = {
    "job": "dicom-deid",
    "template": "gs://staging/templates/1.json",
    "image": "r-docker.pkg.dev/p/images/dicom-deid:1",
    "source": "gs://hospital/studies",
    "destination": "gs://published/instances",
    "workspace": "gs://confidential/dicom-deid",
    "key_uri": "secret:projects/p/secrets/k/versions/1",
    "fhir_store": "projects/p/locations/l/datasets/d/fhirStores/f",
    "fhir_write_ops_per_minute": "6000",
    "bigquery_table": "my-project:d.Provenance",
    "worker": "w@p.iam.gserviceaccount.com",
    "staging": "gs://staging",
    "max_workers": "10",
    "machine_type": "n2-highmem-2",
    "subnetwork": "regions/r/subnetworks/s",
}


def declared():
    """Everything that a reference may name."""
    yield from (f"var.{name}" for (name,), _ in blocks("variable"))
    yield from (f"local.{name}" for _, content in blocks("locals") for name in content)
    yield from (".".join(labels) for labels in RESOURCES)


def test_every_reference_resolves_and_every_variable_is_used():
    found, known = set(references()), set(declared())
    assert len(found) > 30
    assert found <= known
    assert {name for name in known if name.startswith("var.")} <= found


def test_a_reference_to_nothing_would_be_noticed(monkeypatch):
    monkeypatch.setitem(FILES, "wrong.tf", 'x = "${var.nothing}-${local.launch.y}" # var.comment\n')
    assert set(references()) - set(declared()) == {"var.nothing"}


def granted(content):
    return set(re.findall(r"roles/[A-Za-z.]+", str(content)))


def test_accounts_have_their_rights_on_the_thing_itself():
    grants = {labels: granted(content) for labels, content in RESOURCES.items() if labels[0].endswith("_iam_member")}
    assert all(grants[labels] or "each.value" in str(RESOURCES[labels]) for labels in grants)
    projectwide = set().union(*(roles for (kind, _), roles in grants.items() if kind == "google_project_iam_member"))
    assert projectwide == {"roles/dataflow.worker", "roles/bigquery.jobUser", "roles/dataflow.developer"}
    assert grants["google_storage_bucket_iam_member", "worker_reads"] == {"roles/storage.objectViewer"}
    assert not [role for roles in grants.values() for role in roles if "dmin" in role or role in {"roles/owner", "roles/editor"}]


def test_the_store_creates_what_is_put_to_it_and_buckets_are_closed():
    assert RESOURCES["google_healthcare_fhir_store", "provenance"]["enable_update_create"] is True
    for (kind, _), content in RESOURCES.items():
        if kind == "google_storage_bucket":
            assert content["public_access_prevention"] == '"enforced"'
            assert content["uniform_bucket_level_access"] is True
    assert not [kind for kind, _ in RESOURCES if kind == "google_secret_manager_secret_version"]  # the key is never in a state file


def test_the_body_has_a_value_for_each_of_its_names():
    wanted = {found["braced"] for found in string.Template.pattern.finditer(BODY)}
    ((_, content),) = blocks("locals")
    given = content["launch"].partition("launch_body.json")[2]
    assert wanted == set(VALUES)
    assert [name for name in VALUES if f"{name} = " not in given] == []


def test_the_body_starts_what_we_parse():
    body = json.loads(string.Template(BODY).substitute(VALUES))["launchParameter"]
    of_the_launcher = ["--project=hospital", "--region=r", f"--temp_location={body['environment']['tempLocation']}"]
    settings = parse([f"--{name}={value}" for name, value in body["parameters"].items()] + of_the_launcher)
    assert (settings.source, settings.destination, settings.runner) == (VALUES["source"], VALUES["destination"], "DataflowRunner")
    assert settings.fhir_write_ops_per_minute == 6000
    assert body["jobName"] == "dicom-deid"
    assert body["environment"]["maxWorkers"] == 10


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_itself_reads_the_files_and_would_write_them_so():
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", str(FOLDER)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
