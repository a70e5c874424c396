"""The schedule's Terraform: every reference resolves, accounts have no more than they need, and the body starts what we parse."""

import argparse
import json
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud.dataflow_v1beta3 import FlexTemplateRuntimeEnvironment

sys.path.insert(0, str(Path(__file__).parent))  # test files are imported by their paths: this is how they share a module

from terraform_files import FILES, FOLDER, blocks, references

from pipeline.capacity import workers
from pipeline.options import beam_options, parse
from transforms.model.errors import ConfigError

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


def body():
    """The body of a launch, with these values."""
    return json.loads(string.Template(BODY).substitute(VALUES))


def declared():
    """Everything that a reference may name."""
    yield from (f"var.{name}" for (name,), _ in blocks("variable"))
    yield from (f"local.{name}" for _, content in blocks("locals") for name in content)
    yield from (".".join(labels) for labels in RESOURCES)


def named(reference):
    """What a reference names, without the attribute that it takes of it."""
    return ".".join(reference.split(".")[:2])


def test_every_reference_resolves_and_every_variable_is_used():
    found, known = set(map(named, references())), set(declared())
    assert len(found) > 30
    assert found <= known
    assert {name for name in known if name.startswith("var.")} <= found


def is_there(reference):
    """Whether what a reference takes of a variable or a local value is in it; of locals only the two bodies of a launch have anything."""
    kind, name, *path = reference.split(".")
    at = {"launch": body(), "body": body()} if kind == "local" else {}
    for part in [name, *path] if path else []:
        at = at.get(part) if isinstance(at, dict) else None
    return at is not None


def test_what_is_taken_of_a_local_value_is_in_it():
    """Of resources the provider's schema says it (tests/servers/test_terraform.py)."""
    taken = {reference for reference in references() if not reference.startswith("google_")}
    assert {f"local.body.launchParameter.parameters.{name}" for name in ("workspace", "destination")} <= taken
    assert {reference for reference in taken if not is_there(reference)} == set()


def test_a_reference_to_nothing_would_be_noticed(monkeypatch):
    monkeypatch.setitem(FILES, "wrong.tf", 'x = "${var.nothing}-${local.other.y}-${data.google_project.p.id}" # var.comment\n')
    assert set(map(named, references())) - set(declared()) == {"var.nothing", "local.other", "data.google_project"}
    assert not is_there("local.launch.launchParameter.parameters.workspaces")
    assert not is_there("var.project.number")
    assert not is_there("local.image.name")


def granted(content):
    return set(re.findall(r"roles/[A-Za-z.]+", str(content)))


def test_accounts_have_their_rights_on_the_thing_itself():
    grants = {labels: granted(content) for labels, content in RESOURCES.items() if labels[0].endswith("_iam_member")}
    assert all(grants[labels] or "each.value" in str(RESOURCES[labels]) for labels in grants)
    projectwide = set().union(*(roles for (kind, _), roles in grants.items() if kind == "google_project_iam_member"))
    assert projectwide == {"roles/dataflow.worker", "roles/dataflow.viewer", "roles/bigquery.jobUser", "roles/dataflow.developer"}
    assert grants["google_storage_bucket_iam_member", "worker_reads"] == {"roles/storage.objectViewer"}
    assert not [role for roles in grants.values() for role in roles if "dmin" in role or role in {"roles/owner", "roles/editor"}]


def test_the_store_creates_what_is_put_to_it_and_buckets_are_closed():
    assert RESOURCES["google_healthcare_fhir_store", "provenance"]["enable_update_create"] is True
    for (kind, _), content in RESOURCES.items():
        if kind == "google_storage_bucket":
            assert content["public_access_prevention"] == '"enforced"'
            assert content["uniform_bucket_level_access"] is True
            assert content["soft_delete_policy"][0]["retention_duration_seconds"] == 0  # what is purged is gone
    assert not [kind for kind, _ in RESOURCES if kind == "google_secret_manager_secret_version"]  # the key is never in a state file


