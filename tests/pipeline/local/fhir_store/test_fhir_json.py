import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local import fhir_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?", fullmatch=True).filter(lambda text: text != "-0")
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.decimals(-9, 9, places=4)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(NUMBERS)
def test_a_number_keeps_every_digit(text):
    assert fhir_json.write(fhir_json.read(f'{{"value":[{text}]}}')) == f'{{"value":[{text}]}}'


@pytest.mark.parametrize("text", ["1E+3", "0.10", "1.0E-9", "-0.0", "100.000", "0.1"])
def test_spellings_that_stay(text):
    assert fhir_json.write(fhir_json.read(text)) == text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "1e-99999999999999999999999", "", "{", "01"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the message may be the standard library's
        fhir_json.read(text)


@given(VALUES, st.sampled_from([None, 0, 1, 2]), st.booleans())
def test_decimals_apart_it_is_the_standard_librarys_json(value, indent, sort_keys):
    separators = (",", ":") if indent is None else (",", ": ")
    due = json.dumps(_floats(value), indent=indent, sort_keys=sort_keys, separators=separators, ensure_ascii=False)
    plain = fhir_json.write(_floats(value), indent=indent, sort_keys=sort_keys)
    assert plain == due
    exact = fhir_json.write([value, Decimal("0.10")], indent=indent, sort_keys=sort_keys)
    assert json.loads(exact) == [_floats(value), 0.1]
    assert exact.count("\n") == json.dumps([_floats(value), 0.1], indent=indent).count("\n")


def _floats(value):
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_floats(one) for one in value]
    return {key: _floats(one) for key, one in value.items()} if isinstance(value, dict) else value
