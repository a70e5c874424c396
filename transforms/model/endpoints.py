"""Where Google's services are asked: at their own endpoints, or at those that gcloud's environment variables name.

CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS, …_SECRETMANAGER, …_DLP and …_DATAFLOW; plain http is for loopback and gets no credentials.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from transforms.model.errors import ConfigError, PreflightError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound to it
"""Addresses that name no machine, and are taken for one's own."""
_PORTS = {"http": 80, "https": 443}


def rest_endpoint(service: str, default: str, at: str) -> dict[str, Any]:
    """What the REST transport of a Google client takes: the host, and no credentials for a stand-in on this machine.

    `service` as gcloud names it in its variable; raises PreflightError for the option or field `at`.
    """
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - takes long to import, and only those who use it wait

    named = os.environ.get(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}", "")
    if not named:
        return {"host": default}
    url = urlsplit(named)
    if url.scheme == "http" and url.hostname in LOOPBACK:
        return {"host": url.netloc, "url_scheme": "http", "credentials": AnonymousCredentials()}
    if url.scheme != "https":
        raise PreflightError(at, f"the endpoint of {service} is reached by https, or on this machine", "correct the environment variable")
    return {"host": url.netloc}


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, for itself only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_for_itself(option: str, url: str) -> bool:
    """Whether only this machine reaches the server of a URL. Raises ConfigError for the option where it is no URL."""
    host = _parts(option, url).hostname or ""
    return is_loopback(host) or host in _UNSPECIFIED


def with_version(endpoint: str, version: str) -> str:
    """A server of the Healthcare API, with the version of its API unless it names one. Raises ConfigError where it is no URL."""
    endpoint = endpoint.rstrip("/")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError("--healthcare_endpoint", "an endpoint is a URL", "begin it with https:// or http://", endpoint)
    return endpoint if re.search(r"/v1(beta1)?$", endpoint) else f"{endpoint}/{version}"


def refuse_credentials(option: str, url: str, token_option: str) -> None:
    """Raise ConfigError where something of a store's URL must not be known, or it is no URL."""
    if _parts(option, url).username is not None or {"?", "#"} & set(url):
        why = "a URL becomes part of what is published, so no name, password, query or fragment may stand in it"
        raise ConfigError(option, why, f"give a token by {token_option}")


def canonical_url(option: str, url: str) -> str:
    """One spelling for one place (RFC 3986, 6.2): scheme and host in small letters, no default port, no slash at the end.

    All names of this machine count as one. Raises ConfigError for the option where it is no URL.
    """
    parts = _parts(option, url)
    host = (parts.hostname or "").rstrip(".")
    host = "127.0.0.1" if host in LOOPBACK else f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _parts(option: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ConfigError(option, "this is no URL of a server", "write https://HOST/PATH")
