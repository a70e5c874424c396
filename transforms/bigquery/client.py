"""The client of BigQuery, Google's own (google-cloud-bigquery)."""

from __future__ import annotations

import google.auth.exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from transforms.model.errors import ConfigError, PreflightError


def bigquery_client(project: str, endpoint: str | None = None) -> bigquery.Client:
    """A client for jobs billed to a project: of Google's service, or of the server at `endpoint`.

    Application Default Credentials, but none where the endpoint is plain http: a token is never sent in the clear. Raises
    ConfigError for an endpoint that is no URL, PreflightError where there are no credentials.
    """
    check_endpoint(endpoint)
    try:
        credentials = AnonymousCredentials() if endpoint and endpoint.startswith("http://") else None
        options = {"api_endpoint": endpoint.rstrip("/")} if endpoint else None
        return bigquery.Client(project=project, credentials=credentials, client_options=options)
    except google.auth.exceptions.GoogleAuthError:
        why = "there are no Google credentials that BigQuery accepts"
        raise PreflightError("--bigquery_table", why, "run: gcloud auth application-default login") from None


def check_endpoint(endpoint: str | None) -> None:
    """Raise ConfigError for an endpoint that is no URL."""
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ConfigError("--bigquery_endpoint", "an endpoint is a URL", "begin it with https:// or http://", endpoint)
