"""The SQL of the package (data/*.sql, BigQuery's dialect): views over the table, and the questions asked of them.

Each file names tables as `PROJECT_ID.BIGQUERY_DATASET.NAME`, like the API's page. queries/README.md is their catalogue.
"""

from __future__ import annotations

import dataclasses
from importlib import resources

from transforms.bigquery.schema import Schema
from transforms.bigquery.table import TableName

PLACEHOLDER = "PROJECT_ID.BIGQUERY_DATASET."
TABLE = "Provenance"
OPERATIONS = "Operations"

VIEWS = {
    "ProvenanceInstances": "view_instances",
    "ProvenanceBoxes": "view_boxes",
    "ProvenanceTags": "view_tags",
    "ProvenanceOperations": "view_operations",
}
"""The views by name, each with its file."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One question, in words and in SQL."""

    words: str
    sql: str


QUESTIONS = ("question_1_what", "question_2_how_and_why", "question_3_when_and_how_long", "question_4_released", "instances")


def sql_text(name: str) -> str:
    """The content of data/<name>.sql."""
    return resources.files("transforms.bigquery").joinpath(f"data/{name}.sql").read_text(encoding="utf-8")


def questions() -> list[Question]:
    """The API page's three questions, who released what, and the instances one by one; the words are the first line of each file."""
    return [Question(text.partition("\n")[0].removeprefix("-- "), text) for text in map(sql_text, QUESTIONS)]


def create_views(table: str, schema: Schema = Schema.ANALYTICS_V2) -> dict[str, str]:
    """The statements that make the views beside the table PROJECT:DATASET.TABLE, by name. Raises ConfigError for another form.

    Beside a LOSSLESS table there is only the view that does not read it.
    """
    name = TableName.parse(table)
    dataset = f"{name.project}.{name.dataset}."
    return {
        view: f"CREATE OR REPLACE VIEW `{dataset}{view}` AS\n"
        + sql_text(file).replace(f"`{PLACEHOLDER}{TABLE}`", f"`{dataset}{name.table}`").replace(PLACEHOLDER, dataset)
        for view, file in VIEWS.items()
        if schema is Schema.ANALYTICS_V2 or view == "ProvenanceOperations"
    }
