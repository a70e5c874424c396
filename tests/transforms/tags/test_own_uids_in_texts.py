"""A UID that is replaced in its own element is replaced, or gone, in texts, codes and numbers too, under every plan that replaces it."""

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transforms.model.keys import Purpose
from transforms.tags.uids import UidMapper

CONTENTS = {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
BASIC = "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"
STUDY, FRAME, OTHER = "1.2.826.0.1.77001.5", "1.2.826.0.1.77001.9", "1.2.826.0.1.99.7"
KEEPING_UIDS = [
    {"dicomTagConfig": {"profileType": BASIC, "ps315Options": {"retainUids": True, "cleanDescriptors": True}}},
    {**CONTENTS, "dicom": {**CONTENTS["dicom"], "skipIdRedaction": True}},
]


def basic(**options):
    return {"dicomTagConfig": {"profileType": BASIC, "ps315Options": options}}


def planted(keyword: str, vr: str, value: str) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID, dataset.PatientName = STUDY, FRAME, "Kowalski^Jan"
    tag = tag_for_keyword(keyword)
    raw = value.encode() + b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True)
    return dataset


@pytest.fixture
def new_uid(secret):
    return UidMapper(secret.purpose(Purpose.UID)).new


@pytest.mark.parametrize(
    ("config", "keyword", "vr"),
    [
        (CONTENTS, "StudyDescription", "LO"),
        (CONTENTS, "ImageComments", "LT"),
        (basic(cleanDescriptors=True), "StudyDescription", "LO"),
        (basic(), "DetectorMode", "LT"),
        ({**CONTENTS, "text": {"profileType": "EMPTY"}}, "StudyDescription", "LO"),
    ],
)
def test_in_a_text_the_new_one_stands_in_its_place(deidentify, new_uid, config, keyword, vr):
    scrubbed, new, holds = deidentify(config, planted(keyword, vr, f"of {STUDY}."))
    assert new[keyword].value == f"of {new_uid(STUDY)}."
    assert new.StudyInstanceUID == new_uid(STUDY)
    assert STUDY.encode() not in scrubbed.content
    assert holds == ()


@pytest.mark.parametrize("config", [CONTENTS, basic()])
@pytest.mark.parametrize(
    ("keyword", "vr"),
    [("FluoroscopyFlag", "CS"), ("GridPitch", "DS"), ("PhaseDelay", "IS"), ("SafePositionExitTime", "TM"), ("FlowIdentifier", "OB")],
)
def test_where_no_uid_can_stand_it_goes(deidentify, config, keyword, vr):
    scrubbed, _, holds = deidentify(config, planted(keyword, vr, STUDY))
    assert STUDY.encode() not in scrubbed.content
    assert holds == ()


@pytest.mark.parametrize("config", KEEPING_UIDS)
def test_what_is_kept_in_its_element_is_kept_in_texts(deidentify, config):
    _, new, holds = deidentify(config, planted("StudyDescription", "LO", f"of {STUDY}"))
    assert (new.StudyInstanceUID, new.StudyDescription) == (STUDY, f"of {STUDY}")
    assert holds == ()


def test_a_uid_that_the_plan_leaves_stays_and_one_of_nobody_here_is_an_id(deidentify, new_uid):
    source = planted("ImageComments", "LT", f"{FRAME} {OTHER} 1.2.840.10008.5.1.4.1.1.7")
    assert deidentify(CONTENTS, source)[1].ImageComments == f"{FRAME} [GENERIC_ID] 1.2.840.10008.5.1.4.1.1.7"
    cleaned = deidentify(basic(cleanDescriptors=True), source)[1].ImageComments
    assert cleaned == f"{new_uid(FRAME)} [GENERIC_ID] 1.2.840.10008.5.1.4.1.1.7"


def test_what_is_too_long_beside_other_text_is_taken_out(deidentify):
    _, new, holds = deidentify(CONTENTS, planted("StudyID", "SH", STUDY[-16:]))
    assert holds == ()
    source = planted("PrintQueueID", "SH", "1.2.3.4")
    source.StudyInstanceUID = "1.2.3.4"
    _, new, holds = deidentify(CONTENTS, source)
    assert (new.PrintQueueID, holds) == ("", ())
