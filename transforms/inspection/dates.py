"""Dates as people write them: where one stands in a text, which day it is, and the same spelling of another day."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import unicodedata
from collections.abc import Iterator

_LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
)
_PIVOT = 40
"""A year of two digits up to this one is of the 2000s; fixed, so that a value is read the same in any year."""


def _plain(word: str) -> str:
    """Lower case without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(letter))


def _names() -> dict[str, tuple[int, tuple[str, ...], int]]:
    """Spelling → month from 0, the language's names, letters of an abbreviation (0: whole). English is first and wins."""
    found: dict[str, tuple[int, tuple[str, ...], int]] = {}
    for language in _LANGUAGES:
        names = tuple(language.split())
        for month, name in enumerate(names):
            for length in (0, 3, 4):
                for spelling in (name[:length] if length else name, _plain(name)[:length] if length else _plain(name)):
                    found.setdefault(spelling, (month, names, length))
    return found


_MONTHS = _names()
_NAME = "(?P<n>" + "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True)) + ")"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?<![\w.])(?P<y>(?:1[6-9]|20)\d\d)(?P<s>[-./]|\s)(?P<m>1[0-2]|0?[1-9])(?P=s)(?P<d>3[01]|[12]\d|0?[1-9])(?![\d.]?\d)",
        r"(?<!\d)(?<!\d\.)(?P<y>(?:1[89]|20)\d\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])"
        r"(?=(?:[ _T-]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?:\.\d{1,6})?(?:[+-]\d{4})?)?(?!\d))",
        r"(?<![\w./])(?P<a>\d{1,2})(?P<s>[-./])(?P<b>\d{1,2})(?P=s)(?P<y>(?:1[6-9]|20)\d\d)(?!\.?\d)",
        r"(?<![\w./-])(?P<a>\d{1,2})(?P<s>[/-])(?P<b>\d{1,2})(?P=s)(?P<y>\d\d)(?![\w/-]|\.\d)",
        r"(?<![\w./-])(?<!ver\s)(?<!version\s)(?<!release\s)(?<!software\s)(?P<a>3[01]|[12]\d|0?[1-9])(?P<s>\.)(?P<b>1[0-2]|0?[1-9])\.(?P<y>\d\d)(?!\.?\w)",
        rf"(?<![\w.])(?P<d>\d{{1,2}})(?P<o>st|nd|rd|th)?\.?[\s./-]{{0,2}}(?:of\s|de\s)?{_NAME}\.?(?:\sde\s|[\s.,/-]{{0,2}})"
        r"(?P<y>(?:1[6-9]|20)\d\d|(?<=\W)'?(?:\d\d(?!:))|(?<=[a-z])\d\d)(?!\w)",
        rf"(?<![^\W_]){_NAME}\.?[\s.-]{{0,2}}(?P<d>3[01]|[12]\d|0?[1-9])(?P<o>st|nd|rd|th)?(?:\s?,\s?|[\s-])(?P<y>(?:1[6-9]|20)\d\d|'\d\d)(?!\w)",
        rf"(?<!\w)(?P<y>(?:1[6-9]|20)\d\d)[\s./-]{_NAME}[\s./-](?P<d>\d{{1,2}})(?!\w)",
        rf"(?<![^\W_]){_NAME}\.?[\s,./-]{{0,2}}(?P<y>(?:1[89]|20)\d\d)(?!\w)",
        r"(?P<y>(?:1[89]|20)\d\d)\s?年\s?(?P<m>1[0-2]|0?[1-9])\s?月\s?(?P<d>3[01]|[12]\d|0?[1-9])\s?日",
        r"(?<![\w./])(?P<m>1[0-2]|0?[1-9])/(?P<y>(?:19|20)\d\d)(?![\w/])",
        r"(?<![\w./-])(?P<y>(?:19|20)\d\d)[-/](?P<m>1[0-2]|0[1-9])(?![\w/-])",
    )
)
_WITHOUT_YEAR = tuple(
    re.compile(form)
    for form in (
        r"(?<![\w.])\d{1,2}(?:st|nd|rd|th)?[\s-](?:of\s)?(?P<n>[A-Z][A-Za-z]{2,8})\b(?!\s?\d)",
        r"(?<!\w)(?P<n>[A-Z][A-Za-z]{2,8})\.?\s(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?![\w.%/]|\s?(?:mm|cm|ml|mg|mSv|Hz))",
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in a text."""

    start: int
    end: int
    day: dt.date | None
    """None where no year is given or the calendar has no such day; the first day of a month or year given alone."""
    match: re.Match[str] = dataclasses.field(repr=False)

    def respelled(self, day: dt.date) -> str:
        """Another day in the same spelling: order, separators, digits, language and case."""
        groups = self.match.groupdict()
        first_is_day = "a" in groups and _parts(self.match)[2] == int(groups["a"]) and _parts(self.match)[1] == int(groups["b"])
        values = {"y": day.year, "m": day.month, "d": day.day, "a": day.day if first_is_day else day.month}
        values["b"] = day.month if first_is_day else day.day
        text, offset = self.match.group(), self.match.start()
        for name in sorted((name for name, found in groups.items() if found is not None), key=self.match.start, reverse=True):
            if name != "s":
                new = self._part(name, groups[name], day, values)
                text = text[: self.match.start(name) - offset] + new + text[self.match.end(name) - offset :]
        return text

    def _part(self, name: str, old: str, day: dt.date, values: dict[str, int]) -> str:
        if name == "n":
            return _month_like(old, day.month)
        if name == "o":
            suffix = "th" if 11 <= day.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
            return suffix.upper() if old.isupper() else suffix
        if name == "y":
            return f"{day.year:04}" if len(old) >= 4 else old[:-2] + f"{day.year % 100:02}"
        padded = old.startswith("0") or (len(old) == 2 and self._pads())
        return f"{values[name]:02}" if padded else str(values[name])

    def _pads(self) -> bool:
        """Whether the spelling writes small numbers with two digits: so it is unless a single digit shows otherwise."""
        groups = self.match.groupdict()
        return all(len(groups[name]) == 2 for name in ("a", "b", "m", "d") if groups.get(name))


def dates_in(text: str) -> Iterator[WrittenDate]:
    """The dates of a text, those of the surer forms first; they may overlap."""
    for form in _FORMS:
        for match in form.finditer(text):
            if _plausible(match):
                yield WrittenDate(match.start(), match.end(), _day(match), match)
    for form in _WITHOUT_YEAR:
        for match in form.finditer(text):
            if match["n"].lower() in _MONTHS:
                yield WrittenDate(match.start(), match.end(), None, match)


def read_date(text: str) -> WrittenDate | None:
    """The date that is all of the text, or None."""
    whole = len(text)
    return next((date for date in dates_in(text) if date.day and (date.start, date.end) == (0, whole)), None)


def _plausible(match: re.Match[str]) -> bool:
    _, month, day = _parts(match)
    return 1 <= month <= 12 and 1 <= day <= 31


def _parts(match: re.Match[str]) -> tuple[int, int, int]:
    """Year, month, day. Of two numbers that could be either, the first is the month with a slash or hyphen, the day with a dot."""
    groups = match.groupdict()
    year = int(groups["y"].lstrip("'"))
    if year < 100:
        year += 2000 if year <= _PIVOT else 1900
    if groups.get("a"):
        first, second = int(groups["a"]), int(groups["b"])
        day_first = first > 12 or (groups["s"] == "." and second <= 12)
        return (year, second, first) if day_first else (year, first, second)
    month = _MONTHS[groups["n"].lower()][0] + 1 if groups.get("n") else int(groups.get("m") or 1)
    return year, month, int(groups.get("d") or 1)


def _day(match: re.Match[str]) -> dt.date | None:
    try:
        return dt.date(*_parts(match))
    except ValueError:
        return None


def _month_like(old: str, month: int) -> str:
    """The name of a month in the language, length and case of another; without accents where that one is ASCII."""
    _, names, length = _MONTHS[old.lower()]
    new = names[month - 1][:length] if length else names[month - 1]
    new = _plain(new) if old.isascii() else new
    return new.upper() if old.isupper() else new.lower() if old.islower() else new.capitalize()
