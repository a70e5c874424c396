"""FHIR stores in one SQLite file: resources with their versions, the search index, and operations.

WAL, so that readers never wait and several processes may use the file; one transaction a request. A commit is on disk
before it is answered (synchronous=FULL): an answered write survives a kill and a power cut.

A deletion is a version without content (R4 http.html, delete): the id stays known, its earlier versions stay readable.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.local import fhir_index, fhir_json, fhir_references
from pipeline.local.fhir_index import Parameter
from pipeline.local.fhir_values import fold
from transforms.model.errors import PreflightError, StoreError

VERSION = 2
"""PRAGMA user_version of the schema below."""

SCHEMA = (
    """
CREATE TABLE stores (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings TEXT NOT NULL);
CREATE TABLE resources (
    seq INTEGER PRIMARY KEY, store INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
    updated REAL NOT NULL, content TEXT, UNIQUE (store, type, id));
CREATE INDEX resources_kind ON resources (store, type) WHERE content IS NOT NULL;
CREATE TABLE history (
    seq INTEGER NOT NULL, version INTEGER NOT NULL, updated REAL NOT NULL, content TEXT, PRIMARY KEY (seq, version)) WITHOUT ROWID;
CREATE TABLE writes (
    store INTEGER NOT NULL, type TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (store, type)) WITHOUT ROWID;
CREATE TABLE operations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, store INTEGER NOT NULL, pending TEXT NOT NULL, state TEXT NOT NULL);
"""
    + fhir_references.SCHEMA
    + fhir_index.SCHEMA
)

SETTINGS = {"enableUpdateCreate": True, "disableReferentialIntegrity": True, "defaultSearchHandlingStrict": False}
"""What a store made on first use is like, by the names of the API's FhirStore: as a run needs it."""

_BUSY_SECONDS = 60.0


