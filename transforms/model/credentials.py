"""Who we are to a FHIR or DICOM store: Application Default Credentials for Google's endpoint, the bearer of a named token, or nobody."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import google.auth
import google.auth.exceptions
import google.auth.transport.requests

from transforms.model.endpoints import LOOPBACK
from transforms.model.errors import PreflightError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


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
            raise PreflightError("credentials", why, "run: gcloud auth application-default login") from None
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:
        """The token. Raises GoogleAuthError if it cannot be had now."""
        with self._lock:
            if fresh or not self._credentials.valid:
                self._credentials.refresh(google.auth.transport.requests.Request())
            return str(self._credentials.token)


@dataclasses.dataclass(frozen=True)
class TokenReference:
    """Where a bearer token is: `file:PATH` or `env:NAME`. Only this is ever pickled; the token is read each time it is sent,
    so that one that another program renews stays good.
    """

    uri: str
    option: str = "--fhir_token_uri"
    """By which it was given."""

    def load(self) -> str:
        """The token. Raises PreflightError that names the reference, never the content."""
        scheme, _, rest = self.uri.partition(":")
        if scheme not in ("file", "env") or not rest:
            raise PreflightError(self.option, "only file:PATH and env:NAME are understood", "name the token in one of these forms")
        try:
            text = Path(rest).read_text(encoding="ascii") if scheme == "file" else os.environ[rest]
        except (OSError, UnicodeDecodeError, KeyError):
            raise PreflightError(self.option, "the token cannot be read", "check its path and permissions", self.uri) from None
        token = text.strip()
        if not _BEARER.fullmatch(token):
            raise PreflightError(self.option, "what is there is not a bearer token", "put the token alone in it", self.uri)
        return token

    def __call__(self, fresh: bool) -> str:  # noqa: ARG002 - every call reads afresh
        """The token. Raises PreflightError."""
        return self.load()


def is_google(url: str) -> bool:
    """Whether a URL is Google's own endpoint, over TLS: only there may Google's credentials go."""
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


def token_for(store_url: str, named: TokenReference | None = None) -> Token | None:
    """The credentials for a store: those that were named, else Google's for Google; None for any other store.

    Raises PreflightError where the credentials are not there, or would go over the network in the clear.
    """
    if named is None:
        return GoogleToken() if is_google(store_url) else None
    parts = urlsplit(store_url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise PreflightError(named.option, "over plain http a token can be read on its way", "name the store by an https URL")
    named.load()
    return named
