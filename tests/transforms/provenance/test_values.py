import datetime as dt
import json

from hypothesis import given
from hypothesis import strategies as st

from transforms.provenance.values import instant, number, strings, text_value


def test_an_instant_is_utc_with_milliseconds():
    assert instant(dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=9)))) == "2025-12-31T15:00:00.000Z"


def test_numbers_print_exactly():
    assert json.dumps([number(100), number(0.05), number(1 / 3), number(1.0), number(0.0)]) == "[100, 0.05, 0.333333, 1, 0]"


def test_what_says_nothing_is_left_out():
    assert strings([("a", None), ("b", ""), ("c", "x")]) == [{"url": "c", "valueString": "x"}]
    assert [text_value(text) for text in (None, "", " \t", "\u00a0")] == [None] * 4


def test_characters_that_r4_forbids_are_replaced_and_others_kept():
    assert text_value("a\x00b\x1b\ud800c\u00a0d\te\r\nfü山") == "a\ufffdb\ufffd\ufffdc d\te\r\nfü山"


def test_a_long_text_is_cut_and_shows_it():
    assert text_value("x" * 4096) == "x" * 4096
    assert text_value("x" * 4097) == "x" * 4095 + "…"


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 20))
def test_any_text_becomes_encodable_and_short(text, limit):
    value = text_value(text, limit)
    assert value is None or (value.encode() and len(value) <= limit)