class Stored(NamedTuple):
    """One version of one resource. `resource` has the server's `id` and `meta`; of a deletion it has nothing else."""

    seq: int
    resource: dict[str, Any]
    created: bool = False
    deleted: bool = False

    @property
    def version(self) -> str:
        """`meta.versionId`."""
        return str(self.resource["meta"]["versionId"])


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set WAL mode. SQLite's own waiting does not cover this change, so two that open a new file at once wait here."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


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
            yield StoreReader(connection, store, self._clock())

    @contextlib.contextmanager
    def write(self, store: str) -> Iterator[StoreWriter]:
        """All writes in the block, or none if it raises. The store is made on first use."""
        with self._lock, self._transaction("BEGIN IMMEDIATE") as connection:
            yield StoreWriter(connection, store, self._clock())

    def forget(self, type_: str, identities: Iterable[str]) -> int:
        """Take resources out of every store of the file with all their versions, as if they had never been; how many there were.

        Nothing of them stays readable in the file. Raises StoreError where another process keeps it busy: then they are gone
        from the stores, but not yet from the disk.
        """
        self._connection().execute("PRAGMA secure_delete = ON")
        count = 0
        with self._lock, self._transaction("BEGIN IMMEDIATE") as connection:
            find = "SELECT seq FROM stores JOIN resources ON store = stores.id AND type = ? AND resources.id = ?"
            for identity in identities:
                for (seq,) in connection.execute(find, (type_, identity)).fetchall():
                    connection.execute("DELETE FROM search_values WHERE resource = ?", (seq,))
                    connection.execute("DELETE FROM links WHERE resource = ?", (seq,))
                    connection.execute("DELETE FROM history WHERE seq = ?", (seq,))
                    connection.execute("DELETE FROM resources WHERE seq = ?", (seq,))
                    count += 1
        try:
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            busy = 1
        if busy:
            raise StoreError("the workspace's FHIR database", "another process reads it", "stop dicom-deid serve, and purge again")
        return count

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.create_function("fold", 1, fold, deterministic=True)
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
    """One store within a transaction. `now` is the time of all that happens in it."""

    def __init__(self, connection: sqlite3.Connection, name: str, now: dt.datetime) -> None:
        self.connection, self.name, self.now = connection, name, now
        row = connection.execute("SELECT id, settings FROM stores WHERE name = ?", (name,)).fetchone()
        self.id: int = row[0] if row else 0
        self.settings: dict[str, bool] = json.loads(row[1]) if row else dict(SETTINGS)
        """By the names of the API's FhirStore."""

    def get(self, type_: str, identity: str) -> Stored | None:
        """The current version; None if there is none, or it was deleted."""
        last = self.last(type_, identity)
        return None if last is None or last.deleted else last

    def last(self, type_: str, identity: str) -> Stored | None:
        """The latest version, which may be a deletion; None if the id was never used."""
        row = self.connection.execute(
            "SELECT seq, type, id, version, updated, content FROM resources WHERE store = ? AND type = ? AND id = ?",
            (self.id, type_, identity),
        ).fetchone()
        return stored(row) if row else None

    def history(self, type_: str, identity: str) -> list[Stored]:
        """All versions, the newest first, deletions among them; none of an id that was never used."""
        last = self.last(type_, identity)
        if last is None:
            return []
        rows = self.connection.execute("SELECT version, updated, content FROM history WHERE seq = ? ORDER BY version DESC", (last.seq,))
        return [last, *(stored((last.seq, type_, identity, *row)) for row in rows)]

    def all(self, type_: str) -> Iterator[Stored]:
        """All current resources of a type, in the order in which they were first written."""
        query = "SELECT seq, type, id, version, updated, content FROM resources WHERE store = ? AND type = ? AND content IS NOT NULL"
        yield from map(stored, self.connection.execute(f"{query} ORDER BY seq", (self.id, type_)))

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
        super().__init__(connection, name, now)
        self.made = not self.id
        """Whether the store did not exist before."""
        if self.made:
            row = (name, json.dumps(self.settings))
            self.id = int(connection.execute("INSERT INTO stores (name, settings) VALUES (?, ?)", row).lastrowid or 0)
            fhir_index.add_built_in(connection, self.id)
        self._parameters: dict[str, list[Parameter]] = {}

    def configure(self, settings: dict[str, bool]) -> None:
        """Change settings of the store; those that are not named stay."""
        self.settings = {**self.settings, **settings}
        self.connection.execute("UPDATE stores SET settings = ? WHERE id = ?", (json.dumps(self.settings), self.id))

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
        content, last = _content(resource), self.last(type_, identity)
        if last is not None and not last.deleted and _content(last.resource) == content:
            return last
        return self._add_version(type_, identity, last, content)

    def create(self, type_: str, resource: dict[str, Any], identity: str | None = None) -> Stored:
        """Write a resource under a new id, of the server's unless one is given."""
        return self.put(type_, identity or str(uuid.uuid4()), resource)

    def delete(self, type_: str, identity: str) -> Stored | None:
        """Delete a resource; None if there never was one. A second deletion adds nothing."""
        last = self.last(type_, identity)
        return last if last is None or last.deleted else self._add_version(type_, identity, last, None)

    def count_write(self, type_: str) -> None:
        """Count one create, update or deletion that was carried out, whether or not it changed anything."""
        upsert = "INSERT INTO writes VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
        self.connection.execute(upsert, (self.id, type_))

    def _add_version(self, type_: str, identity: str, last: Stored | None, content: str | None) -> Stored:
        updated = round(self.now.timestamp(), 3)
        if last is None:
            seq, version = None, 1
        else:
            seq, version = last.seq, int(last.version) + 1
            self.connection.execute("INSERT INTO history SELECT seq, version, updated, content FROM resources WHERE seq = ?", (seq,))
        row = (seq, self.id, type_, identity, version, updated, content)
        seq = int(self.connection.execute("INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)", row).lastrowid or 0)
        result = stored((seq, *row[2:]), created=content is not None and (last is None or last.deleted))
        fhir_index.index(self.connection, seq, {} if result.deleted else result.resource, self._wanted(type_))
        if not self.settings["disableReferentialIntegrity"]:
            fhir_references.record(self.connection, seq, self.name, result.resource)
        return result

    def _wanted(self, type_: str) -> list[Parameter]:
        if type_ not in self._parameters:
            self._parameters[type_] = self.parameters(type_)
        return self._parameters[type_]


def stored(row: tuple[Any, ...], created: bool = False) -> Stored:
    """A row of seq, type, id, version, updated, content as a resource with the server's `id` and `meta`."""
    seq, type_, identity, version, updated, content = row
    resource = {} if content is None else fhir_json.read(content)
    meta = {**resource.pop("meta", {}), "versionId": str(version), "lastUpdated": instant(updated)}
    return Stored(seq, {"resourceType": type_, "id": identity, "meta": meta, **resource}, created, content is None)


def instant(seconds: float) -> str:
    """R4 instant with milliseconds, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _content(resource: dict[str, Any]) -> str:
    """Canonical JSON without what the server itself says (type, id, version, time)."""
    rest = {key: value for key, value in resource.items() if key not in ("resourceType", "id", "meta")}
    meta = {key: value for key, value in (resource.get("meta") or {}).items() if key not in ("versionId", "lastUpdated")}
    return fhir_json.write({**rest, **({"meta": meta} if meta else {})}, sort_keys=True)
