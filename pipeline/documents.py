"""A config, request or file of templates as it is given: JSON text, a path, or gs://BUCKET/OBJECT, or that version of it that is
named: gs://BUCKET/OBJECT#GENERATION.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path

from transforms.model import gcs
from transforms.model.errors import ConfigError

_VERSION = re.compile(r"(?P<uri>gs://.+)#(?P<number>[1-9][0-9]*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Document:
    """Text, and which version of which object it is."""

    text: str
    origin: str = ""
    """`gs://BUCKET/OBJECT#GENERATION TIME`, the time being that of the generation; empty where it is no object."""


def read_document(at: str, given: str) -> Document:
    """What stands there. Raises ConfigError for the option or field `at`."""
    if given.lstrip().startswith("{"):
        return Document(given)
    try:
        if not gcs.is_gcs(given):
            return Document(Path(given).read_text(encoding="utf-8"))
        gcs.split(given, at)
        versioned = _VERSION.fullmatch(given)
        uri, number = (versioned["uri"], int(versioned["number"])) if versioned else (given, None)
        found = gcs.read_generation(uri, number)
        created = found.created.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Document(found.content.decode("utf-8"), f"{uri}#{found.number} {created}")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            at, "there is neither JSON nor a file that can be read as UTF-8 text", "check its path and permissions", given
        ) from None
