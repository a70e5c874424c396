"""Date shifting: one secret number of days for each patient (PS3.15 E.3.6, Modified Dates).

Understood are DA and DT (PS3.5 6.2), DA of before 1993 (YYYY.MM.DD), and dates as people write them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

from transforms.inspection.dates import read_date
from transforms.model.keys import PurposeKey

Shift = Callable[[PurposeKey, bytes], dt.timedelta]
"""From a key of Purpose.DATE and a patient (`patient_identity`) to the shift of all dates of the patient."""

_DA = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)")
_DT = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?P<time>\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?)?)?(?P<offset>[+-]\d{4})?"
)

_FIRST_YEAR, _LAST_YEAR = 1800, 2999
"""Four digits that stand alone are a year between these; else any number (`0012`, `4711`)."""


def patient_shift(key: PurposeKey, patient: bytes, limit: int = 100) -> dt.timedelta:
    """The shift of all dates of one patient.

    `patient` identifies the patient within its issuer (`patient_identity`); `limit` is in days,
    at least 1. Never zero, so that no date survives. Same key and patient, same shift, in any run.
    """
    days = key.integer(patient, below=2 * limit) - limit
    return dt.timedelta(days=days if days < 0 else days + 1)


def shifted(text: str, vr: str, shift: dt.timedelta) -> str | None:
    """One value of a DA or DT, or a date in a text of another VR, moved; None where there is no date or it would leave the calendar.

    A month or year without a day moves as its first day does, and may therefore stay the same.
    """
    value = text.strip(" \0")
    try:
        if vr == "DA":
            return _shifted_da(value, shift)
        if vr == "DT":
            return _shifted_dt(value, shift)
        date = read_date(value)
        return date.respelled(date.day + shift) if date and date.day else None
    except (ValueError, OverflowError):
        return None


def _shifted_da(value: str, shift: dt.timedelta) -> str | None:
    match = _DA.fullmatch(value)
    if match is None:
        return None
    day = dt.date(int(match[1]), int(match[3]), int(match[4])) + shift
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _shifted_dt(value: str, shift: dt.timedelta) -> str | None:
    match = _DT.fullmatch(value)
    if match is None or (not match["month"] and not _FIRST_YEAR <= int(match["year"]) <= _LAST_YEAR):
        return None
    day = dt.date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)) + shift
    moved = f"{day.year:04}{day.month:02}{day.day:02}"
    kept = 8 if match["day"] else 6 if match["month"] else 4
    return moved[:kept] + (match["time"] or "") + (match["offset"] or "")
