"""What stands in the place of what was found, and that it is a value of its VR."""

import base64
import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.inspection.finding import TextFinding
from transforms.inspection.values import parts
from transforms.model.keys import KeyReference, Purpose, Secret
from transforms.model.plan import TextKind, TextPlan, Transformation
from transforms.tags.charsets import encode
from transforms.tags.cleaning import HASH_BITS, Cleaner
from transforms.tags.dates import patient_shift
from transforms.tags.values import fits

PATIENT = b"patient"


def plan(kind: TextKind, **more) -> TextPlan:
    return TextPlan((), Transformation(kind, **more))


def found(text: str, *pairs: tuple[str, str]) -> list[TextFinding]:
    return [TextFinding(text.index(part), text.index(part) + len(part), kind, 0.9, "pattern") for part, kind in pairs]


@pytest.fixture
def clean(secret):
    def run(text, vr, *pairs, by=None):
        return Cleaner(by or TextPlan(), secret).clean(text, vr, found(text, *pairs), PATIENT)

    return run


def test_basic_shifts_dates_and_names_the_rest(clean, secret):
    moved = dt.date(2020, 1, 31) + patient_shift(secret.purpose(Purpose.DATE), PATIENT)
    cleaned = clean("Jane Doe seen 2020-01-31", "LO", ("Jane Doe", "PERSON_NAME"), ("2020-01-31", "DATE"))
    assert cleaned.text == f"[PERSON_NAME] seen {moved.isoformat()}"
    assert [(one.start, one.end, one.info_type, one.original) for one in cleaned.replacements] == [
        (0, 8, "PERSON_NAME", "Jane Doe"),
        (14, 24, "DATE", "2020-01-31"),
    ]


def test_a_date_is_shifted_alike_in_da_dt_and_text(clean):
    da = clean("20200131", "DA", ("20200131", "DATE")).text
    assert clean("20200131120000+0100", "DT", ("20200131120000+0100", "DATE")).text == f"{da}120000+0100"
    assert clean("on 20200131.", "ST", ("20200131", "DATE")).text == f"on {da}."


def test_a_date_that_is_none_gets_its_info_type(clean):
    assert clean("born 30.02.1960", "LO", ("30.02.1960", "DATE")).text == "born [DATE]"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(TextKind.REDACT, "My name is ."), (TextKind.MASK, "My name is ****."), (TextKind.INFO_TYPE, "My name is [PERSON_NAME].")],
)
def test_the_pages_example(clean, kind, expected):
    assert clean("My name is Jane.", "LO", ("Jane", "PERSON_NAME"), by=plan(kind)).text == expected


def test_empty_leaves_what_is_not_named(clean):
    by = TextPlan((("DATE", Transformation(TextKind.REDACT)),), None)
    assert clean("Jane 2020-01-31", "LO", ("Jane", "PERSON_NAME"), ("2020-01-31", "DATE"), by=by).text == "Jane "


def test_a_hash_is_keyed_stable_and_cut_to_fit(clean):
    hashing = plan(TextKind.HASH)
    whole = clean("Jane", "LO", ("Jane", "PERSON_NAME"), by=hashing).text
    short = clean("Jane", "SH", ("Jane", "PERSON_NAME"), by=hashing).text
    code = clean("JANE", "CS", ("JANE", "PERSON_NAME"), by=hashing).text
    assert len(base64.b64decode(whole + "=")) == 32
    assert short == whole[:16]
    assert len(code) == 16
    assert fits(code.replace("=", ""), "SH")
    assert clean("Jane", "LO", ("Jane", "PERSON_NAME"), by=hashing).text == whole


def test_what_is_left_no_room_for_80_bits_is_erased(clean):
    assert clean("Jane was here", "SH", ("Jane", "PERSON_NAME"), by=plan(TextKind.HASH)).text == " was here"


def test_an_info_type_too_long_for_the_value_is_left_out(clean):
    assert clean("seen by Jane", "SH", ("Jane", "PERSON_NAME")).text == "seen by "


