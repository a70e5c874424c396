"""Dates as people write them: found, read, and spelled anew."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.inspection.dates import dates_in, read_date


@pytest.mark.parametrize(
    ("text", "day", "forty_days_before"),
    [
        ("2020-01-05", dt.date(2020, 1, 5), "2019-11-26"),
        ("2020 01 05", dt.date(2020, 1, 5), "2019 11 26"),
        ("1/5/1960", dt.date(1960, 1, 5), "11/26/1959"),
        ("31.01.60", dt.date(1960, 1, 31), "22.12.59"),
        ("25/12/2019", dt.date(2019, 12, 25), "15/11/2019"),
        ("3-FEB-20", dt.date(2020, 2, 3), "25-DEC-19"),
        ("Feb 3rd, 2020", dt.date(2020, 2, 3), "Dec 25th, 2019"),
        ("15Jan1960", dt.date(1960, 1, 15), "06Dec1959"),
        ("12 janvier 2019", dt.date(2019, 1, 12), "03 decembre 2018"),
        ("12 décembre 2019", dt.date(2019, 12, 12), "02 novembre 2019"),
        ("12 de mayo de 2020", dt.date(2020, 5, 12), "02 de abril de 2020"),
        ("2020年3月4日", dt.date(2020, 3, 4), "2020年1月24日"),
        ("03/2019", dt.date(2019, 3, 1), "01/2019"),
        ("March 2020", dt.date(2020, 3, 1), "January 2020"),
    ],
)
def test_a_date_is_read_and_another_day_written_alike(text, day, forty_days_before):
    date = read_date(text)
    assert date is not None
    assert date.day == day
    assert date.respelled(day - dt.timedelta(days=40)) == forty_days_before


@pytest.mark.parametrize(
    "text", ["1.2.840.10008.5.1", "V10.11.12", "2020-13-01", "512/512", "may 5 cm", "20:15:00", "5.1.7.0", "120/80", "TR 500", "1:2:3"]
)
def test_other_numbers_are_no_dates(text):
    assert not list(dates_in(text))


@pytest.mark.parametrize("text", ["Jan 15", "3rd March", "02/30/1960"])
def test_a_date_without_year_or_of_no_calendar_is_found_but_has_no_day(text):
    assert [date.day for date in dates_in(text)] == [None]


def test_a_date_before_a_time_is_found_without_it():
    assert [(date.start, date.end) for date in dates_in("at 20200131123456.1")] == [(3, 11)]


@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%B %d, %Y"]),
)
def test_what_is_spelled_anew_is_read_as_that_day(day, form):
    date = read_date(dt.date(2001, 2, 3).strftime(form))
    other = read_date(date.respelled(day))
    assert other is not None
    assert other.day == day or (form == "%m/%d/%Y" and day.day <= 12)
