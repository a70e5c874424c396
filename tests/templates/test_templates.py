"""The Flex Template offers exactly the options there are, and its image is made of what the lock says."""

import argparse
import json
import re
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

from benchmarks.burned_in.frames import SCRIPTS
from pipeline.options import DeidentifyOptions, parse
from pipeline.request import read_request, store_address
from transforms.model.errors import ConfigError

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "templates" / "Dockerfile").read_text()
METADATA = json.loads((ROOT / "templates" / "metadata.json").read_text())
BODY = json.loads((ROOT / "templates" / "launch_body.json").read_text().replace("${max_workers}", "1"))["launchParameter"]
STEPS = list(runpy.run_path(str(ROOT / "scripts" / "try_image.py"))["instructions"](DOCKERFILE))
"""As the script reads them that tries the image's steps."""
PARAMETERS = {parameter["name"]: parameter for parameter in METADATA["parameters"]}
ALWAYS = {"source", "workspace", "key_uri"}
"""Required of a remote run: two places (a request may name the third), and the key, which only a local run can make for itself."""


def options():
    parser = argparse.ArgumentParser(add_help=False)
    DeidentifyOptions._add_argparse_args(parser)
    return {action.dest: action for action in parser._actions}


def test_the_parameters_are_our_options_in_their_order():
    assert list(PARAMETERS) == list(options())


@pytest.mark.parametrize("name", options())
def test_a_parameter_says_what_its_option_says(name):
    parameter, option = PARAMETERS[name], options()[name]
    assert parameter["helpText"] == option.help
    assert parameter["isOptional"] == (name not in ALWAYS)
    assert parameter["paramType"] == ("BOOLEAN" if isinstance(option.default, bool) else "TEXT")
    assert parameter.get("defaultValue") == (option.default if isinstance(option.default, str) else None)


def accepts(name, text):
    return all(re.search(pattern, text) for pattern in PARAMETERS[name].get("regexes", []))


def test_choices_of_an_option_are_those_of_its_parameter():
    for name, option in options().items():
        for choice in option.choices or []:
            assert accepts(name, choice)
            assert not accepts(name, f"{choice}x")


