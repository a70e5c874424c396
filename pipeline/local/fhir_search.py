"""FHIR search over the index (R4 Search; what the Healthcare API documents of it).

Repeating a parameter means AND, a comma OR; a resource matches if any of its values does. A parameter that the store
does not know is ignored, unless the caller asked for strict handling. Results come in the order in which they were first written.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.local.fhir_database import StoreReader, stored
from pipeline.local.fhir_index import IDENTIFIER, Parameter
from pipeline.local.fhir_resource import TYPES, Refusal
from pipeline.local.fhir_values import Range, date_range, fold, number_range

DEFAULT_COUNT, MAX_COUNT = 100, 1000
"""Entries of a page (Healthcare API)."""

_FORMAT = ("_format", "_pretty", "alt", "prettyPrint")
"""How the answer is to look, which is one way only; never an unknown parameter."""

_PREFIXED = re.compile(r"(eq|ne|lt|le|gt|ge|sa|eb)?(.+)")
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

_A_MILLISECOND = 0.001
_MODIFIERS = {"string": ("contains", "exact"), "token": ("not",), "reference": ("identifier",)}

Clause = tuple[str, list[Any]]


@dataclasses.dataclass
class Query:
    """A parsed search: SQL conditions over `resources`, and what of the request was obeyed."""

    clauses: list[Clause] = dataclasses.field(default_factory=list)
    applied: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    count: int = DEFAULT_COUNT
    after: int = 0
    """The last resource of the page before."""


def search(reader: StoreReader, type_: str, items: Iterable[tuple[str, str]], base: str, strict: bool = False) -> dict[str, Any]:
    """One page as a searchset Bundle; `items` are the decoded name=value pairs, `base` the URL of the store.

    Raises Refusal (400, 404) for a type the store does not keep, a malformed value, an unknown modifier, and, if `strict`, an unknown
    parameter.
    """
    if type_ not in TYPES:
        raise Refusal(404, "not-supported", f"this store keeps {' and '.join(TYPES)}")
    query = parse(items, {one.code: one for one in reader.parameters(type_)}, strict)
    where = " AND ".join(["store = ?", "type = ?", *(clause for clause, _ in query.clauses)])
    values = [reader.id, type_, *(value for _, values in query.clauses for value in values)]
    # The conditions are made of the constants of this module; every value of the request is bound.
    total = reader.connection.execute(f"SELECT count(*) FROM resources WHERE {where}", values).fetchone()[0]  # noqa: S608
    page = f"SELECT seq, type, id, version, updated, content FROM resources WHERE {where} AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    rows = [stored(row) for row in reader.connection.execute(page, [*values, query.after, query.count + 1])]
    last = rows[query.count - 1].seq if len(rows) > query.count else None
    return _bundle(f"{base}/fhir/{type_}", query, total, [row.resource for row in rows[: query.count]], last)


def parse(items: Iterable[tuple[str, str]], parameters: dict[str, Parameter], strict: bool) -> Query:
    """The query of decoded name=value pairs. Raises Refusal (400)."""
    query = Query()
    for name, value in items:
        code, _, modifier = name.partition(":")
        if code == "_count":
            query.count = min(_natural(value, code), MAX_COUNT)
        elif code == "_page_token":
            query.after = _page(value)
            continue
        elif code in ("_id", "_lastUpdated"):
            query.clauses.append(_own(code, modifier, value))
        elif code in parameters:
            query.clauses.append(_clause(parameters, parameters[code], modifier, value))
        else:
            if strict and code not in _FORMAT:
                raise Refusal(400, "not-supported", "a parameter is unknown to this store; configure it or leave it out")
            continue
        query.applied.append((name, value))
    return query


def _bundle(url: str, query: Query, total: int, resources: list[dict[str, Any]], last: int | None) -> dict[str, Any]:
    def link(relation: str, *more: tuple[str, str]) -> dict[str, str]:
        text = urllib.parse.urlencode([*query.applied, *more], safe="/:|,")
        return {"relation": relation, "url": f"{url}?{text}" if text else url}

    here = [("_page_token", _token(query.after))] if query.after else []
    links = [link("search"), link("first"), link("self", *here)]
    if last is not None:
        links.append(link("next", ("_page_token", _token(last))))
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    if resources:
        bundle["entry"] = [{"fullUrl": f"{url}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in resources]
    return bundle


def _own(code: str, modifier: str, value: str) -> Clause:
    """What is a column of the resource itself."""
    if modifier:
        raise _no_modifier(code)
    if code == "_id":
        alternatives = _alternatives(value)
        return f"id IN ({','.join('?' * len(alternatives))})", list(alternatives)
    conditions = [_date(alternative, low="updated", high=f"(updated + {_A_MILLISECOND})") for alternative in _alternatives(value)]
    return _either(conditions)


def _clause(parameters: dict[str, Parameter], parameter: Parameter, modifier: str, value: str) -> Clause:
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Refusal(400, "value", ":missing takes true or false")
        found = "SELECT resource FROM search_values WHERE parameter = ?"
        return f"seq {'NOT IN' if value == 'true' else 'IN'} ({found})", [parameter.id]
    kind = parameter.kind
    if modifier and modifier not in _MODIFIERS.get(kind, ()):
        raise _no_modifier(parameter.code)
    if modifier == "identifier":
        parameter, kind = parameters[parameter.code + IDENTIFIER], "token"
    elif kind.endswith(IDENTIFIER):
        raise _no_modifier(parameter.code)
    condition, values = _either([_condition(kind, modifier, alternative) for alternative in _alternatives(value)])
    inside = "NOT IN" if modifier == "not" else "IN"
    found = f"SELECT resource FROM search_values WHERE parameter = ? AND {condition}"  # noqa: S608 - made of constants; values are bound
    return f"seq {inside} ({found})", [parameter.id, *values]


def _condition(kind: str, modifier: str, value: str) -> Clause:
    """The condition over one row of search_values for one alternative."""
    match kind:
        case "number":
            return _number(value)
        case "date":
            return _date(value)
        case "string":
            return _string(modifier, value)
        case "token":
            return _token_condition(value)
        case "reference":
            return "(token = ? OR substr(token, -length(?)) = ?)", [_plain(value), *["/" + _plain(value)] * 2]
        case _:
            return "token = ?", [_plain(value)]


def _number(value: str) -> Clause:
    prefix, covered = _prefixed(value, number_range)
    if prefix == "eq":
        return "low >= ? AND low < ?", [covered.low, covered.high]
    if prefix == "ne":
        return "(low < ? OR low >= ?)", [covered.low, covered.high]
    return f"low {_NUMBER[prefix]} ?", [covered.point]


def _date(value: str, low: str = "low", high: str = "high") -> Clause:
    """A stored date is a range too: equal means that the value's range contains it (R4 Search, date)."""
    prefix, covered = _prefixed(value, date_range)
    if prefix == "eq":
        return f"({low} >= ? AND {high} <= ? AND {low} < ?)", [covered.low, covered.high, covered.high]
    if prefix == "ne":
        return f"({low} < ? OR {high} > ? OR {low} >= ?)", [covered.low, covered.high, covered.high]
    end, sign, bound = _DATE[prefix]
    return f"{low if end == 'low' else high} {sign} ?", [covered.low if bound == "low" else covered.high]


