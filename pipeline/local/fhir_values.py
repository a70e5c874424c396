"""Values of search parameters by type: what is indexed of a resource and what a query value covers (R4 Search, 3.1.1.4)."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

KINDS = ("number", "date", "string", "token", "uri", "reference")
"""Types of parameter that can be indexed; composite, quantity and special cannot."""

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?")


_WORD = re.compile(r"[^\W_]+")


class Value(NamedTuple):
    """One indexed value of one resource; which fields are set depends on the parameter's type.

    number: low = high. date: seconds since 1970, low inclusive, high exclusive. string: `text` in `words`, `exact` as it is.
    token, uri, reference: `token`, with `system` of a token or of the identifier of a reference, and `text` of what a
    token is displayed as.
    """

    low: float | None = None
    high: float | None = None
    text: str | None = None
    exact: str | None = None
    token: str | None = None
    system: str | None = None


class Range(NamedTuple):
    """What a query value covers: low inclusive, high exclusive; `point` is the value itself, for comparisons."""

    low: float
    high: float
    point: float


def fold(text: str) -> str:
    """Without case and accents, since a string search is insensitive to both."""
    if text.isascii():
        return text.lower()
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))


def words(text: str) -> str:
    """Folded, and one space for every run of punctuation and white space, which a string search ignores too."""
    return " ".join(_WORD.findall(fold(text)))


def number_range(text: str) -> Range:
    """A number with its implicit precision: 0.05 covers [0.045, 0.055). Raises ValueError."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a number")
    half = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    return Range(float(number - half), float(number + half), float(number))


def date_range(text: str) -> Range:
    """A date, dateTime or instant with its implicit precision; UTC where no zone is given. Raises ValueError."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("not a date")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    start = dt.datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=_zone(zone))
    if month is None:
        end = start.replace(year=start.year + 1)
    elif day is None:
        end = (start + dt.timedelta(days=31)).replace(day=1)
    else:
        end = start + (dt.timedelta(days=1) if hour is None else dt.timedelta(minutes=1) if second is None else dt.timedelta(seconds=1))
    low, high = start.timestamp(), end.timestamp()
    if fraction:
        low = round(low + float(fraction), 6)
        high = round(low + 10.0 ** (1 - len(fraction)), 6)
    return Range(low, high, low)


def _zone(zone: str | None) -> dt.timezone:
    if zone in (None, "Z"):
        return dt.UTC
    sign = -1 if zone[0] == "-" else 1
    return dt.timezone(sign * dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])))


def values(kind: str, found: Any) -> Iterator[Value]:
    """The indexed values of one FHIRPath result under a parameter of type `kind`; nothing for what does not fit the type."""
    if kind == "number" and isinstance(found, int | float | Decimal) and not isinstance(found, bool):
        with contextlib.suppress(OverflowError):
            yield Value(low=float(found), high=float(found))
    elif kind == "date":
        yield from _dates(found)
    elif kind == "string":
        for text in _strings(found):
            yield Value(text=words(text), exact=text)
    elif kind == "token":
        yield from _tokens(found)
    elif kind == "uri" and isinstance(found, str):
        yield Value(token=found)
    elif kind == "reference" and isinstance(found, dict) and "reference" in found:
        yield Value(token=str(found["reference"]))
    elif kind == "reference:identifier" and isinstance(found, dict) and "identifier" in found:
        yield from _tokens(found["identifier"])


def _dates(found: Any) -> Iterator[Value]:
    try:
        if isinstance(found, str):
            covered = date_range(found)
            yield Value(low=covered.low, high=covered.high)
        elif isinstance(found, dict) and ("start" in found or "end" in found):
            low = date_range(found["start"]).low if "start" in found else float("-inf")
            high = date_range(found["end"]).high if "end" in found else float("inf")
            yield Value(low=low, high=high)
    except (ValueError, TypeError, OverflowError):
        return


def _strings(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for child in found.values():
            yield from _strings(child)
    elif isinstance(found, list):
        for child in found:
            yield from _strings(child)


def _tokens(found: Any) -> Iterator[Value]:
    """The code and system of a Coding, Identifier or plain code; the text of a CodeableConcept besides its codings."""
    if isinstance(found, bool):
        yield Value(token=str(found).lower())
    elif isinstance(found, str):
        yield Value(token=found)
    elif isinstance(found, dict):
        codings = found.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            yield from _tokens(coding)
        code, system = found.get("code", found.get("value")), found.get("system")
        texts = (text for text in (found.get("display"), found.get("text"), _type_text(found)) if isinstance(text, str))
        display = next((words(text) for text in texts), None)
        if isinstance(code, str):
            yield Value(token=code, system=system if isinstance(system, str) else None, text=display)
        elif display:
            yield Value(text=display)


def _type_text(found: dict[str, Any]) -> Any:
    kind = found.get("type")
    return kind.get("text") if isinstance(kind, dict) else None