LAUNCH = {
    "source": "gs://hospital/in",
    "destination": "gs://published/out",
    "workspace": "gs://confidential/ws",
    "key_uri": "secret:projects/p/secrets/k/versions/1",
    "fhir_store": "projects/p/locations/l/datasets/d/fhirStores/f",
    "healthcare_endpoint": "https://healthcare.googleapis.com/v1beta1",
    "fhir_write_ops_per_minute": "6000",
}
"""Parameters of a launch, and what the service adds to them."""
OF_THE_SERVICE = ["--runner=DataflowRunner", "--project=hospital", "--region=r", "--temp_location=gs://staging/temp"]
IMAGE = "--sdk_container_image=r-docker.pkg.dev/p/images/dicom-deid:1"
REQUEST = json.dumps({"config": {"image": {}}, "destinationStore": LAUNCH["destination"]})
CRYPTO_KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
WITH = {
    "bigquery_endpoint": {"bigquery_table": "my-project:research.Provenance"},
    "dicom_token_uri": {"source": "https://pacs.example/dicom-web"},
    "dlp_parent": {"inspection_engine": "dlp"},
}
"""What some parameters go with."""
TAKEN = {
    "source": ["gs://hospital/in/*.dcm", "https://pacs.example/dicom-web", "projects/p/locations/l/datasets/d/dicomStores/s"],
    "workspace": ["gs://confidential/ws/"],
    "quarantine": ["gs://held/x", "https://pacs.example/held"],
    "operation_id": ["nightly.1", "0", "a" * 54],
    "key_uri": [LAUNCH["key_uri"], "gs://keys/deid.key", f"kms:{CRYPTO_KEY}#gs://keys/wrapped", f"kms:{CRYPTO_KEY}#base64:AAAA"],
    "fhir_store": ["https://fhir.example/R4"],
    "healthcare_endpoint": ["https://healthcare.googleapis.com"],
    "fhir_write_ops_per_minute": ["1", "0600"],
    "bigquery_table": ["my-project:research.Provenance", "my-project.research.log-2", "example.com:my-project:research.p"],
    "bigquery_endpoint": ["https://bigquery.example"],
    "dicomweb_ops_per_minute": ["600"],
    "dlp_parent": ["projects/p/locations/us"],
    "ocr_languages": ["eng", "eng,chi_sim", "eng+kor", "script/Latin"],
    "max_failure_ratio": ["0", "1", ".5", "0.5", "00.25", "1.0", "1.", "0."],
    "allow_identifiable": ["true", "false", "True", "FALSE"],
}
REFUSED = {
    "source": ["/data/in", "s3://bucket/in", "projects/p/datasets/d/dicomStores/s"],
    "destination": ["out", "gs://B/out"],
    "workspace": ["/secure/ws", "https://pacs.example/ws"],
    "quarantine": ["/secure/held"],
    "patient_map": ["/secure/map.csv"],
    "operation_id": [".foo", "-a", "a/b", "a" * 55],
    "key_uri": ["file:/secure/deid.key", "env:KEY", f"kms:{CRYPTO_KEY}#file:/secure/wrapped", f"kms:{CRYPTO_KEY}#env:WRAPPED"],
    "write_uid_map": ["/secure/uids.csv", "gs://confidential/uids.csv"],
    "write_patient_map": ["patients.csv"],
    "fhir_token_uri": ["file:/secure/token", "env:TOKEN"],
    "dicom_token_uri": ["env:TOKEN", "pacs.example=file:/secure/token"],
    "fhir_store": ["f", "projects/p/locations/l/datasets/d/dicomStores/s"],
    "healthcare_endpoint": ["healthcare.googleapis.com"],
    "fhir_write_ops_per_minute": ["0", "-1", "many", "1.5"],
    "dicomweb_ops_per_minute": ["0", "-1"],
    "bigquery_table": ["Provenance", "p:d.t", "My-Project:d.t"],
    "bigquery_endpoint": ["bigquery.example"],
    "ocr_languages": ["eng;kor", "eng,", "3"],
    "dlp_parent": ["projects/p", "projects/p/locations/us/content:inspect"],
    "max_failure_ratio": ["1.5", "-0.5", "2", "few", "1.01"],
    "allow_identifiable": ["yes", "1"],
}


def takes(**parameters):
    """Whether a launch with these parameters, and what they go with, comes past its options."""
    for name in tuple(parameters):
        parameters |= WITH.get(name, {})
    words = [f"--{name}={text}" for name, text in (LAUNCH | parameters).items() if text]
    try:
        settings = parse([*OF_THE_SERVICE, IMAGE, *words])
        store_address(settings, read_request(settings).config)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TAKEN.items() for text in texts])
