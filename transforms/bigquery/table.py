"""The name of a BigQuery table, checked before anything runs (REST resource TableReference)."""

from __future__ import annotations

import dataclasses
import re

from transforms.model.errors import ConfigError

_PROJECT = r"(?P<project>(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9])"
_NAME = re.compile(_PROJECT + r"[:.](?P<dataset>[A-Za-z0-9_]{1,1024})\.(?P<table>[A-Za-z0-9_-]{1,1024})")


@dataclasses.dataclass(frozen=True, slots=True)
class TableName:
    """A table in full; `project` may carry the domain it is scoped to."""

    project: str
    dataset: str
    table: str

    @classmethod
    def parse(cls, text: str, at: str = "--bigquery_table") -> TableName:
        """From PROJECT:DATASET.TABLE or PROJECT.DATASET.TABLE. Raises ConfigError, which names `at`."""
        match = _NAME.fullmatch(text)
        if match is None:
            raise ConfigError(at, "a table is named in full", "write PROJECT:DATASET.TABLE", text)
        return cls(**match.groupdict())

    def __str__(self) -> str:
        return f"{self.project}:{self.dataset}.{self.table}"
