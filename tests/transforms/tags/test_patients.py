"""Who patients are in the result: by a map, by nothing, by the trial they are in."""

import dataclasses
import datetime as dt
import io
import pickle

import pydicom
import pytest
from pydicom.dataset import Dataset

from transforms.model.config import parse_config
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.keys import Purpose
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, PatientMode, PatientPlan, Profile
from transforms.model.resolve import resolve
from transforms.tags.dates import patient_shift
from transforms.tags.patients import Patients, read_patient_map
from transforms.tags.pseudonym import patient_identity
from transforms.tags.scrubber import Scrubber

MAP = "\ufeffissuer,id,subject,days\r\nST MARY, 4711 ,TRIAL-001,-30\r\n,4712,TRIAL-002,\r\n"


def mapped(tmp_path, text=MAP):
    path = tmp_path / "patients.csv"
    path.write_text(text, encoding="utf-8")
    return PatientPlan(map_uri=str(path), map_digest=read_patient_map(str(path)).digest)


def patient(issuer="ST MARY", patient_id="4711"):
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.IssuerOfPatientID = "Doe^Jane", patient_id, issuer
    dataset.StudyDate, dataset.PatientBirthDate = "20200131", "19700101"
    return dataset


@pytest.fixture
def scrubbed(secret, opened, file_bytes):
    """A function from a plan and a data set to (ScrubbedInstance, the new file parsed)."""

    def run(plan, dataset):
        done = Scrubber(plan, secret).scrub(opened(file_bytes(dataset)))
        return done, pydicom.dcmread(io.BytesIO(done.content))

    return run


def basic(**more):
    return ActionPlan(Profile.BASIC, keep_primary_uids=False, image=ALL_TEXT, **more)


def test_a_listed_patient_has_the_maps_subject_and_days(scrubbed, tmp_path):
    plan = basic(options=frozenset({Option.MODIFIED_DATES}), patients=mapped(tmp_path))
    done, new = scrubbed(plan, patient())
    assert (new.PatientID, str(new.PatientName), new.StudyDate, new.PatientBirthDate) == ("TRIAL-001", "TRIAL-001", "20200101", "")
    assert done.holds == ()
    (finding,) = [finding for finding in done.findings if finding.tag == "00100020"]
    assert (finding.original, finding.replaced) == ("4711", "TRIAL-001")
    assert "by the patient map" in finding.reason


def test_without_days_the_shift_is_the_keyed_one(secret, tmp_path):
    key = secret.purpose(Purpose.DATE)
    patients = Patients(mapped(tmp_path), secret.purpose(Purpose.PATIENT))
    listed, unlisted = patient_identity("", "4712", ""), patient_identity("", "4713", "")
    for identity in (listed, unlisted):
        assert patients.shift(key, identity) == patient_shift(key, identity)
    assert patients.shift(key, patient_identity("ST MARY", "4711", "")) == dt.timedelta(days=-30)


@pytest.mark.parametrize(("issuer", "patient_id"), [("", "4711"), ("ST MARY", "4712"), ("ST MARY", "")])
def test_an_unlisted_patient_is_held(scrubbed, tmp_path, issuer, patient_id):
    done, new = scrubbed(basic(patients=mapped(tmp_path)), patient(issuer, patient_id))
    assert [hold.code for hold in done.holds] == ["PATIENT_UNLISTED"]
    assert new.PatientID not in ("TRIAL-001", "TRIAL-002", patient_id)
    assert "4711" not in done.holds[0].sentence


def test_every_profile_holds_an_unlisted_patient(scrubbed, tmp_path):
    for profile in (Profile.KEEP_ALL, Profile.MINIMAL, Profile.CONTENTS):
        plan = dataclasses.replace(basic(patients=mapped(tmp_path)), profile=profile)
        assert [hold.code for hold in scrubbed(plan, patient(patient_id="9"))[0].holds] == ["PATIENT_UNLISTED"]


def test_another_patient_in_an_item_is_held_too(scrubbed, tmp_path):
    whole, item = patient(), patient(issuer="", patient_id="9")
    whole.SourceImageSequence = [item]
    done, _ = scrubbed(basic(patients=mapped(tmp_path)), whole)
    assert [hold.code for hold in done.holds] == ["PATIENT_UNLISTED"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id,subject\n1,A\n", "first line is not issuer,id,subject"),
        ("issuer,id,subject,name\n,1,A,SMITH\n", "first line is not"),
        ("issuer,id,subject\n,1\n", "line 2 has not as many fields"),
        ("issuer,id,subject\n,1,A,SMITH\n", "line 2 has not as many fields"),
        ("issuer,id,subject\n,,SMITH\n", "line 2 has no id"),
        ("issuer,id,subject\n,1,A\n, 1 ,SMITH\n", "line 3 names a patient again"),
        ("issuer,id,subject\n,1,SMITH^A\n", "subject in line 2"),
        ("issuer,id,subject\n,1,\n", "subject in line 2"),
        ("issuer,id,subject\n,1,SMITH\u00c9\n", "subject in line 2"),
        (f"issuer,id,subject\n,1,{'S' * 65}\n", "subject in line 2"),
        ("issuer,id,subject,days\n,1,A,0\n", "days in line 2"),
        ("issuer,id,subject,days\n,1,A,SMITH\n", "days in line 2"),
        ("issuer,id,subject,days\n,1,A,40000\n", "days in line 2"),
    ],
)
def test_a_wrong_map_is_refused_and_not_quoted(tmp_path, text, why):
    with pytest.raises(ConfigError, match=f"--patient_map: .*{why}") as refused:
        mapped(tmp_path, text)
    assert "SMITH" not in str(refused.value)