def test_what_a_launch_takes_passes_the_console(name, text):
    assert takes(**{name: text})
    assert accepts(name, text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_what_a_launch_refuses_the_console_refuses(name, text):
    assert not takes(**{name: text})
    assert not accepts(name, text)


def test_each_parameter_with_a_form_is_tried_both_ways():
    """Choices are tried above; what has no right value on Dataflow only is refused."""
    forms = {name for name, parameter in PARAMETERS.items() if "regexes" in parameter}
    flags = {name for name in forms if PARAMETERS[name]["paramType"] == "BOOLEAN"} - {"allow_identifiable"}
    assert set(REFUSED) == forms - flags - {name for name, option in options().items() if option.choices}


def test_a_request_names_the_destination_where_no_parameter_does():
    assert takes(destination=None, request=REQUEST)
    assert not takes(destination=None)


def test_the_images_beam_is_the_locks_beam():
    (lock,) = re.findall(r"^apache-beam==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert re.findall(r"apache/beam_python(\S+)_sdk:(\S+)", DOCKERFILE) == [("3.11", lock)]


def test_one_python_everywhere_in_the_image():
    assert set(re.findall(r"(?:FROM python:|beam_python)(\d\.\d+)", DOCKERFILE)) == {"3.11"}
    assert re.findall(r"python(\d+)-template-launcher", DOCKERFILE) == ["311"]


def test_the_steps_are_read_as_docker_reads_them():
    read = runpy.run_path(str(ROOT / "scripts" / "try_image.py"))["instructions"]
    text = "# syntax\nFROM a\n\nRUN one \\\n# a comment between\n && two\nENV A=1\n"
    assert [tuple(step) for step in read(text)] == [("FROM", "a"), ("RUN", "one   && two"), ("ENV", "A=1")]
    assert {step.name for step in STEPS} == {"FROM", "ARG", "COPY", "RUN", "WORKDIR", "ENV", "ENTRYPOINT"}


def packs():
    (words,) = [step.words for step in STEPS if step.words.startswith("TESSERACT_PACKS=")]
    return words.partition("=")[2].strip('"')


def test_the_image_reads_the_scripts_that_the_benchmark_draws():
    packs_of = {
        "latin": "eng",
        "arabic": "ara",
        "chinese": "chi-sim",
        "cyrillic": "rus",
        "greek": "ell",
        "hangul": "kor",
        "japanese": "jpn",
    }
    assert sorted(packs().split()) == sorted(packs_of[script] for script in set(SCRIPTS))


def test_the_builder_passes_on_the_same_packs_and_the_body_names_one_of_them():
    build = yaml.safe_load((ROOT / "templates" / "cloudbuild.yaml").read_text())
    assert build["substitutions"] == {"_TESSERACT_PACKS": packs()}
    arguments = build["steps"][0]["args"]
    assert arguments[arguments.index("--build-arg") + 1] == "TESSERACT_PACKS=${_TESSERACT_PACKS}"
    assert BODY["parameters"]["ocr_languages"] in packs().split()


def test_each_pack_is_installed_by_its_package():
    (install,) = [step.words for step in STEPS if "apt-get install" in step.words]
    told = install.replace("apt-get", "echo").replace("rm -rf", "echo")
    said = subprocess.run(["/bin/sh", "-ec", told], env={"TESSERACT_PACKS": packs()}, capture_output=True, text=True, check=True).stdout
    assert f"tesseract-ocr {' '.join(f'tesseract-ocr-{pack}' for pack in packs().split())}\n" in said


def copied():
    words = [step.words.split() for step in STEPS if step.name == "COPY" and not step.words.startswith("--from=")]
    return [source for *sources, _ in words for source in sources]


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder():
    sent = {line[1:] for line in (ROOT / "templates" / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied()
    assert [source for source in copied() if not (ROOT / source).exists()] == []
    assert sent == set(copied())


def test_nothing_else_leaves_the_machine_for_a_build(tmp_path):
    """Cloud Build is sent the whole tree but for what `.gcloudignore` names, whose rules are git's."""
    (tmp_path / ".gitignore").write_text((ROOT / ".gcloudignore").read_text())
    needed = [f"templates/{name}" for name in ("Dockerfile", "Dockerfile.dockerignore", "metadata.json", "cloudbuild.yaml")]
    files = [f"{name}/inside/it" if (ROOT / name).is_dir() else name for name in (*copied(), *needed)]
    for name in (*files, "deid.key", "out/workspace/keys/deid.key", "templates/terraform/terraform.tfstate", "pipeline/__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    sent = ["git", "ls-files", "--others", "--exclude-standard"]
    assert set(subprocess.run(sent, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()) == set(files)


def test_what_setup_reads_is_copied():
    read = set(re.findall(r'HERE / "([^"]+)"', (ROOT / "setup.py").read_text()))
    assert read <= set(copied())


def test_the_template_starts_at_the_copied_program_and_installs_nothing():
    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py" in DOCKERFILE
    assert "FLEX_TEMPLATE_PYTHON_REQUIREMENTS_FILE" not in DOCKERFILE
    assert "FLEX_TEMPLATE_PYTHON_SETUP_FILE" not in DOCKERFILE
    assert "RUN pip check" in DOCKERFILE
