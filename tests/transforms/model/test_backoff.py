import datetime as dt

import pytest

from transforms.model.backoff import MAX_DELAY, delay, retry_after

NOW = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)


def test_it_doubles_with_a_random_part_up_to_a_limit():
    assert [delay(attempt, lambda: 0.25) for attempt in range(7)] == [1.25, 2.25, 4.25, 8.25, 16.25, MAX_DELAY, MAX_DELAY]
    assert delay(10**6, lambda: 0.9) == MAX_DELAY


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after(header, NOW) == seconds