def test_the_body_has_a_value_for_each_of_its_names():
    wanted = {found["braced"] for found in string.Template.pattern.finditer(BODY)}
    ((_, content),) = blocks("locals")
    given = content["launch"].partition("launch_body.json")[2]
    assert wanted == set(VALUES)
    assert [name for name in VALUES if f"{name} = " not in given] == []


def test_launcher_and_workers_have_the_image_that_is_built():
    """The template names it for the launcher, the body for the workers; both are what Terraform says that the build has to make."""
    ((_, content),) = blocks("locals")
    outputs = {name: block["value"] for (name,), block in blocks("output")}
    build = yaml.safe_load((FOLDER.parent / "cloudbuild.yaml").read_text())
    steps = {step["id"]: step["args"] for step in build["steps"]}
    launched = body()["launchParameter"]
    assert (launched["parameters"]["sdk_container_image"], launched["containerSpecGcsPath"]) == (VALUES["image"], VALUES["template"])
    for name in ("image", "template"):
        assert re.search(rf"\b{name} = local\.{name}\b", content["launch"])
        assert outputs[name] == f"${{local.{name}}}"
        assert "${var.template_version}" in content[name]
    assert steps["image"][steps["image"].index("--tag") + 1] == "${_IMAGE}"
    assert steps["push"] == ["push", "${_IMAGE}"]
    assert steps["template"][3:5] == ["${_TEMPLATE}", "--image=${_IMAGE}"]


def test_the_body_passes_the_console():
    offered = {one["name"]: one for one in json.loads((FOLDER.parent / "metadata.json").read_text())["parameters"]}
    given = {name: text for name, text in body()["launchParameter"]["parameters"].items() if name in offered}
    assert given.keys() > {"source", "destination", "workspace", "key_uri", "fhir_store"}
    assert [name for name, text in given.items() for form in offered[name].get("regexes", []) if not re.search(form, text)] == []


def spellings(flag):
    """All names of the option of Beam's that a flag sets, the denial of a yes or no too."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    (dest,) = {action.dest for action in parser._actions if flag.partition("=")[0] in action.option_strings}
    return {name.removeprefix("--") for action in parser._actions if action.dest == dest for name in action.option_strings}


def test_further_options_contradict_neither_rights_nor_outputs_nor_the_body():
    """But for the languages, and for the server of the store, which has a regional name too."""
    launched = body()["launchParameter"]
    fields = [re.sub(r"(?=[A-Z])", "_", name).lower() for name in launched["environment"]]
    of_the_workers = set().union(*(spellings(ENVIRONMENT[field]) for field in fields))
    (parameters,) = (block for (name,), block in blocks("variable") if name == "parameters")
    (validation,) = parameters["validation"]
    shape, _, names = validation["condition"].partition("[")
    assert shape == "${length(setintersection(keys(var.parameters), "
    refused, _, end = names.partition("]")
    assert end == ")) == 0}"
    where = {"job_name", "project", "region", "template_location", "worker_region", "worker_zone", "zone", "network"}
    assert of_the_workers > {"max_num_workers", "worker_machine_type", "no_use_public_ips", "subnetwork"}
    assert (
        set(json.loads(f"[{refused}]")) == set(launched["parameters"]) - {"ocr_languages", "healthcare_endpoint"} | of_the_workers | where
    )


def test_the_body_starts_what_we_parse():
    launched = body()["launchParameter"]
    of_the_launcher = ["--project=hospital", "--region=r", f"--temp_location={launched['environment']['tempLocation']}"]
    settings = parse([f"--{name}={value}" for name, value in launched["parameters"].items()] + of_the_launcher)
    assert (settings.source, settings.destination, settings.runner) == (VALUES["source"], VALUES["destination"], "DataflowRunner")
    assert settings.fhir_write_ops_per_minute == 6000
    assert launched["jobName"] == "dicom-deid"
    assert launched["environment"]["maxWorkers"] == 10


ENVIRONMENT = {
    "num_workers": "--num_workers=2",
    "max_workers": "--max_num_workers=10",
    "zone": "--zone=r-a",
    "service_account_email": "--service_account_email=w@p.iam.gserviceaccount.com",
    "temp_location": "--temp_location=gs://staging/temp",
    "machine_type": "--machine_type=n2-highmem-2",
    "additional_experiments": "--experiments=use_runner_v2",
    "network": "--network=default",
    "subnetwork": "--subnetwork=regions/r/subnetworks/s",
    "additional_user_labels": '--labels={"team": "research"}',
    "kms_key_name": "--dataflow_kms_key=projects/p/locations/r/keyRings/k/cryptoKeys/c",
    "ip_configuration": "--no_use_public_ips",
    "worker_region": "--worker_region=r",
    "worker_zone": "--worker_zone=r-a",
    "enable_streaming_engine": "--enable_streaming_engine",
    "flexrs_goal": "--flexrs_goal=COST_OPTIMIZED",
    "staging_location": "--staging_location=gs://staging/staging",
    "sdk_container_image": "--sdk_container_image=r-docker.pkg.dev/p/images/dicom-deid:1",
    "disk_size_gb": "--disk_size_gb=50",
    "autoscaling_algorithm": "--autoscaling_algorithm=THROUGHPUT_BASED",
    "dump_heap_on_oom": "--dump_heap_on_oom",
    "save_heap_dumps_to_gcs_path": "--save_heap_dumps_to_gcs_path=gs://staging/heap",
    "launcher_machine_type": "--launcher_machine_type=n1-standard-1",
    "enable_launcher_vm_serial_port_logging": "--enable_launcher_vm_serial_port_logging",
    "streaming_mode": "--streaming_mode=STREAMING_MODE_EXACTLY_ONCE",
    "additional_pipeline_options": "--dataflow_service_options=enable_prime",
}
"""Fields of the environment of a launch, and how Python's launcher may say them; each of them may be in a body."""


