"""FHIR R4 primitive values and extensions as plain dicts (R4 datatypes.html, extensibility.html).

What R4 forbids never gets in: empty strings, control characters, lone surrogates, empty arrays.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from typing import Any

MAX_TEXT = 4096
"""Characters kept of one text (`quote`, `text-original`, `text-replaced`); R4 itself allows 1,048,576."""
MAX_FRAME_TEXT = 16384
"""Characters kept of `extracted-text`."""
DIGITS = 6
"""Decimal places of relative coordinates and confidences."""

Json = dict[str, Any]


def instant(moment: dt.datetime) -> str:
    """An R4 `instant` in UTC with milliseconds; `moment` has a time zone."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_value(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """`text` as an R4 `string`, or None where there is nothing to say.

    Control characters and lone surrogates become U+FFFD, other white space than tab, CR and LF a space; what is
    longer than `limit` characters is cut and ends in an ellipsis.
    """
    if text is None or not text.strip():
        return None
    clean = "".join(_allowed(character) for character in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _allowed(character: str) -> str:
    if character in "\t\r\n" or " " <= character <= "~":
        return character
    if unicodedata.category(character) in ("Cc", "Cs"):
        return "\ufffd"
    return " " if character.isspace() else character


def number(value: float) -> int | float:
    """A `decimal` that prints exactly: an int where it is one, else rounded to DIGITS places."""
    rounded = round(value, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def decimal(url: str, value: float) -> Json:
    """An extension with a number."""
    return {"url": url, "valueDecimal": number(value)}


def strings(pairs: Iterable[tuple[str, str | None]]) -> list[Json]:
    """Extensions with texts, without those that have nothing to say."""
    return [{"url": url, "valueString": text} for url, text in pairs if text]


def children(url: str, extensions: list[Json]) -> list[Json]:
    """The one extension that holds `extensions`, or none if there are none (R4 knows no empty array)."""
    return [{"url": url, "extension": extensions}] if extensions else []
