"""What each profile and option claims: codes of PS3.16 CID 7050, and what became of dates."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.tags.scrubber import Scrubber

SR = "1.2.840.10008.5.1.4.1.1.88.11"
BASIC, MINIMAL = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "MINIMAL_KEEP_LIST_PROFILE"
CID_7050 = {code.value: code.meaning for code in (getattr(codes.cid7050, name) for name in codes.cid7050.dir())}
STATED = {
    Option.GRAPHICS: "Clean Graphics",
    Option.STRUCTURED: "Clean Structured Content",
    Option.DESCRIPTORS: "Clean Descriptors",
    Option.FULL_DATES: "Retain Longitudinal Temporal Information Full Dates",
    Option.MODIFIED_DATES: "Retain Longitudinal Temporal Information Modified Dates",
    Option.CHARACTERISTICS: "Retain Patient Characteristics",
    Option.DEVICE: "Retain Device Identity",
    Option.UIDS: "Retain UIDs",
    Option.SAFE_PRIVATE: "Retain Safe Private",
    Option.INSTITUTION: "Retain Institution Identity",
}
DATES = {Option.FULL_DATES: "UNMODIFIED", Option.MODIFIED_DATES: "MODIFIED"}


def report(**attributes) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.PatientID, dataset.StudyDate, dataset.StudyTime = SR, "4711", "20200131", "101500"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def said(new: Dataset) -> list[tuple[str, str]]:
    return [(item.CodeValue, item.CodeMeaning) for item in new.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("profile", [BASIC, MINIMAL])
@pytest.mark.parametrize("option", list(Option))
def test_an_option_is_stated_by_its_code(scrub_with, profile, option):
    new = scrub_with(profile, report(), option)
    assert new.PatientIdentityRemoved == "YES"
    codes_said = said(new)
    assert [meaning for _, meaning in codes_said] == ["Basic Application Confidentiality Profile", f"{STATED[option]} Option"]
    assert all(CID_7050[value] == meaning for value, meaning in codes_said)
    assert {item.CodingSchemeDesignator for item in new.DeidentificationMethodCodeSequence} == {"DCM"}
    assert new.LongitudinalTemporalInformationModified == DATES.get(option, "REMOVED")


def test_several_options_are_stated_together(scrub_with):
    chosen = (Option.DEVICE, Option.STRUCTURED, Option.MODIFIED_DATES)
    assert [value for value, _ in said(scrub_with(BASIC, report(), *chosen))] == ["113100", "113104", "113107", "113109"]


def config(profile: str | None = None, actions: tuple[dict, ...] = (), **more) -> dict:
    profile = {"profileType": profile} if profile else {}
    return {"dicomTagConfig": {**profile, "actions": list(actions)}, **more}


def action(verb: str, *queries: str) -> dict:
    return {"queries": list(queries), verb: {}}


@pytest.mark.parametrize(
    ("asked", "earlier", "says"),
    [
        (config(BASIC), None, "REMOVED"),
        (config(BASIC), "MODIFIED", "REMOVED"),
        (config(BASIC, (action("keepTag", "PatientAge"),)), None, "REMOVED"),
        (config(BASIC, (action("keepTag", "StudyDate"),)), None, None),
        (config(BASIC, (action("keepTag", "RequestAttributesSequence"),)), "REMOVED", None),
        (config("KEEP_ALL_PROFILE"), None, "UNMODIFIED"),
        (config("KEEP_ALL_PROFILE"), "Kowalski", "UNMODIFIED"),
        (config("KEEP_ALL_PROFILE"), "REMOVED", "REMOVED"),
        (config("KEEP_ALL_PROFILE", (action("deleteTag", "StudyTime"),)), None, "MODIFIED"),
        ({"dicom": {"keepList": {"tags": ["Modality"]}}}, None, "REMOVED"),
        ({"dicom": {"keepList": {"tags": ["StudyDate"]}}}, None, None),
        ({"dicom": {"removeList": {"tags": ["PatientName"]}}}, None, "UNMODIFIED"),
        ({"dicom": {"removeList": {"tags": ["StudyDate"]}}}, None, "MODIFIED"),
        ({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}, None, "MODIFIED"),
        ({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}, "REMOVED", "REMOVED"),
        ({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": {"excludeInfoTypes": ["DATE"]}}, None, "UNMODIFIED"),
        (
            {
                "dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"},
                "text": {"transformations": [{"infoTypes": ["DATE"], "redactConfig": {}}]},
            },
            None,
            "REMOVED",
        ),
    ],
)
def test_what_is_said_of_dates_is_true(deidentify, asked, earlier, says):
    request = Dataset()
    request.ScheduledProcedureStepStartDate = "20200131"
    source = report(PatientAge="050Y", RequestAttributesSequence=[request])
    source.LongitudinalTemporalInformationModified = (earlier or "").upper() or None
    assert deidentify(asked, source)[1].get("LongitudinalTemporalInformationModified") == says


def test_what_an_action_empties_is_stated_all_the_same(deidentify):
    emptied = config(BASIC, (action("removeTag", "PatientIdentityRemoved"),))
    assert deidentify(emptied, report(PatientIdentityRemoved="YES"))[1].PatientIdentityRemoved == "YES"


@pytest.fixture
def scrub_with(opened, secret, file_bytes):
    """A function from a profile, a data set and options to the new file, parsed."""

    def run(profile: str, dataset: Dataset, *options: Option) -> Dataset:
        plan = ActionPlan(Profile(profile), Option.UIDS in options, ALL_TEXT, options=frozenset(options))
        return pydicom.dcmread(io.BytesIO(Scrubber(plan, secret).scrub(opened(file_bytes(dataset))).content))

    return run
