"""Referential integrity of a store that enforces it (FhirStore.disableReferentialIntegrity false; R4 references.html).

A literal reference to a resource of the store has to lead somewhere, and what is referred to cannot be deleted. References
in extensions and to contained resources or other servers are left alone, as the API leaves them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

SCHEMA = """
CREATE TABLE links (resource INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY (resource, target)) WITHOUT ROWID;
CREATE INDEX links_target ON links (target);
"""

_LITERAL = re.compile(
    r"(?:https?://[^?#]*?/(?P<store>projects/[^?#]*/fhirStores/[^/?#]+)/fhir/)?(?P<target>[A-Z]\w*/[A-Za-z0-9\-.]{1,64})(?:/_history/.+)?"
)
_NOT_PARSED = ("extension", "modifierExtension", "contained")


def record(connection: sqlite3.Connection, seq: int, store: str, resource: dict[str, Any]) -> None:
    """Keep what the resource at `seq` refers to in the store of that name."""
    connection.execute("DELETE FROM links WHERE resource = ?", (seq,))
    targets = set(_targets(store, resource))
    connection.executemany("INSERT INTO links VALUES (?, ?)", [(seq, target) for target in targets])


def dangling(connection: sqlite3.Connection, store: int, seq: int) -> bool:
    """Whether a reference of the resource at `seq` leads to nothing."""
    query = """
        SELECT 1 FROM links WHERE resource = ?1 AND NOT EXISTS (
            SELECT 1 FROM resources WHERE store = ?2
            AND type = substr(target, 1, instr(target, '/') - 1) AND id = substr(target, instr(target, '/') + 1)
            AND content IS NOT NULL)"""
    return connection.execute(query, (seq, store)).fetchone() is not None


def referred(connection: sqlite3.Connection, store: int, seq: int) -> bool:
    """Whether another current resource refers to the one at `seq`."""
    query = """
        SELECT 1 FROM resources AS one
        JOIN links ON target = one.type || '/' || one.id JOIN resources AS other ON other.seq = links.resource
        WHERE one.seq = ?1 AND other.seq <> ?1 AND other.store = ?2"""
    return connection.execute(query, (seq, store)).fetchone() is not None


def _targets(store: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _targets(store, item)
    elif isinstance(value, dict):
        match = _LITERAL.fullmatch(str(value.get("reference", "")))
        if match and match["store"] in (None, store):
            yield match["target"]
        for name, child in value.items():
            if name not in _NOT_PARSED and isinstance(child, dict | list):
                yield from _targets(store, child)
