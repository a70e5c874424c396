import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local.fhir_values import date_range, fold, number_range, values, words


def test_a_number_covers_its_implicit_precision():
    assert number_range("0.05")[:2] == (0.045, 0.055)
    assert number_range("100") == (99.5, 100.5, 100)
    assert number_range("1e2") == (50, 150, 100)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "0,5", "--1"])
def test_what_is_not_a_number_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        number_range(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026", 365 * 86400),
        ("2026-02", 28 * 86400),
        ("2026-12", 31 * 86400),
        ("2026-02-28", 86400),
        ("2026-02-28T10:00Z", 60),
        ("2026-02-28T10:00:05Z", 1),
    ],
)
def test_a_date_covers_its_implicit_precision(text, seconds):
    covered = date_range(text)
    assert covered.high - covered.low == seconds


def test_dates_of_one_instant_in_two_zones_are_equal():
    assert date_range("2010-11-08T08:39:24-04:00") == date_range("2010-11-08T12:39:24Z")


@pytest.mark.parametrize("text", ["", "26", "2026-13", "2026-02-30", "2026-1-1", "2026-01-01T25:00Z", "2026-01-01T10:00:00+99:99", "today"])
def test_what_is_not_a_date_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is datetime's own for impossible days
        date_range(text)


def test_text_is_compared_without_case_and_accents():
    assert fold("MÜLLER-Straße") == fold("muller-strasse")


def test_punctuation_only_separates_words():
    assert words(" Dicom-Web/studies/1.2.840  PERSON_NAME (Ä) ") == "dicom web studies 1 2 840 person name a"


@given(st.text(), st.text(), st.text())
def test_words_of_a_part_are_a_part_of_the_words(before, part, after):
    """`:contains` looks for the one in the other first."""
    whole = before + part + after
    if fold(part) in fold(whole):
        assert words(part) in words(whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.sampled_from(["number", "date", "string", "token", "uri", "reference", "reference:identifier"]), JSON)
def test_any_value_under_any_type_is_indexed_or_left_out(kind, found):
    for value in values(kind, found):
        assert all(field is None or isinstance(field, str | float) for field in value)


def test_a_reference_by_identifier_is_found_by_system_and_value():
    (value,) = values("reference:identifier", {"identifier": {"system": "https://g.co/healthcare/operation", "value": "projects/p"}})
    assert (value.system, value.token) == ("https://g.co/healthcare/operation", "projects/p")
