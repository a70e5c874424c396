"""Ages, birth dates and older codes in reports: what the header's options say is done to the content too."""

import pydicom
import pytest

from transforms.model.plan import Option

REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
AGES = [("121033", "DCM"), ("30525-0", "LN"), ("397669002", "SCT"), ("424144002", "SCT")]
TREE = (Option.STRUCTURED, Option.DESCRIPTORS)


def code(value, scheme="DCM"):
    concept = pydicom.Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = value, scheme, "a concept"
    return [concept]


def item(kind, concept, **values):
    made = pydicom.Dataset()
    made.RelationshipType, made.ValueType, made.ConceptNameCodeSequence = "CONTAINS", kind, code(*concept)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def measured(number, unit, concept=("121033", "DCM")):
    value = pydicom.Dataset()
    value.NumericValue, value.FloatingPointValue, value.MeasurementUnitsCodeSequence = number, float(number), code(unit, "UCUM")
    return item("NUM", concept, MeasuredValueSequence=[value])


@pytest.fixture
def content(deidentify, made):
    """A function from items of a report and options to the items that are left."""

    def run(items, *options):
        source = made(REPORT)
        source.ContentSequence = items
        done = deidentify(source, *TREE, *options)
        assert done.holds == ()
        return list(done.new.ContentSequence or ())

    return run


@pytest.mark.parametrize(
    ("number", "unit", "told"),
    [
        ("97", "a", 90),
        ("89", "a", 89),
        ("1164", "mo", 1080),
        ("5061", "wk", 4696),
        ("35430", "d", 32873),
        ("97", "mm", 97),
        ("34", "wk", 34),
    ],
)
@pytest.mark.parametrize("concept", AGES)
def test_an_age_over_89_is_told_as_90_years_in_its_unit(content, number, unit, told, concept):
    (left,) = content([measured(number, unit, concept)], Option.CHARACTERISTICS)
    value = left.MeasuredValueSequence[0]
    assert value.NumericValue == told
    assert ("FloatingPointValue" in value) is (told == int(number))


def test_a_time_of_more_than_89_years_is_an_age_whatever_it_is_called(content):
    (left,) = content([measured("95", "a", ("1", "99ACME"))])
    assert left.MeasuredValueSequence[0].NumericValue == 90


@pytest.mark.parametrize("concept", AGES)
def test_without_the_option_the_age_goes_as_in_the_header(content, concept):
    (left,) = content([measured("45", "a", concept), measured("17", "mm", ("121206", "DCM"))])
    assert left.MeasuredValueSequence[0].NumericValue == 17


@pytest.mark.parametrize("concept", [("121031", "DCM"), ("21112-8", "LN"), ("184099003", "SCT")])
@pytest.mark.parametrize("option", [Option.FULL_DATES, Option.MODIFIED_DATES])
@pytest.mark.parametrize("by_position", [False, True])
def test_a_birth_date_is_never_told(content, concept, option, by_position):
    items = [item("DATE", concept, Date="19550607"), item("DATE", ("111060", "DCM"), Date="20200110")]
    if by_position:
        items.append(item("CONTAINER", ("1", "99ACME")))
        items[-1].ReferencedContentItemIdentifier = [1, 1]
    left = content(items, option)
    dates = [one.Date for one in left if "Date" in one]
    assert not [date for date in dates if date.startswith("195")]
    assert [date for date in dates if date.startswith("20") or date.startswith("19")]


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
@pytest.mark.parametrize(("newer", "older"), [("116224001", "DD-60002"), ("160476009", "F-02455"), ("371524004", "R-42B89")])
def test_a_concept_is_known_by_its_older_code(deidentify, made, scheme, newer, older):
    source = made(REPORT)
    text = item("TEXT", ("1", "99ACME"), TextValue="text")
    for concept in ((newer, "SCT"), (older, scheme)):
        source.ContentSequence = [item("TEXT", concept, TextValue="any"), text]
        assert [one.TextValue for one in deidentify(source, Option.STRUCTURED).new.ContentSequence] == ["text"]
