"""JSON whose numbers keep their digits (R4 json.html: the precision of a decimal is part of its value).

A number that Python prints as it stands is a float, any other a Decimal: 0.10 stays 0.10, only an exponent may come back
in another spelling. The usual content goes through the fast encoder of the standard library.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, NoReturn


def read(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError or RecursionError; infinity and NaN, which Python would read, are not JSON."""
    return json.loads(text, parse_constant=_not_json, parse_float=_number)


def write(value: Any, *, sort_keys: bool = False, indent: int | None = None) -> str:
    """The JSON text of what `read` gave, or of plain Python values; compact unless an indent is given."""
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(value, sort_keys=sort_keys, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    except TypeError:
        return _exact(value, sort_keys, indent, 1)


def _exact(value: Any, sort_keys: bool, indent: int | None, depth: int) -> str:
    """As `json.dumps` writes it, with Decimals, which it refuses."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        keys = sorted(value) if sort_keys else list(value)
        colon = ":" if indent is None else ": "
        parts = [json.dumps(key, ensure_ascii=False) + colon + _exact(value[key], sort_keys, indent, depth + 1) for key in keys]
        return "{" + _joined(parts, indent, depth) + "}"
    if isinstance(value, list | tuple):
        return "[" + _joined([_exact(item, sort_keys, indent, depth + 1) for item in value], indent, depth) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _joined(parts: list[str], indent: int | None, depth: int) -> str:
    if indent is None or not parts:
        return ",".join(parts)
    line = "\n" + " " * indent * depth
    return line + ("," + line).join(parts) + "\n" + " " * indent * (depth - 1)


def _number(text: str) -> float | Decimal:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a JSON number")
    if repr(number) == text:
        return number
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError("a number beyond every exponent") from None


def _not_json(_: str) -> NoReturn:
    raise ValueError("not JSON")
