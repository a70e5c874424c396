"""FHIR stores in one SQLite file: resources with their versions, the search index, and operations.

WAL, so that readers never wait and several processes may use the file; one transaction a request. A commit is on disk
before it is answered (synchronous=FULL): an answered write survives a kill and a power cut.

Numbers are kept as JSON doubles: 0.10 comes back as 0.1.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.local import fhir_index
from pipeline.local.fhir_index import Parameter
from transforms.model.errors import PreflightError

VERSION = 1
"""PRAGMA user_version of the schema below."""

SCHEMA = (
    """
CREATE TABLE stores (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE resources (
    seq INTEGER PRIMARY KEY, store INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    updated REAL NOT NULL, content TEXT NOT NULL, UNIQUE (store, type, id));
CREATE INDEX resources_kind ON resources (store, type);
CREATE TABLE history (
    seq INTEGER NOT NULL, version INTEGER NOT NULL, updated REAL NOT NULL, content TEXT NOT NULL, PRIMARY KEY (seq, version)) WITHOUT ROWID;
CREATE TABLE operations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, store INTEGER NOT NULL, pending TEXT NOT NULL, state TEXT NOT NULL);
"""
    + fhir_index.SCHEMA
)

_BUSY_SECONDS = 60.0


class Stored(NamedTuple):
    """One version of one resource. `resource` has the server's `id` and `meta`."""

    seq: int
    resource: dict[str, Any]
    created: bool = False

    @property
    def version(self) -> str:
        """`meta.versionId`."""
        return str(self.resource["meta"]["versionId"])


class FhirDatabase:
    """The file. May be shared by threads: each has its own connection, and one writes at a time."""

    def __init__(self, path: Path, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self._path, self._clock = path, clock
        self._local, self._lock = threading.local(), threading.Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._transaction("BEGIN IMMEDIATE") as connection:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif found != VERSION:
                raise PreflightError(
                    "the workspace's FHIR database", "it was made by another version of dicom-deid", "use that version or a new workspace"
                )

    @contextlib.contextmanager
    def read(self, store: str) -> Iterator[StoreReader]:
        """One consistent view of a store; a store that was never written to is empty."""
        with self._transaction("BEGIN") as connection:
            yield StoreReader(connection, store)

    @contextlib.contextmanager
    def write(self, store: str) -> Iterator[StoreWriter]:
        """All writes in the block, or none if it raises. The store is made on first use."""
        with self._lock, self._transaction("BEGIN IMMEDIATE") as connection:
            yield StoreWriter(connection, store, self._clock())

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._local.connection = connection
        return connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute(begin)
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


class StoreReader:
    """One store within a transaction."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.connection, self.name = connection, name
        row = connection.execute("SELECT id FROM stores WHERE name = ?", (name,)).fetchone()
        self.id: int = row[0] if row else 0

    def get(self, type_: str, identity: str) -> Stored | None:
        """The current version."""
        row = self.connection.execute(
            "SELECT seq, type, id, version, updated, content FROM resources WHERE store = ? AND type = ? AND id = ?",
            (self.id, type_, identity),
        ).fetchone()
        return stored(row) if row else None

    def history(self, type_: str, identity: str) -> list[Stored]:
        """All versions, the newest first."""
        current = self.get(type_, identity)
        if current is None:
            return []
        rows = self.connection.execute("SELECT version, updated, content FROM history WHERE seq = ? ORDER BY version DESC", (current.seq,))
        return [current, *(stored((current.seq, type_, identity, *row)) for row in rows)]

    def all(self, type_: str) -> Iterator[Stored]:
        """All resources of a type, in the order in which they were first written."""
        query = "SELECT seq, type, id, version, updated, content FROM resources WHERE store = ? AND type = ? ORDER BY seq"
        yield from map(stored, self.connection.execute(query, (self.id, type_)))

    def parameters(self, type_: str | None = None) -> list[Parameter]:
        """The search parameters in force."""
        return fhir_index.parameters(self.connection, self.id, type_) if self.id else fhir_index.unused(type_)

    def operation(self, name: str) -> dict[str, Any] | None:
        """An operation of any store of the file."""
        row = self.connection.execute("SELECT state FROM operations WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None


class StoreWriter(StoreReader):
    """One store within a transaction that may write. `now` is `meta.lastUpdated` of everything in it."""

    def __init__(self, connection: sqlite3.Connection, name: str, now: dt.datetime) -> None:
        super().__init__(connection, name)
        self.now = now
        if not self.id:
            self.id = int(connection.execute("INSERT INTO stores (name) VALUES (?)", (name,)).lastrowid or 0)
            fhir_index.add_built_in(connection, self.id)
        self._parameters: dict[str, list[Parameter]] = {}

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """What the block wrote is undone if it raises; what was written before stays."""
        self.connection.execute("SAVEPOINT entry")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO entry")
            raise
        finally:
            self.connection.execute("RELEASE entry")

    def put(self, type_: str, identity: str, resource: dict[str, Any]) -> Stored:
        """Write a resource that has been checked.

        Content equal to the current version adds no version: a run that is repeated, or an entry that is sent again
        because its answer was lost, leaves the store as it is (DESIGN 10).
        """
        content = _content(resource)
        current = self.get(type_, identity)
        if current is not None and _content(current.resource) == content:
            return current
        updated = round(self.now.timestamp(), 3)
        if current is None:
            seq, version = None, 1
        else:
            seq, version = current.seq, int(current.version) + 1
            self.connection.execute("INSERT INTO history SELECT seq, version, updated, content FROM resources WHERE seq = ?", (seq,))
        row = (seq, self.id, type_, identity, version, updated, content)
        seq = int(self.connection.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)", row).lastrowid or 0)
        result = stored((seq, type_, identity, version, updated, content), created=current is None)
        fhir_index.index(self.connection, seq, result.resource, self._wanted(type_))
        return result

    def create(self, type_: str, resource: dict[str, Any]) -> Stored:
        """Write a resource under a new id of the server's."""
        return self.put(type_, str(uuid.uuid4()), resource)

    def _wanted(self, type_: str) -> list[Parameter]:
        if type_ not in self._parameters:
            self._parameters[type_] = self.parameters(type_)
        return self._parameters[type_]


def stored(row: tuple[Any, ...], created: bool = False) -> Stored:
    """A row of seq, type, id, version, updated, content as a resource with the server's `id` and `meta`."""
    seq, type_, identity, version, updated, content = row
    resource = json.loads(content)
    meta = {**resource.pop("meta", {}), "versionId": str(version), "lastUpdated": instant(updated)}
    return Stored(seq, {"resourceType": type_, "id": identity, "meta": meta, **resource}, created)


def instant(seconds: float) -> str:
    """R4 instant with milliseconds, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _content(resource: dict[str, Any]) -> str:
    """Canonical JSON without what the server itself says (type, id, version, time)."""
    rest = {key: value for key, value in resource.items() if key not in ("resourceType", "id", "meta")}
    meta = {key: value for key, value in (resource.get("meta") or {}).items() if key not in ("versionId", "lastUpdated")}
    return json.dumps({**rest, **({"meta": meta} if meta else {})}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
