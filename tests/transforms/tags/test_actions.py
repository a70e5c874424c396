import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword

from transforms.model.plan import ALL_TEXT, NO_TEXT, ActionPlan, Profile
from transforms.tags import tables
from transforms.tags.actions import NAMES_AN_INSTANCE, Step, decide

CT = "1.2.840.10008.5.1.4.1.1.2"
BASIC, KEEP_ALL, MINIMAL = (ActionPlan(profile, False, ALL_TEXT) for profile in (Profile.BASIC, Profile.KEEP_ALL, Profile.MINIMAL))


def step(plan, *keywords, vr=None):
    path = tuple(tag_for_keyword(word) or int(word, 16) for word in keywords)
    return decide(plan, CT, path, vr or (dictionary_VR(path[-1]) if dictionary_has_tag(path[-1]) else "UN")).step


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("PatientName", Step.PSEUDONYM),
        ("PatientID", Step.PSEUDONYM),
        ("AccessionNumber", Step.EMPTY),
        ("InstitutionName", Step.DELETE),
        ("FrameOfReferenceUID", Step.UID),
        ("ReferencedImageSequence", Step.KEEP),
        ("SOPClassUID", Step.KEEP),
        ("ReferencedSOPClassUID", Step.KEEP),
        ("CodingSchemeUID", Step.KEEP),
        ("Rows", Step.KEEP),
        ("SpecificCharacterSet", Step.KEEP),
        ("00091001", Step.DELETE),
        ("00090010", Step.DELETE),
        ("00121234", Step.DELETE),
        ("60020010", Step.DELETE),
        ("60003000", Step.DELETE),
        ("50100005", Step.DELETE),
        ("00080000", Step.DELETE),
        ("FFFCFFFC", Step.DELETE),
        ("00041500", Step.DELETE),
        ("FFFAFFFA", Step.DELETE),
        ("IconImageSequence", Step.DELETE),
    ],
)
def test_the_basic_profile(element, expected):
    assert step(BASIC, element) is expected


def test_a_type_decides_a_conditional_code():
    assert tables.row(tag_for_keyword("SeriesDate")).basic == "X/D"
    assert step(BASIC, "SeriesDate") is Step.DELETE


@pytest.mark.parametrize("element", ["SecondaryReviewDate", "EvaluatorName", "RetrieveURL", "VolumeFrameOfReferenceUID"])
def test_what_the_table_misses_but_identifies_by_its_vr_goes(element):
    assert tables.row(tag_for_keyword(element)) is None
    decision = decide(BASIC, CT, (tag_for_keyword(element),), dictionary_VR(tag_for_keyword(element)))
    assert decision.step is not Step.KEEP
    assert decision.reason.startswith(f"Matched VR: {dictionary_VR(tag_for_keyword(element))} ")


@pytest.mark.parametrize(("stated", "expected"), [("PN", Step.DELETE), ("DA", Step.DELETE), ("UI", Step.UID), ("SH", Step.KEEP)])
def test_what_the_file_calls_a_name_or_a_date_is_taken_for_one(stated, expected):
    assert step(BASIC, "ConvolutionKernel", vr=stated) is expected


@pytest.mark.parametrize("element", ["EncryptedAttributesSequence", "EncryptedContent", "EncryptedContentTransferSyntaxUID"])
def test_what_an_earlier_run_encrypted_goes(element):
    assert step(BASIC, element) is Step.DELETE
    assert step(BASIC, "ReferencedSeriesSequence", element) is Step.DELETE
    assert step(MINIMAL, element) is Step.DELETE


@pytest.mark.parametrize("element", ["PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar"])
def test_dates_of_the_patient_in_another_calendar_go(element):
    assert step(BASIC, element) is Step.DELETE


def test_no_row_of_the_table_is_kept_by_the_basic_profile():
    for row in tables.ROWS:
        if "x" in row.tag or row.tag == "private":
            continue
        tag = int(row.tag, 16)
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
        expected = {Step.KEEP} if row.basic.endswith("U*") else {Step.DELETE, Step.EMPTY, Step.DUMMY, Step.UID, Step.PSEUDONYM}
        assert decide(BASIC, CT, (tag,), vr).step in expected, row.tag


def test_a_sequence_that_cannot_be_read_as_one_goes():
    assert step(BASIC, "ReferencedSeriesSequence", vr="UN") is Step.DELETE
    assert step(BASIC, "SourceImageSequence", vr="UN") in (Step.DELETE, Step.EMPTY)


def test_samples_in_a_sequence_go():
    assert step(BASIC, "ReferencedSeriesSequence", "PixelData", vr="OB") is Step.DELETE
    assert step(BASIC, "PixelData", vr="OB") is Step.KEEP


@pytest.mark.parametrize("element", ["PatientName", "StudyDate", "00091001", "60003000", "FrameOfReferenceUID", "InstitutionName"])
def test_keep_all_keeps(element):
    assert step(KEEP_ALL, element) is Step.KEEP


@pytest.mark.parametrize("element", ["StudyInstanceUID", "ReferencedSOPInstanceUID", "SOPInstanceUIDOfConcatenationSource"])
def test_references_go_the_way_of_what_they_name(element):
    assert step(KEEP_ALL, "ReferencedImageSequence", element) is Step.UID
    for profile in Profile:
        assert step(ActionPlan(profile, True, ALL_TEXT), "ReferencedImageSequence", element) is Step.KEEP


def test_every_uid_that_names_an_instance_is_mapped_by_the_basic_profile():
    assert {decide(BASIC, CT, (tag,), "UI").step for tag in NAMES_AN_INSTANCE} == {Step.UID}


def test_a_thumbnail_stays_only_where_everything_stays_and_no_text_is_redacted():
    assert step(KEEP_ALL, "IconImageSequence") is Step.DELETE
    assert step(ActionPlan(Profile.KEEP_ALL, False, NO_TEXT), "IconImageSequence") is Step.KEEP


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("Modality", Step.KEEP),
        ("PatientBirthDate", Step.EMPTY),
        ("KVP", Step.EMPTY),
        ("ProtocolName", Step.DELETE),
        ("Manufacturer", Step.EMPTY),
        ("ManufacturerModelName", Step.DELETE),
        ("PatientID", Step.PSEUDONYM),
        ("00091001", Step.DELETE),
        ("PixelData", Step.KEEP),
    ],
)
def test_the_minimal_keep_list(element, expected):
    assert step(MINIMAL, element) is expected


def test_reasons_name_the_edition_and_the_code():
    tag = tag_for_keyword("AccessionNumber")
    assert decide(BASIC, CT, (tag,), "SH").reason == f"Matched ID: 00080050 (PS3.15 {tables.EDITION} Basic Profile Z)"
