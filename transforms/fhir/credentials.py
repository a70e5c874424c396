"""Who we are to a FHIR store: Application Default Credentials for Google's endpoint, nobody elsewhere."""

from __future__ import annotations

import threading
from typing import Protocol
from urllib.parse import urlsplit

import google.auth
import google.auth.exceptions
import google.auth.transport.requests

from transforms.model.errors import PreflightError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Token(Protocol):
    """Gives a bearer token; `fresh` asks for a new one, because the store refused the last."""

    def __call__(self, fresh: bool) -> str:
        """The token."""


class GoogleToken:
    """Tokens from Application Default Credentials, for any number of threads."""

    def __init__(self) -> None:
        try:
            self._credentials, _ = google.auth.default(scopes=[SCOPE])
        except google.auth.exceptions.DefaultCredentialsError:
            why = "no Google credentials were found on this machine"
            raise PreflightError("--fhir_store", why, "run: gcloud auth application-default login") from None
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:
        """The token. Raises GoogleAuthError if it cannot be had now."""
        with self._lock:
            if fresh or not self._credentials.valid:
                self._credentials.refresh(google.auth.transport.requests.Request())
            return str(self._credentials.token)


def is_google(url: str) -> bool:
    """Whether a URL is Google's own endpoint, over TLS: only there may Google's credentials go."""
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


def token_for(store_url: str) -> Token | None:
    """The credentials for a store; None for a store that is not Google's."""
    return GoogleToken() if is_google(store_url) else None