def test_a_map_that_is_not_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "patients.csv").write_bytes(b"issuer,id,subject\n,1,\xff\n")
    for name in ("patients.csv", "none.csv"):
        with pytest.raises(ConfigError, match="--patient_map"):
            read_patient_map(str(tmp_path / name))


def test_a_map_that_changes_during_a_run_stops_it(secret, tmp_path):
    plan = mapped(tmp_path)
    (tmp_path / "patients.csv").write_text(MAP + ",4713,TRIAL-003,\r\n")
    with pytest.raises(PreflightError, match="has changed"):
        Patients(plan, secret.purpose(Purpose.PATIENT))


def test_only_the_maps_name_and_digest_travel(tmp_path):
    pickled = pickle.dumps(basic(patients=mapped(tmp_path)))
    assert b"TRIAL-001" not in pickled
    assert b"4711" not in pickled


def test_ids_may_be_empty(scrubbed):
    done, new = scrubbed(basic(patients=PatientPlan(PatientMode.EMPTY)), patient())
    assert (new.PatientID, str(new.PatientName)) == ("", "")
    assert {finding.tag: finding.action for finding in done.findings if finding.tag in ("00100010", "00100020")} == dict.fromkeys(
        ("00100010", "00100020"), "REMOVED"
    )


TRIAL = """{"dicomTagConfig": {"clinicalTrial": {"sponsorName": "NIH", "protocolId": "P-7", "siteId": "12"}}}"""


def test_the_trial_of_the_config_is_stated_with_the_patient_as_its_subject(scrubbed, tmp_path):
    source = patient()
    source.ClinicalTrialProtocolID, source.ClinicalTrialSiteName = "OLD", "Ward 9"
    plan = dataclasses.replace(resolve(parse_config(TRIAL)), patients=mapped(tmp_path))
    done, new = scrubbed(plan, source)
    assert (new.ClinicalTrialSponsorName, new.ClinicalTrialProtocolID, new.ClinicalTrialProtocolName) == ("NIH", "P-7", "")
    assert (new.ClinicalTrialSiteID, new.ClinicalTrialSiteName, new.ClinicalTrialSubjectID) == ("12", "", "TRIAL-001")
    told = {finding.tag: finding for finding in done.findings}
    assert (told["00120020"].original, told["00120020"].replaced) == ("OLD", "P-7")
    assert told["00120031"].reason == "Matched ID: 00120031 (clinicalTrial of the config)"
    assert sum(finding.tag == "00120020" for finding in done.findings) == 1
    assert "00120010" not in told  # the source has none: nothing of it has changed


def test_without_a_trial_nothing_is_stated(scrubbed):
    assert not [element for element in scrubbed(basic(), patient())[1] if element.tag in (0x00120010, 0x00120040)]


@pytest.mark.parametrize("value", ['"a\\\\b"', '" a"', '"\u00c9"', f'"{"a" * 65}"', '""'])
def test_what_an_lo_cannot_hold_is_refused(value):
    with pytest.raises(ConfigError, match=r"config\.dicomTagConfig\.clinicalTrial\.protocolId"):
        parse_config(TRIAL.replace('"P-7"', value))


@pytest.mark.parametrize(("site", "told"), [("Featherstonhaugh Clinic", ["00120031"]), ("Clinic 4", [])])
def test_a_trial_that_says_what_the_source_says_is_told_apart_from_what_was_missed(deidentify, site, told):
    dataset = Dataset()
    dataset.ReferringPhysicianName = "Featherstonhaugh^Beatrix"
    config = {"dicomTagConfig": {"clinicalTrial": {"sponsorName": "ACME", "protocolId": "P-1", "siteName": site}}}
    _, new, holds = deidentify(config, dataset)
    assert new.ClinicalTrialSiteName == site
    expected = [f"a person's name in {tag} (as the config's clinicalTrial has it: state it in other words)" for tag in told]
    assert [hold.sentence.partition(": ")[2] for hold in holds] == expected
    assert {hold.code for hold in holds} == {"RESIDUAL_TOKEN" for _ in told}