def test_whatever_the_environment_of_a_launch_may_say_is_taken():
    assert set(FlexTemplateRuntimeEnvironment.meta.fields) == set(ENVIRONMENT)
    parameters = [f"--{name}={value}" for name, value in body()["launchParameter"]["parameters"].items()]
    of_the_job = [
        "--project=hospital",
        "--region=r",
        "--job_name=dicom-deid",
        "--template_location=gs://staging/template_launches/1/job_object",
    ]
    needed = [ENVIRONMENT["temp_location"], *of_the_job]
    for flag in ENVIRONMENT.values():
        parse([*parameters, *needed, flag])
    alone = {"zone", "worker_zone"}  # of the three that say where, Dataflow takes one
    settings = parse([*parameters, *of_the_job, *(flag for name, flag in ENVIRONMENT.items() if name not in alone)])
    options = beam_options(settings, "nightly").get_all_options()
    assert (options["max_num_workers"], options["use_public_ips"], options["subnetwork"]) == (10, False, "regions/r/subnetworks/s")
    with pytest.raises(ConfigError, match="neither ours nor one of Apache Beam's"):
        parse([*parameters, *of_the_job, "--temp_location=gs://staging/temp", "--launcher_machine=n1-standard-1"])


@pytest.mark.parametrize("machine", ["--machine_type=n2-highmem-2", "--worker_machine_type=n2-highmem-2"])
def test_the_environment_of_a_launch_bounds_what_shares_a_quota(machine):
    """Dataflow's launcher hands it to the program as further options; whichever of Beam's names it takes for the machine, they count."""
    launched = body()["launchParameter"]
    assert (launched["environment"]["maxWorkers"], launched["environment"]["machineType"]) == (10, "n2-highmem-2")
    parameters = launched["parameters"] | {"source": "projects/p/locations/l/datasets/d/dicomStores/s", "dicomweb_ops_per_minute": "600"}
    words = [f"--{name}={value}" for name, value in parameters.items()]
    of_the_launcher = ["--project=hospital", "--region=r", ENVIRONMENT["temp_location"], ENVIRONMENT["max_workers"], machine]
    settings = parse([*words, *of_the_launcher])
    assert settings.source_store.ops_per_minute == 600 / (10 * 2)
    assert workers(settings) == 20
    with pytest.raises(ConfigError, match="--machine_type"):
        parse([*words, *of_the_launcher[:-1]])


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_itself_reads_the_files_and_would_write_them_so():
    done = subprocess.run(["terraform", "fmt", "-check", "-diff", str(FOLDER)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
