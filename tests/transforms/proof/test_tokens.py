import re

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset

from transforms.proof.tokens import Reach, TokenKind, fold, tokens_of, uid_tokens


def tokens(**elements) -> dict[str, Reach]:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return {token.text: token.reach for token in tokens_of(dataset)}


def test_a_name_gives_its_words_in_every_group_and_the_whole_written_as_one():
    found = tokens(PatientName="van der Berg^Anna-Lena=山田^太郎")
    assert found == {
        "berg": Reach.WORD,
        "anna": Reach.WORD,
        "lena": Reach.WORD,
        "annalena": Reach.ANYWHERE,
        "vanderberg": Reach.ANYWHERE,
        "vanderbergannalena": Reach.ANYWHERE,
        "annalenavanderberg": Reach.ANYWHERE,
        "山田": Reach.ANYWHERE,
        "太郎": Reach.ANYWHERE,
        "山田太郎": Reach.ANYWHERE,
        "太郎山田": Reach.ANYWHERE,
    }


def test_an_umlaut_is_looked_for_in_its_three_spellings():
    assert {"muller", "mueller"} <= set(tokens(OperatorsName="Müller^Ute"))


def test_a_name_of_two_short_words_is_looked_for_as_both_together():
    assert tokens(PatientName="Li^Wu=李^五") == {
        "liwu": Reach.WORD,
        "wuli": Reach.WORD,
        "li wu": Reach.WORD,
        "wu li": Reach.WORD,
        "李五": Reach.ANYWHERE,
        "五李": Reach.ANYWHERE,
        "李 五": Reach.WORD,
        "五 李": Reach.WORD,
    }


@pytest.mark.parametrize("name", ["Anonymous", "Test^Patient", "Dr^Li", "X^Y", "xxxx", "1234", ""])
def test_a_placeholder_names_no_one(name):
    assert tokens(PatientName=name) == {}


def test_an_id_is_looked_for_with_and_without_its_separators_and_zeros():
    assert tokens(PatientID="MRN-00482913", AccessionNumber="0012345") == {
        "mrn-00482913": Reach.ANYWHERE,
        "mrn00482913": Reach.ANYWHERE,
        "00482913": Reach.ANYWHERE,
        "482913": Reach.WORD,
        "0012345": Reach.WORD,
        "12345": Reach.WORD,
    }


def test_a_short_id_counts_only_as_a_whole_value_and_one_digit_not_at_all():
    assert tokens(PatientID="417", StudyID="7", AccessionNumber="0000") == {"417": Reach.VALUE}


def test_a_birth_date_is_known_in_every_spelling():
    found = tokens(PatientBirthDate="19670304")
    spellings = "19670304 1967-03-04 1967.03.04 04.03.1967 03/04/1967 4.3.1967 3/4/1967 04-mar-1967 04mar1967".split()
    assert {*spellings, "4 march 1967", "mar 4, 1967"} <= set(found)
    assert tokens(PatientBirthDate="19000101") == tokens(PatientBirthDate="19671399") == {}


def test_uids_of_the_standard_and_of_classes_are_no_tokens():
    assert tokens(StudyInstanceUID="1.2.276.5551.1", SOPInstanceUID="1.2.840.10008.1.1", SOPClassUID="1.2.276.5551.9") == {
        "1.2.276.5551.1": Reach.UID
    }
    assert [token.reach for token in uid_tokens(["1.2.3", "1.2.3.4"])] == [Reach.VALUE, Reach.UID]


def test_every_uid_of_the_dictionary_is_a_token_unless_it_is_of_a_kind():
    kinds = set()
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr == "UI" and tag >> 16 not in (0x0000, 0x0002, 0x0004):
            kinds |= set() if tokens(**{keyword: "1.2.276.5551.1"}) else {keyword}
    assert {"ConceptualVolumeUID", "SelectorUIValue", "ManufacturerDeviceClassUID", "DigitalSignatureUID"}.isdisjoint(kinds)
    assert all(re.search("Class|TransferSyntax|CodingScheme|Context|MappingResource|CreatorVersion", keyword) for keyword in kinds)
    assert len(kinds) == 18


def test_tokens_come_from_every_depth_and_their_kept_uids_do_not():
    deep, middle = Dataset(), Dataset()
    deep.ReferencedSOPInstanceUID, deep.PersonName = "1.2.276.5551.77", "Kowalski"
    middle.ReferencedSeriesSequence = [deep]
    found = tokens(ReferencedStudySequence=[middle])
    assert found == {"1.2.276.5551.77": Reach.UID, "kowalski": Reach.ANYWHERE}
    top = Dataset()
    top.ReferencedStudySequence = [middle]
    assert [token.text for token in tokens_of(top, frozenset({"1.2.276.5551.77"}))] == ["kowalski"]


def test_a_token_does_not_show_what_it_is_when_printed():
    dataset = Dataset()
    dataset.PatientName = "Kowalski"
    (token,) = tokens_of(dataset)
    assert token.kind is TokenKind.NAME
    assert "kowalski" not in repr(token).casefold()


@pytest.mark.parametrize("name", ["badVR.dcm", "nested_priv_SQ.dcm", "CT_small.dcm", "JPEGLSNearLossless_16.dcm", "explicit_VR-UN.dcm"])
def test_every_real_header_gives_tokens_or_none_but_never_fails(real_file, name):
    dataset = pydicom.dcmread(real_file(name))
    study = str(dataset.get("StudyInstanceUID", ""))
    assert (study in {token.text for token in tokens_of(dataset)}) == bool(study)


@given(st.text(max_size=30))
def test_folding_is_done_once_and_for_all(text):
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper()) == fold(text) or not text.isascii()
