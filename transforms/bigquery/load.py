"""Rows into BigQuery by load jobs, which are free: first all into a staging table, then by one MERGE into the table itself.

The MERGE goes by `id`, so a repeat replaces its own rows and adds none, wherever an earlier try broke off; readers see all
rows of a load or none. Beam's FILE_LOADS appends, and fails the run for one row that BigQuery will not take, without
saying which; here that row is found by halving its file, and refused with BigQuery's reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import google.auth.exceptions
import requests
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery

from transforms.bigquery.marshal import Row
from transforms.bigquery.schema import Field, Schema, operations_table, provenance_table
from transforms.bigquery.table import TableName
from transforms.bigquery.views import OPERATIONS, create_views
from transforms.model.errors import StoreError

MAX_ROW_BYTES = 100_000_000
"""Bytes of one row of newline-delimited JSON that a load job takes (BigQuery, quotas of load jobs)."""
FILE_BYTES = 64 << 20
"""Bytes of a file to load. A table takes 1,500 load jobs a day: 96 GB of rows, some 7 million instances."""
MAX_REFUSED = 100
"""Rows that BigQuery may refuse before the load breaks off: then it is not the rows."""
_PARTITIONS = " PARTITION BY DATE(lastUpdated) CLUSTER BY id"
_TYPES = {"STRING": "STRING", "FLOAT": "FLOAT64", "TIMESTAMP": "TIMESTAMP", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
STAGING_LIFETIME = dt.timedelta(days=1)
"""After which BigQuery itself drops what a broken run left."""


@dataclasses.dataclass(frozen=True)
class Line:
    """One row as it is loaded, and what it is called where it is refused."""

    reference: str
    id: str
    shard: str
    content: bytes

    @classmethod
    def of(cls, reference: str, row: Row, shard: str = "") -> Line:
        """A row as a line of JSON."""
        return cls(reference, row["id"], shard, json.dumps(row, separators=(",", ":")).encode() + b"\n")


WRITTEN = (
    "SELECT id FROM `PROJECT_ID.BIGQUERY_DATASET.Provenance` WHERE lastUpdated = @started "
    "AND ENDS_WITH(agent[SAFE_OFFSET(0)].who.identifier.value, CONCAT('/Provenance/', @operation)) "
    "AND STARTS_WITH(target[SAFE_OFFSET(0)].identifier.value, CONCAT(@destination, '/'))"
)
"""The instances that an operation wrote to its destination; what it holds has its target elsewhere."""

Refuse = Callable[[Line, str], None]
"""Told of a line that BigQuery will not take, and the reason in BigQuery's own word (`invalid`), which holds no value."""


