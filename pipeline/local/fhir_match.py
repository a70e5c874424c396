"""What a search value matches, as SQL over one row of the index (R4 search.html 3.1.1.4-3.1.1.5; the Healthcare API's dialect).

Prefixes of numbers and dates: eq ne lt le gt ge sa eb ap. A string matches by its beginning, without case, accents and
punctuation; `:contains` anywhere, `:exact` as it is. Every value of a request is bound, never part of the SQL.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from pipeline.local.fhir_resource import Refusal
from pipeline.local.fhir_values import Range, date_range, fold, number_range, words

Clause = tuple[str, list[Any]]
"""A condition and the values it binds."""

MODIFIERS = {"string": ("contains", "exact"), "token": ("not", "text"), "reference": ("identifier",)}
"""Besides `:missing`, and `:Type` of a reference; all others are refused."""

RESOURCE_TYPE = re.compile(r"[A-Z][A-Za-z]+")

_PREFIXED = re.compile(r"(eq|ne|lt|le|gt|ge|sa|eb|ap)?(.+)")
_ESCAPED = re.compile(r"\\([\\,|$])")
_NUMBER = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "sa": ">", "eb": "<"}
_DATE = {
    "lt": ("low", "<", "low"),
    "le": ("low", "<", "high"),
    "gt": ("high", ">", "high"),
    "ge": ("high", ">", "low"),
    "sa": ("low", ">=", "high"),
    "eb": ("high", "<=", "low"),
}
"""Prefix -> end of the stored range, comparison, end of the value's range (high is exclusive)."""

_APPROXIMATELY = 0.1
"""R4's recommendation for `ap`: 10 % of the number, or of the time between the date and now."""


def any_of(kind: str, modifier: str, value: str, now: dt.datetime) -> Clause:
    """The condition for a value whose comma means OR, of a parameter of type `kind`. Raises Refusal (400)."""
    return either([_condition(kind, modifier, alternative, now) for alternative in alternatives(value)])


def alternatives(value: str) -> list[str]:
    """The comma's alternatives; an escaped comma is a part of the value. An empty one would match everything."""
    found = _split(value, ",")
    if not all(found):
        raise Refusal(400, "value", "a value is empty")
    return found


def either(conditions: list[Clause]) -> Clause:
    """One condition of several, any of which may hold."""
    return "(" + " OR ".join(f"({condition})" for condition, _ in conditions) + ")", [value for _, values in conditions for value in values]


def date(value: str, now: dt.datetime, low: str = "low", high: str = "high") -> Clause:
    """A stored date is a range too: equal means that the value's range contains it (R4 Search, date)."""
    prefix, covered = _prefixed(value, date_range)
    if prefix == "eq":
        return f"({low} >= ? AND {high} <= ? AND {low} < ?)", [covered.low, covered.high, covered.high]
    if prefix == "ne":
        return f"({low} < ? OR {high} > ? OR {low} >= ?)", [covered.low, covered.high, covered.high]
    if prefix == "ap":
        gap = _APPROXIMATELY * abs(now.timestamp() - covered.low)
        return f"({low} < ? AND {high} > ?)", [covered.high + gap, covered.low - gap]
    end, sign, bound = _DATE[prefix]
    return f"{low if end == 'low' else high} {sign} ?", [covered.low if bound == "low" else covered.high]


def _condition(kind: str, modifier: str, value: str, now: dt.datetime) -> Clause:
    if kind == "number":
        return _number(value)
    if kind == "date":
        return date(value, now)
    if kind == "string":
        return _string(modifier, _plain(value))
    if kind == "token":
        return _beginning(_plain(value)) if modifier == "text" else _token(value)
    if kind == "reference":
        target = f"{modifier}/{_plain(value)}" if modifier else _plain(value)
        return "token IS NOT NULL AND (token = ? OR substr(token, -length(?)) = ?)", [target, *["/" + target] * 2]
    return "token = ?", [_plain(value)]


def _number(value: str) -> Clause:
    prefix, covered = _prefixed(value, number_range)
    if prefix == "eq":
        return "low >= ? AND low < ?", [covered.low, covered.high]
    if prefix == "ne":
        return "(low < ? OR low >= ?)", [covered.low, covered.high]
    if prefix == "ap":
        gap = _APPROXIMATELY * abs(covered.point)
        return "low >= ? AND low <= ?", [min(covered.low, covered.point - gap), max(covered.high, covered.point + gap)]
    return f"low {_NUMBER[prefix]} ?", [covered.point]


def _string(modifier: str, text: str) -> Clause:
    """`:contains` looks at the words first, which are indexed in their own form, and then at the text with its punctuation."""
    if modifier == "exact":
        return "text = ? AND exact = ?", [words(text), text]
    if modifier == "contains":
        return "text IS NOT NULL AND instr(text, ?) > 0 AND instr(fold(exact), ?) > 0", [words(text), fold(text)]
    return _beginning(text)


def _beginning(text: str) -> Clause:
    start = words(text)
    if not start:
        raise Refusal(400, "value", "a value has neither letters nor digits")
    return "text >= ? AND text < ?", [start, start + "\U0010ffff"]


def _token(value: str) -> Clause:
    """`code`, `system|code`, `|code` (without a system) or `system|`."""
    parts = _split(value, "|")
    system, code = (_plain(parts[0]), _plain("|".join(parts[1:]))) if len(parts) > 1 else ("", _plain(value))
    conditions: list[str] = []
    values: list[Any] = []
    if code:
        conditions.append("token = ?")
        values.append(code)
    if system:
        conditions.append("system = ?")
        values.append(system)
    elif len(parts) > 1:
        conditions.append("system IS NULL")
    return " AND ".join([*conditions, "token IS NOT NULL"]), values


def _prefixed(value: str, ranged: Callable[[str], Range]) -> tuple[str, Range]:
    match = _PREFIXED.fullmatch(value)
    try:
        if match is None:
            raise ValueError("empty")
        return match[1] or "eq", ranged(match[2])
    except (ValueError, ArithmeticError):
        raise Refusal(400, "value", "a value is not a number or date, or has an unknown prefix") from None


def _split(value: str, separator: str) -> list[str]:
    """At every separator that no backslash escapes."""
    parts = [""]
    for piece in re.findall(r"\\.|.", value, re.DOTALL):
        if piece == separator:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _plain(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)
