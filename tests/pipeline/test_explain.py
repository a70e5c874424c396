"""`explain` says of each element what a run would do and why, tells no value, and writes nothing."""

import json

import pydicom
import pytest
from cloud_dlp import PARENT

from pipeline.cli import main
from transforms.proof.tokens import tokens_of


@pytest.fixture
def explain(tmp_path, capsys):
    """A function from a config and a file's path to (exit code, lines); asserts that nothing new lies beside the config."""

    def run(config, *words):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        code = main(["explain", "--config", str(path), *map(str, words)])
        assert list(tmp_path.iterdir()) == [path]
        shown = capsys.readouterr()
        return code, (shown.out + shown.err).splitlines()

    return run


def test_a_plan_without_a_file(explain):
    hashed = {"cryptoHashConfig": {"cryptoKey": "MDEyMzQ1Njc4OWFiY2RlZg=="}}
    config = {
        "dicomTagConfig": {
            "ps315Options": {"retainUids": True, "cleanDescriptors": True},
            "actions": [{"queries": ["PatientSex"], "keepTag": {}}],
        },
        "text": {"additionalTransformations": [{"infoTypes": ["PERSON_NAME"], **hashed}]},
    }
    code, lines = explain(config)
    assert code == 0
    assert lines[:6] == [
        "profile: ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
        "options of PS3.15: clean descriptors, retain uids",
        "action 1: keepTag PatientSex",
        "UIDs of study, series and instance: kept",
        "text in pixels: left",
        "patients, by the Basic profile: a keyed pseudonym each",
    ]
    assert "text that inspection finds: DATE by dateShiftConfig, PERSON_NAME by cryptoHashConfig, the rest by" in lines[6]
    assert "  keepTag keeps PatientSex" in lines


def test_every_element_has_its_line_and_no_value_is_told(explain, real_file):
    file = real_file("CT_small.dcm")
    code, lines = explain({"dicomTagConfig": {}}, file)
    assert code == 0
    assert "00100010 PatientName: RESET (Matched ID: 00100010 (PS3.15 2026d Basic Profile Z, here a keyed pseudonym))" in lines
    assert "00280010 Rows: KEPT" in lines
    dataset = pydicom.dcmread(file)
    assert {f"{int(element.tag):08X}" for element in dataset} <= {line.split(":")[0].split(" ")[0].split(".")[-1] for line in lines if line}
    folded = "\n".join(lines).casefold()
    assert not [token for token in tokens_of(dataset) if len(token.text) > 3 and token.text in folded]


def test_elements_in_sequences_have_their_path(explain, real_file):
    _, lines = explain({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}, real_file("CT_small.dcm"))
    assert "00101002[0].00100020 PatientID: CLEANED GENERIC_ID (Matched VR: LO)" in lines
    assert "  DEIDENTIFY_TAG_CONTENTS keeps every element, and of its text what inspection does not find" in lines


def test_the_apis_vrs_alone_are_told(explain, real_file):
    contents = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
    _, lines = explain(contents, "--api_vrs_only", real_file("CT_small.dcm"))
    assert "inspected are texts of AE, AS, DA, DT, LO, LT, PN, SH, ST, UC, UT" in lines
    assert "  --api_vrs_only leaves texts of CS, DS, IS, TM, UI, UN, UR uninspected" in lines
    assert not any(line.startswith("inspected are") for line in explain(contents)[1])


def test_what_cannot_be_explained_is_said(explain, real_file):
    code, lines = explain({}, real_file("DICOMDIR"))
    assert code == 1
    assert lines[-1].startswith("dicom-deid: read ")
    code, lines = explain({"dicom": {"keepList": {"tags": ["Nobody"]}}})
    assert (code, lines) == (2, ["dicom-deid: " + lines[0].removeprefix("dicom-deid: ")])
    assert "config.dicom.keepList.tags.0 is 'Nobody'" in lines[0]


def test_patients_and_the_trial_are_told(explain, real_file, tmp_path_factory):
    config = {"dicomTagConfig": {"clinicalTrial": {"sponsorName": "NIH", "protocolId": "P-7"}}}
    patients = tmp_path_factory.mktemp("map") / "patients.csv"
    patients.write_text("issuer,id,subject\n,4MR1,TRIAL-001\n")
    code, lines = explain(config, "--patient_map", patients, real_file("MR_small.dcm"))
    assert code == 0
    assert "patients, by the Basic profile: by the map; others are held" in lines
    (trial,) = [line for line in lines if line.startswith("clinical trial: ")]
    assert "ClinicalTrialProtocolID 'P-7'" in trial
    assert [line for line in lines if line.startswith("00100020 ")] == [
        next(line for line in lines if line.startswith("00100020 PatientID: RESET (") and "by the patient map" in line)
    ]
    assert not [line for line in lines if "TRIAL-001" in line or "would be held" in line]
    assert (
        "would be held: a patient that it names is not in the patient map"
        in explain(config, "--patient_map", patients, real_file("CT_small.dcm"))[1]
    )
    assert "patients, by the Basic profile: ids and names emptied" in explain({}, "--patient_id", "empty")[1]
    assert explain(config, "--patient_id", "empty")[0] == 2


def test_a_plan_by_cloud_dlp_says_so_and_asks_it(explain, real_file, cloud_dlp):
    config = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
    words = ("--inspection_engine", "dlp", "--dlp_parent", "projects/p/locations/europe-west4")
    cloud_dlp.words = {"e+1": "LOCATION"}
    code, lines = explain(config, *words, real_file("CT_small.dcm"))
    assert code == 0
    assert "language is looked for by Cloud DLP in projects/p/locations/europe-west4" in lines
    assert cloud_dlp.calls == 1
    assert "00081030 StudyDescription: CLEANED LOCATION (Matched VR: LO)" in lines
    assert explain(config, "--dlp_parent", "projects/p/locations/us")[0] == 2


def test_requests_to_cloud_dlp_are_counted(explain, real_file, cloud_dlp):
    contents = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
    asking = ("--inspection_engine", "dlp", "--dlp_parent", PARENT)
    code, lines = explain(contents, *asking, real_file("rtplan.dcm"))
    assert (code, cloud_dlp.calls) == (0, 1)
    assert lines[-1].startswith("requests to Cloud DLP for this: 1,")
    assert not any("requests to Cloud DLP" in line for line in explain(contents, *asking)[1])
    assert not any("Cloud DLP" in line for line in explain(contents, real_file("rtplan.dcm"))[1])


def test_an_info_type_that_nobody_knows_is_refused_as_in_a_run(explain):
    code, (line,) = explain({"image": {"additionalInfoTypes": ["NONSENSE_TYPE"]}})
    assert code == 2
    assert line.startswith("dicom-deid: config.image is 'NONSENSE_TYPE': the inspection knows no such infoType")
