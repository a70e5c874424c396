"""A name is recognised where a reader has mixed up letters, and a word of imaging is not taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from transforms.inspection.header import terms_of
from transforms.inspection.phrases import phrases_of
from transforms.inspection.resemblance import Resemblance


def header(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


JAN = Resemblance(terms_of(header(PatientName="KOWALSKI^JANUSZ", PatientID="4711882", StudyDate="20110525")))


@pytest.mark.parametrize(
    ("text", "info_type"),
    [
        ("K0WA1SKl", "PERSON_NAME"),
        ("NAME: KOVALSKI J.", "PERSON_NAME"),
        ("OWALSKI", "PERSON_NAME"),
        ("KOWALS", "PERSON_NAME"),
        ("JANU5Z KOW", "PERSON_NAME"),
        ("ID 47I1882", "GENERIC_ID"),
        ("4711 882/A", "GENERIC_ID"),
    ],
)
def test_what_is_misread_is_recognised(text, info_type):
    found = JAN.find(text)
    assert info_type in {one.info_type for one in found}
    assert all(0 <= one.start < one.end <= len(text) and 0.7 <= one.confidence <= 1 for one in found)


@pytest.mark.parametrize(
    "text", ["LYMPH NODE", "TIS 0.4 MI 1.4", "CINE 0118", "65bpm", "9123 5.0 R15 G66", "16cm", "", "+++", "LEFT KIDNEY"]
)
def test_other_text_is_not(text):
    assert JAN.find(text) == []


def test_words_of_imaging_that_resemble_a_name_are_not_found():
    assert Resemblance(terms_of(header(PatientName="KIDNEI^X"))).find("LEFT KIDNEY") == []


@given(st.text(max_size=40))
def test_any_text_has_an_answer_within_it(text):
    assert all(0 <= one.start < one.end <= len(text) for one in JAN.find(text))


def test_phrases_are_the_values_of_these_elements_at_every_depth():
    request = header(RequestedProcedureDescription="Carotid Doppler left", PatientSex="M")
    phrases = phrases_of(header(StudyDescription="CHEST PA", RequestAttributesSequence=[request]), {0x00081030, 0x00321060, 0x00100040})
    assert {one.info_type for one in phrases.find("chest  pa 2", "LO")} == {"CTX"}
    assert phrases.find("CAROTID DOPPLER LEFT", "LO")
    assert phrases.find("M 4", "LO") == []
