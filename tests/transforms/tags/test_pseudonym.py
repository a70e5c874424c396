import re

from hypothesis import given
from hypothesis import strategies as st

from transforms.model.keys import Purpose, Secret
from transforms.tags.pseudonym import patient_identity, pseudonym

KEY = Secret(b"k" * 32).purpose(Purpose.PATIENT)
OTHER = Secret(b"l" * 32).purpose(Purpose.PATIENT)


@given(st.text(), st.text(), st.text())
def test_it_fits_lo_and_pn_and_holds_neither_a_name_nor_a_number(issuer, patient_id, study):
    name = pseudonym(KEY, patient_identity(issuer, patient_id, study))
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{16}", name)


def test_one_patient_has_one_pseudonym_whatever_the_padding_and_study():
    assert patient_identity("H ", " 123 ", "1.2") == patient_identity("H", "123\0", "1.3")


def test_issuers_and_ids_are_kept_apart():
    assert len({patient_identity("H", "12", ""), patient_identity("H1", "2", ""), patient_identity("", "H12", "")}) == 3


def test_a_patient_without_an_id_is_the_patient_of_the_study():
    assert patient_identity("H", " ", "1.2") == patient_identity("", "", "1.2") != patient_identity("", "1.2", "")


def test_another_key_another_pseudonym():
    identity = patient_identity("", "123", "")
    assert pseudonym(KEY, identity) != pseudonym(OTHER, identity)
