"""One shift a patient, for DA, DT and dates in texts."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.keys import Purpose, Secret
from transforms.tags.dates import patient_shift, shifted

SHIFT = dt.timedelta(days=-40)


def test_a_shift_is_a_patients_own_and_never_nothing():
    key = Secret(b"s" * 32).purpose(Purpose.DATE)
    shifts = [patient_shift(key, str(number).encode()).days for number in range(2000)]
    assert min(shifts) == -100
    assert max(shifts) == 100
    assert 0 not in shifts
    assert len(set(shifts)) == 200
    assert shifts[7] == patient_shift(key, b"7").days


@pytest.mark.parametrize(
    ("value", "vr", "expected"),
    [
        ("20200131", "DA", "20191222"),
        ("2020.01.31", "DA", "20191222"),
        ("20200131 ", "DA", "20191222"),
        ("20200229", "DA", "20200120"),
        ("00010110", "DA", None),
        ("20200230", "DA", None),
        ("2020.0131", "DA", None),
        ("", "DA", None),
        ("20200131115959.123456+0100", "DT", "20191222115959.123456+0100"),
        ("20200131-0500", "DT", "20191222-0500"),
        ("202001", "DT", "201911"),
        ("2020", "DT", "2019"),
        ("2020013112", "DT", "2019122212"),
        ("31 Jan 2020", "LO", "22 Dec 2019"),
        ("JANUARY 31, 2020", "LT", "DECEMBER 22, 2019"),
        ("1/31/20", "SH", "12/22/19"),
        ("2020-01-31", "LO", "2019-12-22"),
        ("tomorrow", "LO", None),
    ],
)
def test_a_date_moves_in_its_own_spelling(value, vr, expected):
    assert shifted(value, vr, SHIFT) == expected


def test_nothing_moves_past_the_end_of_the_calendar():
    assert shifted("99991231", "DA", dt.timedelta(days=1)) is None
    assert shifted("99991231", "DT", dt.timedelta(days=1)) is None


@given(st.dates(dt.date(1900, 6, 1), dt.date(2090, 6, 1)), st.dates(dt.date(1900, 6, 1), dt.date(2090, 6, 1)), st.integers(-100, 100))
def test_intervals_between_da_dt_and_text_survive(first, second, days):
    shift = dt.timedelta(days=days)
    moved = shifted(f"{first:%Y%m%d}", "DA", shift), shifted(f"{second:%Y%m%d}", "DT", shift), shifted(f"{second:%Y-%m-%d}", "LO", shift)
    assert [dt.date.fromisoformat(value) for value in moved] == [first + shift, second + shift, second + shift]