@pytest.mark.parametrize(
    ("text", "vr", "kind"),
    [
        ("065Y", "AS", "AGE"),
        ("12345678", "IS", "GENERIC_ID"),
        ("1234.5", "DS", "GENERIC_ID"),
        ("1.2.123456", "UI", "GENERIC_ID"),
        ("JANE", "CS", "PERSON_NAME"),
    ],
)
def test_a_value_that_means_something_only_as_a_whole_is_emptied(clean, text, vr, kind):
    cleaned = clean(text, vr, (text, kind))
    assert cleaned.text is None
    assert [(one.start, one.end, one.replaced) for one in cleaned.replacements] == [(0, len(text), "")]


def test_one_of_several_values_is_emptied_alone(clean):
    cleaned = clean("HEAD\\JANE\\AXIAL", "CS", ("JANE", "PERSON_NAME"))
    assert cleaned.text == "HEAD\\\\AXIAL"
    assert [(one.start, one.end) for one in cleaned.replacements] == [(5, 9)]


def test_a_mask_in_a_da_is_no_date(clean):
    assert clean("20200131", "DA", ("20200131", "DATE"), by=plan(TextKind.MASK, masking_character="0")).text is None


def test_a_key_of_its_own_gives_another_shift_and_another_hash(clean, tmp_path):
    path = tmp_path / "own.key"
    path.write_text("ab" * 16)
    own = KeyReference(f"file:{path}")
    for kind, text in ((TextKind.DATE_SHIFT, "20200131"), (TextKind.HASH, "Jane")):
        assert clean(text, "LO", (text, "DATE"), by=plan(kind, key=own)).text != clean(text, "LO", (text, "DATE"), by=plan(kind)).text


def test_nothing_found_changes_nothing(clean):
    cleaned = clean("CT HEAD\\W/O ", "LO")
    assert cleaned.text == "CT HEAD\\W/O "
    assert cleaned.replacements == ()


VRS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")


@given(st.sampled_from(VRS), st.text("AZaz019 ^=.-/[]é山", max_size=40), st.data(), st.sampled_from(TextKind))
def test_every_new_value_fits_and_holds_nothing_of_what_was_found(vr, text, data, kind):
    start = data.draw(st.integers(0, max(len(text) - 1, 0)))
    end = data.draw(st.integers(start, len(text)))
    findings = [TextFinding(start, end, "GENERIC_ID", 0.8, "term")] if end > start else []
    cleaned = Cleaner(plan(kind), Secret(b"s" * 32)).clean(text, vr, findings, PATIENT)
    assert bool(cleaned.replacements) == bool(findings)
    for one in cleaned.replacements:
        assert text[one.start : one.end] == one.original
    if findings and cleaned.text is not None:
        assert all(fits(value, vr) for _, value in parts(cleaned.text, vr))


HASH_LETTERS = {"CS": (5, r"[A-Z2-7]*")}
HOLDS_A_HASH = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UT"})


@pytest.mark.parametrize("vr", [*VRS, "UN"])
@pytest.mark.parametrize("kind", TextKind)
@pytest.mark.parametrize("around", [("", ""), ("seen by ", " at 10"), ("A" * 40, "")])
def test_what_stands_in_any_vr_after_any_transformation_is_a_value_of_it(vr, kind, around):
    text = "SMITHERS".join(around)
    findings = [TextFinding(len(around[0]), len(around[0]) + 8, "PERSON_NAME", 0.9, "term")]
    cleaned = Cleaner(plan(kind), Secret(b"s" * 32)).clean(text, vr, findings, PATIENT)
    if cleaned.text is not None:
        assert "SMITHERS" not in cleaned.text
        assert fits(cleaned.text, vr)
        assert encode(cleaned.text, vr, ["iso8859"]) is not None
    if kind is TextKind.HASH:
        bits, letters = HASH_LETTERS.get(vr, (6, r"[A-Za-z0-9+/]*"))
        (made,) = cleaned.replacements
        assert re.fullmatch(letters, made.replaced)
        assert made.replaced == "" or len(made.replaced) * bits >= HASH_BITS
        if around == ("", ""):
            assert (made.replaced != "") is (vr in HOLDS_A_HASH)
