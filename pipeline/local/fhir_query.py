"""The parameters of a search as conditions, order and form of the answer (R4 search.html; fhirStores.fhir.search).

Repeating a parameter means AND, a comma OR; a resource matches if any of its values does. A parameter that the store does
not know is ignored, unless the caller asked for strict handling.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterable

from pipeline.local import fhir_match
from pipeline.local.fhir_database import StoreReader
from pipeline.local.fhir_index import IDENTIFIER, Parameter
from pipeline.local.fhir_match import Clause
from pipeline.local.fhir_resource import Refusal

DEFAULT_COUNT, MAX_COUNT = 100, 1000
"""Entries of a page (Healthcare API)."""

_FORMAT = ("_format", "_pretty", "alt", "prettyPrint")
"""How the answer is to look, which is one way only; never an unknown parameter."""

_OWN = {"_id": "id", "_lastUpdated": "updated"}
"""Parameters that are columns of the resource itself."""

_SORTED_BY = {"number": "low", "date": "low", "string": "text", "token": "token"}
"""Type of parameter -> column of the index; the API sorts by these types only."""

_A_MILLISECOND = 0.001


@dataclasses.dataclass
class Query:
    """A parsed search: SQL conditions over `resources`, the answer's form, and what of the request was obeyed."""

    clauses: list[Clause] = dataclasses.field(default_factory=list)
    order: list[Clause] = dataclasses.field(default_factory=list)
    """Terms of ORDER BY; without any, resources come in the order in which they were first written."""
    applied: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    count: int = DEFAULT_COUNT
    after: int = 0
    """Where the page before ended: its last resource or, in a sorted search, how many there were."""
    elements: frozenset[str] = frozenset()
    """Top-level elements asked for; empty: all."""
    total: bool = True


def parse(reader: StoreReader, type_: str, items: Iterable[tuple[str, str]], strict: bool) -> Query:
    """The query of decoded name=value pairs. Raises Refusal (400)."""
    query, parameters = Query(), {one.code: one for one in reader.parameters(type_)}
    for name, value in items:
        code, _, modifier = name.partition(":")
        if code == "_page_token" and not modifier:
            query.after = position(value)
            continue
        if code in _OWN:
            query.clauses.append(_own(reader, code, modifier, value))
        elif code in parameters:
            query.clauses.append(_clause(reader, parameters, parameters[code], modifier, value))
        elif not _form(query, parameters, name, value, strict):
            if strict and code not in _FORMAT:
                raise Refusal(400, "not-supported", "a parameter is unknown to this store; configure it or leave it out")
            continue
        query.applied.append((name, value))
    return query


def count(text: str) -> int:
    """The value of a `_count`, at most MAX_COUNT. Raises Refusal (400)."""
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise Refusal(400, "value", "_count takes a number from 1")
    return min(int(text), MAX_COUNT)


def token(after: int) -> str:
    """The `_page_token` of the page that begins there."""
    return base64.urlsafe_b64encode(b"after:%d" % after).decode()


def position(text: str) -> int:
    """Where the page of a `_page_token` begins. Raises Refusal (400)."""
    try:
        match = re.fullmatch(rb"after:(\d{1,18})", base64.urlsafe_b64decode(text))
    except ValueError:
        match = None
    if match is None:
        raise Refusal(400, "value", "_page_token is not of this server")
    return int(match[1])


def _form(query: Query, parameters: dict[str, Parameter], name: str, value: str, strict: bool) -> bool:
    """Obey a parameter of the answer's form; False if it is none."""
    if name == "_count":
        query.count = count(value)
    elif name == "_sort":
        query.order = [term for key in fhir_match.alternatives(value) for term in _order(parameters, key, strict)]
    elif name == "_elements":
        query.elements = frozenset(fhir_match.alternatives(value))
    elif name == "_total" and value in ("none", "estimate", "accurate"):
        query.total = value != "none"
    elif name != "_summary" or value != "false":
        return False
    return True


def _order(parameters: dict[str, Parameter], key: str, strict: bool) -> list[Clause]:
    """The term of one key; a resource without a value comes last, one with several goes by the first."""
    code, direction = key.removeprefix("-"), "DESC" if key.startswith("-") else "ASC"
    if code in _OWN:
        return [(f"{_OWN[code]} {direction}", [])]
    parameter = parameters.get(code)
    if parameter is None and not strict:
        return []
    if parameter is None or parameter.kind not in _SORTED_BY:
        raise Refusal(400, "not-supported", f"_sort takes known parameters of the types {', '.join(_SORTED_BY)}")
    column = _SORTED_BY[parameter.kind]
    first = f"SELECT {column} FROM search_values WHERE resource = seq AND parameter = ? AND {column} IS NOT NULL ORDER BY rowid LIMIT 1"  # noqa: S608 - a constant
    return [(f"({first}) {direction} NULLS LAST", [parameter.id])]


def _own(reader: StoreReader, code: str, modifier: str, value: str) -> Clause:
    if modifier:
        raise _no_modifier(code)
    found = fhir_match.alternatives(value)
    if code == "_id":
        return f"id IN ({','.join('?' * len(found))})", list(found)
    return fhir_match.either([fhir_match.date(one, reader.now, low="updated", high=f"(updated + {_A_MILLISECOND})") for one in found])


def _clause(reader: StoreReader, parameters: dict[str, Parameter], parameter: Parameter, modifier: str, value: str) -> Clause:
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Refusal(400, "value", ":missing takes true or false")
        found = "EXISTS (SELECT 1 FROM search_values WHERE resource = seq AND parameter = ?)"
        return f"NOT {found}" if value == "true" else found, [parameter.id]
    kind = parameter.kind
    of_type = kind == "reference" and fhir_match.RESOURCE_TYPE.fullmatch(modifier)
    if kind.endswith(IDENTIFIER) or (modifier and not of_type and modifier not in fhir_match.MODIFIERS.get(kind, ())):
        raise _no_modifier(parameter.code.removesuffix(IDENTIFIER))
    if modifier == "identifier":
        parameter, kind = parameters[parameter.code + IDENTIFIER], "token"
    condition, values = fhir_match.any_of(kind, modifier, value, reader.now)
    found = f"SELECT resource FROM search_values WHERE parameter = ? AND {condition}"  # noqa: S608 - made of constants; values are bound
    return f"seq {'NOT IN' if modifier == 'not' else 'IN'} ({found})", [parameter.id, *values]


def _no_modifier(code: str) -> Refusal:
    return Refusal(400, "not-supported", f"the parameter {code} does not take this modifier")
