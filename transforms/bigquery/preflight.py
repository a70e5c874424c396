"""Whether rows can be loaded into a table, asked before the first instance is read (BigQuery REST: datasets.get, tables)."""

from __future__ import annotations

import google.auth.exceptions
import requests
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound
from google.cloud import bigquery

from transforms.bigquery.client import bigquery_client
from transforms.bigquery.operation import TableTarget
from transforms.bigquery.table import TableName
from transforms.model.errors import PreflightError

PATIENCE = 20.0
"""Seconds in which BigQuery must answer."""
UPDATE = "bigquery.tables.updateData"
_AT = "--bigquery_table"


def check_bigquery_table(target: TableTarget) -> None:
    """Raise PreflightError unless the dataset is there, and the table, where it is there already, takes rows from us.

    A table that is not there is made by the load; that we may make it cannot be asked beforehand.
    """
    table, name = target.table, TableName.parse(target.table)
    try:
        client = bigquery_client(name.project, target.endpoint)
        client.get_dataset(f"{name.project}.{name.dataset}", timeout=PATIENCE, retry=None)
        _check_table(client, name)
    except google.auth.exceptions.GoogleAuthError:
        why = "there are no Google credentials that BigQuery accepts"
        raise PreflightError(_AT, why, "run: gcloud auth application-default login", table) from None
    except NotFound:
        raise PreflightError(_AT, "its dataset is not there", "make it: bq mk --dataset PROJECT:DATASET", table) from None
    except Forbidden:
        why = "the caller may not read its dataset"
        raise PreflightError(_AT, why, "grant roles/bigquery.dataEditor on the dataset", table) from None
    except (GoogleAPICallError, requests.RequestException) as error:
        why = f"BigQuery gives no answer ({type(error).__name__})"
        raise PreflightError(_AT, why, "see that it can be reached, then start the same command again", table) from None


def _check_table(client: bigquery.Client, name: TableName) -> None:
    full = f"{name.project}.{name.dataset}.{name.table}"
    try:
        client.get_table(full, timeout=PATIENCE, retry=None)
    except NotFound:
        return
    allowed = client.test_iam_permissions(full, [UPDATE], timeout=PATIENCE, retry=None)
    if UPDATE not in allowed.get("permissions", []):
        raise PreflightError(_AT, f"the caller may not write to it: {UPDATE} is missing", "grant roles/bigquery.dataEditor", str(name))