class TableLoader:
    """Loads rows of Provenance, and of Operations, into the tables of one dataset. Raises StoreError where BigQuery fails."""

    def __init__(self, client: bigquery.Client, table: str, schema: Schema, clock: Callable[[], dt.datetime]) -> None:
        self._client, self._name, self._schema, self._clock = client, TableName.parse(table), schema, clock
        self._refused = 0

    def load(self, operation_id: str, lines: Iterable[Line], refuse: Refuse) -> None:
        """Put the lines into the table, each in place of the row of its id; `refuse` is told of those that cannot be.

        Makes the table if need be, partitioned by the day of `lastUpdated` and clustered by `id`. Of two lines with one id
        the caller gives one.
        """
        self._upsert(self._name.table, provenance_table(self._schema), _PARTITIONS, operation_id, lines, refuse)

    def load_operation(self, row: Row) -> None:
        """Put the row of an operation into the table `Operations` beside it."""
        self._upsert(OPERATIONS, operations_table(), "", row["id"], [Line.of("", row)], _fail)

    def make_views(self) -> list[str]:
        """Make the views beside the table, as far as its form has what they read; their names."""
        self._make(self._full(OPERATIONS), operations_table(), "")  # a view reads it, and the first run ends only after this
        views = create_views(str(self._name), self._schema)
        for statement in views.values():
            self._query(statement)
        return list(views)

    def count(self, last_updated: str, operation: str) -> int:
        """How many rows the table has of the operation with that Provenance id, which started at `last_updated`."""
        ((found,),) = self._ask_of(f"SELECT COUNT(*) FROM `{self._full(self._name.table)}`", last_updated, operation)  # noqa: S608 - a checked name
        return int(found)

    def forget(self, last_updated: str, operation: str) -> None:
        """Delete these rows, and the operation's own in the table beside."""
        self._ask_of(f"DELETE FROM `{self._full(self._name.table)}`", last_updated, operation)  # noqa: S608 - a checked name
        config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("operation", "STRING", operation)])
        self._query(f"DELETE FROM `{self._full(OPERATIONS)}` WHERE id = @operation", config)  # noqa: S608 - a checked name

    def _ask_of(self, statement: str, last_updated: str, operation: str) -> list[tuple[Any, ...]]:
        """The answer to a statement over the rows of one operation."""
        where = (
            " WHERE lastUpdated = @started "
            "AND (id = @operation OR ENDS_WITH(agent[SAFE_OFFSET(0)].who.identifier.value, CONCAT('/Provenance/', @operation)))"
        )
        parameters = [
            bigquery.ScalarQueryParameter("started", "TIMESTAMP", dt.datetime.fromisoformat(last_updated)),
            bigquery.ScalarQueryParameter("operation", "STRING", operation),
        ]
        return self._query(statement + where, bigquery.QueryJobConfig(query_parameters=parameters))

    def written(self, last_updated: str, operation: str, destination: str) -> set[str]:
        """The ids of Provenance of what the operation wrote to the store of that identifier."""
        parameters = [
            bigquery.ScalarQueryParameter("started", "TIMESTAMP", dt.datetime.fromisoformat(last_updated)),
            bigquery.ScalarQueryParameter("operation", "STRING", operation),
            bigquery.ScalarQueryParameter("destination", "STRING", destination),
        ]
        sql = WRITTEN.replace("PROJECT_ID.BIGQUERY_DATASET.Provenance", self._full(self._name.table))
        return {identity for (identity,) in self._query(sql, bigquery.QueryJobConfig(query_parameters=parameters))}

    def _upsert(self, table: str, columns: Field, layout: str, key: str, lines: Iterable[Line], refuse: Refuse) -> None:
        target, staging = self._full(table), self._full(f"{table}_staging_{hashlib.sha256(key.encode()).hexdigest()[:16]}")
        expires = (self._clock() + STAGING_LIFETIME).astimezone(dt.UTC).isoformat(timespec="seconds")
        self._make(target, columns, layout)
        self._query(f"DROP TABLE IF EXISTS `{staging}`")
        self._query(f"CREATE TABLE `{staging}` ({_ddl(columns)}) OPTIONS(expiration_timestamp = TIMESTAMP '{expires}')")
        with _explained():
            loaded = sum(self._load(staging, file, refuse) for file in _files(lines, refuse))
        if loaded:
            self._query(_merge(target, staging, columns))
        self._query(f"DROP TABLE `{staging}`")

    def _make(self, table: str, columns: Field, layout: str) -> None:
        """Make a table that is not there yet."""
        with _explained():
            try:
                self._client.get_table(table)
            except NotFound:
                self._query(f"CREATE TABLE IF NOT EXISTS `{table}` ({_ddl(columns)}){layout}")

    def _load(self, staging: str, lines: list[Line], refuse: Refuse) -> int:
        """Load one file whole; where BigQuery will not have it, its halves. How many lines are in."""
        try:
            self._job(staging, b"".join(line.content for line in lines)).result()
        except BadRequest as error:
            if len(lines) > 1:
                middle = len(lines) // 2
                return self._load(staging, lines[:middle], refuse) + self._load(staging, lines[middle:], refuse)
            self._refused += 1
            if self._refused > MAX_REFUSED:
                why = f"it refuses more than {MAX_REFUSED} rows"
                raise StoreError("--bigquery_table", why, "see that the table has the columns of --bigquery_schema") from None
            refuse(lines[0], f"BigQuery refuses the row ({_reason(error)})")
            return 0
        return len(lines)

    def _job(self, staging: str, content: bytes) -> Any:
        """A load job. It has a name, so that an upload repeated after a lost answer finds it and is no second one."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        )
        job_id = f"dicom-deid-{secrets.token_hex(16)}"
        try:
            return self._client.load_table_from_file(io.BytesIO(content), staging, job_id=job_id, job_config=config)
        except Conflict:
            return self._client.get_job(job_id)

    def _query(self, sql: str, config: bigquery.QueryJobConfig | None = None) -> list[tuple[Any, ...]]:
        with _explained():
            return [tuple(row.values()) for row in self._client.query(sql, job_config=config).result()]

    def _full(self, table: str) -> str:
        return f"{self._name.project}.{self._name.dataset}.{table}"


def _files(lines: Iterable[Line], refuse: Refuse) -> Iterator[list[Line]]:
    """Lines in files of about FILE_BYTES; a line that no load job takes is refused."""
    file: list[Line] = []
    size = 0
    for line in lines:
        if len(line.content) > MAX_ROW_BYTES:
            refuse(line, f"the row is larger than {MAX_ROW_BYTES:,} bytes")
            continue
        file.append(line)
        size += len(line.content)
        if size >= FILE_BYTES:
            yield file
            file, size = [], 0
    if file:
        yield file


def _ddl(record: Field) -> str:
    """The columns of a record as CREATE TABLE has them; all names are quoted, since `end` and `when` are words of SQL."""
    return ", ".join(f"`{field.name}` {_type(field)}" for field in record.fields)


def _type(field: Field) -> str:
    kind = f"STRUCT<{_ddl(field)}>" if field.fields else _TYPES[field.type]
    return f"ARRAY<{kind}>" if field.repeated else kind


def _merge(target: str, staging: str, columns: Field) -> str:
    """The statement that puts all rows of one table into another, by `id`."""
    names = [f"`{field.name}`" for field in columns.fields]
    inserted, update = ", ".join(f"s.{name}" for name in names), ", ".join(f"{name} = s.{name}" for name in names)
    return f"""MERGE `{target}` AS t USING `{staging}` AS s ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET {update}
        WHEN NOT MATCHED THEN INSERT ({", ".join(names)}) VALUES ({inserted})"""  # noqa: S608 - checked names


def _fail(_line: Line, why: str) -> None:
    raise StoreError("Operations", why, "see that the table has the columns of this version")


def _reason(error: GoogleAPICallError) -> str:
    """BigQuery's own word for what went wrong; its message may hold a value of a row."""
    return str(error.errors[0].get("reason", "")) if error.errors else ""


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Whatever BigQuery fails with is one StoreError without its message."""
    try:
        yield
    except (GoogleAPICallError, google.auth.exceptions.GoogleAuthError, requests.RequestException) as error:
        word = _reason(error) if isinstance(error, GoogleAPICallError) else ""
        why = f"BigQuery failed ({' '.join(filter(None, (type(error).__name__, word)))})"
        raise StoreError("--bigquery_table", why, "start the same command again; what is there already is not doubled") from None