def _string(modifier: str, value: str) -> Clause:
    text = _plain(value)
    if modifier == "exact":
        return "text = ? AND exact = ?", [fold(text), text]
    if modifier == "contains":
        return "instr(text, ?) > 0", [fold(text)]
    return "text >= ? AND text < ?", [fold(text), fold(text) + "\U0010ffff"]


def _token_condition(value: str) -> Clause:
    system, separator, code = _split_system(value)
    conditions: list[str] = []
    values: list[Any] = []
    if code:
        conditions.append("token = ?")
        values.append(code)
    if separator and system:
        conditions.append("system = ?")
        values.append(system)
    elif separator:
        conditions.append("system IS NULL")
    return " AND ".join(conditions) or "token IS NOT NULL", values


def _split_system(value: str) -> tuple[str, str, str]:
    parts = re.split(r"(?<!\\)(\|)", value, maxsplit=1)
    if len(parts) == 1:
        return "", "", _plain(value)
    return _plain(parts[0]), "|", _plain(parts[2])


def _prefixed(value: str, ranged: Callable[[str], Range]) -> tuple[str, Range]:
    match = _PREFIXED.fullmatch(value)
    try:
        if match is None:
            raise ValueError("empty")
        return match[1] or "eq", ranged(match[2])
    except (ValueError, ArithmeticError):
        raise Refusal(400, "value", "a value is not a number or date, or has an unknown prefix") from None


def _alternatives(value: str) -> list[str]:
    """The comma's alternatives; an escaped comma is a part of the value. An empty one would match everything."""
    alternatives = re.split(r"(?<!\\),", value)
    if not all(alternatives):
        raise Refusal(400, "value", "a value is empty")
    return alternatives


def _plain(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)


def _either(conditions: list[Clause]) -> Clause:
    return "(" + " OR ".join(f"({condition})" for condition, _ in conditions) + ")", [value for _, values in conditions for value in values]


def _natural(value: str, code: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", value):
        raise Refusal(400, "value", f"{code} takes a number from 1")
    return int(value)


def _token(seq: int) -> str:
    return base64.urlsafe_b64encode(b"after:%d" % seq).decode()


def _page(token: str) -> int:
    try:
        match = re.fullmatch(rb"after:(\d{1,18})", base64.urlsafe_b64decode(token))
    except ValueError:
        match = None
    if match is None:
        raise Refusal(400, "value", "_page_token is not of this server")
    return int(match[1])


def _no_modifier(code: str) -> Refusal:
    return Refusal(400, "not-supported", f"{code} does not take this modifier")
