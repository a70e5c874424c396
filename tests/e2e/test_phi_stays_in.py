"""A run at log level DEBUG: nothing that identifies leaves the Provenance, and the key is nowhere (DESIGN 4, 19)."""

import base64
import shutil
import sqlite3
import subprocess
import sys

import cv2
import numpy as np
import pydicom
import pytest

from transforms.model.workspace import Workspace

KEY = bytes.fromhex("5a1c" * 16)
SOURCE_WORD = "QXSOURCEZW"
PIXEL_WORD = "WYVERN"
RUN = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename=sys.argv[1], force=True)
from pipeline.cli import main
sys.exit(main(sys.argv[2:]))
"""
TEXT = {
    "PN": "Qx{0}^Zwomble",
    "LO": "QXLONG{0}",
    "SH": "QXSHORT{0}",
    "ST": "qx short text {0}",
    "LT": "qx long text {0}",
    "UT": "qx text {0}",
    "DA": "1931042{0}",
}


def planted(path, name, number):
    """The real file with a value of its own in every text element it has, and a word burned in."""
    dataset = pydicom.dcmread(path)
    values = []
    for tag in (
        "PatientName",
        "PatientID",
        "OperatorsName",
        "InstitutionName",
        "StudyDescription",
        "AccessionNumber",
        "ReferringPhysicianName",
    ):
        element = pydicom.DataElement(
            tag, pydicom.datadict.dictionary_VR(tag), TEXT[pydicom.datadict.dictionary_VR(tag)].format(f"{number}{len(values)}")
        )
        dataset[tag] = element
        values.append(str(element.value))
    dataset.PatientBirthDate = "19310427"
    dataset.add_new(0x00091010, "LO", f"QXPRIVATE{number}")
    values += ["19310427", f"QXPRIVATE{number}", dataset.SOPInstanceUID, dataset.StudyInstanceUID]
    if "PixelData" in dataset:
        frame = dataset.pixel_array.copy()
        ink = np.zeros(frame.shape[:2], np.uint8)
        cv2.putText(ink, PIXEL_WORD, (4, frame.shape[0] - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
        frame[-40:] = 0
        frame[ink > 127] = frame.max()
        dataset.PixelData = np.ascontiguousarray(frame).tobytes()
    dataset.save_as(name)
    return [value for value in values if len(value) > 5]


@pytest.fixture(scope="module", params=["--direct_num_workers=1", "--direct_running_mode=multi_processing"])
def run(request, tmp_path_factory, few):
    folder = tmp_path_factory.mktemp("phi")
    source = folder / SOURCE_WORD
    source.mkdir()
    secrets = [SOURCE_WORD, PIXEL_WORD, "Zwomble"]
    secrets += planted(few / "CT_small.dcm", source / "QXFILE1.dcm", 1)
    secrets += planted(few / "MR_small.dcm", source / "QXFILE2.dcm", 2)
    secrets += planted(few / "rtplan.dcm", source / "QXFILE3.dcm", 3)
    secrets += planted(few / "examples_rgb_color.dcm", source / "QXFILE7.dcm", 7)
    (source / "QXFILE4.dcm").write_bytes((source / "QXFILE1.dcm").read_bytes()[:3000])
    twin = bytearray((source / "QXFILE2.dcm").read_bytes())
    twin[-50] ^= 1
    (source / "QXFILE5.dcm").write_bytes(twin)
    unknown = pydicom.dcmread(source / "QXFILE3.dcm")
    unknown.SOPClassUID = unknown.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6"
    unknown.SOPInstanceUID = unknown.file_meta.MediaStorageSOPInstanceUID = "1.2.826.99999.77777"
    unknown.save_as(source / "QXFILE6.dcm")
    secrets += ["QXFILE", "1.2.826.99999.77777"]
    key = folder / "deid.key"
    key.write_text(KEY.hex())
    log, spoken = folder / "debug.log", folder / "spoken"
    places = ["--source", source, "--destination", folder / "destination", "--workspace", folder / "workspace"]
    command = [
        sys.executable,
        "-c",
        RUN,
        log,
        "run",
        *places,
        "--key_uri",
        f"file:{key}",
        "--default_sdk_harness_log_level=DEBUG",
        request.param,
    ]
    with spoken.open("w") as file:
        code = subprocess.run([str(word) for word in command], stdout=file, stderr=subprocess.STDOUT, check=False, timeout=300).returncode
    assert code == 1, spoken.read_text()
    return folder, secrets


def test_logs_say_nothing_about_a_person(run):
    folder, secrets = run
    logged = (folder / "debug.log").read_text() + (folder / "spoken").read_text()
    assert len(logged) > 500
    assert [secret for secret in secrets if secret.casefold() in logged.casefold()] == []


def test_what_is_looked_for_was_there_to_be_told(run):
    folder, secrets = run
    with sqlite3.connect(folder / "workspace" / "fhir.sqlite") as database:
        told = "".join(row[0] for row in database.execute("SELECT content FROM resources WHERE content IS NOT NULL"))
    assert [secret for secret in (PIXEL_WORD, "Zwomble", "QXPRIVATE7") if secret not in told] == []
    assert len(secrets) > 30


def test_names_of_files_and_resources_say_nothing_about_a_person(run):
    folder, secrets = run
    names = [str(path.relative_to(folder)) for part in ("destination", "workspace") for path in (folder / part).rglob("*")]
    with sqlite3.connect(folder / "workspace" / "fhir.sqlite") as database:
        names += [row[0] for row in database.execute("SELECT id FROM resources")]
    assert len(names) > 15
    assert [secret for secret in secrets if any(secret.casefold() in name.casefold() for name in names)] == []


def test_outcomes_and_the_operation_say_nothing_about_a_person(run):
    folder, secrets = run
    told = (folder / "workspace" / "outcomes.ndjson").read_text() + "".join(
        path.read_text() for path in (folder / "workspace" / "operations").glob("*.json")
    )
    assert {"UID_COLLISION"} <= {word for word in ("UID_COLLISION", "TRUNCATED") if word in told}
    assert [secret for secret in secrets if secret.casefold() in told.casefold()] == []


def test_published_and_quarantined_files_hold_no_planted_value(run):
    folder, secrets = run
    published = list((folder / "destination").rglob("*.dcm"))
    quarantined = list((folder / "workspace").rglob("quarantine/*.dcm"))
    assert published
    assert quarantined
    for path in published + quarantined:
        content = path.read_bytes().decode("latin-1").casefold()
        assert [secret for secret in secrets if secret.casefold() in content] == []


def test_the_key_is_nowhere_but_in_its_file(run):
    folder, _ = run
    shapes = [
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode(),
        base64.b64encode(KEY).rstrip(b"="),
        base64.urlsafe_b64encode(KEY).rstrip(b"="),
    ]
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "deid.key"]
    assert len(files) > 10
    assert [path for path in files if any(shape in path.read_bytes() for shape in shapes)] == []


def test_the_workspace_is_closed_to_others(run):
    folder, _ = run
    assert (folder / "workspace").stat().st_mode & 0o777 == 0o700


def test_a_workspace_key_is_made_once_and_closed_to_others(deidentify, few, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(few / "rtplan.dcm", source)
    workspace = Workspace(str(tmp_path / "workspace"))
    first = deidentify(source, tmp_path, key=f"file:{workspace.key_file}")
    assert first.code == 2  # a key that is named must exist
    assert "--key_uri" in first.output
