"""Which server of DICOM stores gets which bearer token (`--dicom_token_uri`): none sees another's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from transforms.model.credentials import TokenReference, is_google
from transforms.model.dicom_store import DicomStore
from transforms.model.endpoints import canonical_url
from transforms.model.errors import ConfigError

_OPTION = "--dicom_token_uri"
_OF_A_SERVER = re.compile(r"(?P<server>[^,=/]+)=(?P<uri>(?:file|env):.+?)(?:,(?=[^,=/]+=(?:file|env):)|$)")


def with_tokens(stores: Collection[DicomStore], given: str) -> list[DicomStore]:
    """The stores, each with the token of its server. `given`: one for the only server, or a list `HOST[:PORT]=URI,HOST[:PORT]=URI`.

    Google's servers take Application Default Credentials, and no token. Raises ConfigError where one would go to nobody, or to two.
    """
    servers = {_server(store.url) for store in stores if not is_google(store.url)}
    if _OF_A_SERVER.match(given):
        named = {server: uri for server in servers for host, uri in _OF_A_SERVER.findall(given) if server == _server(_at(server, host))}
    elif len(servers) == 1:
        named = dict.fromkeys(servers, given)
    elif servers:
        raise ConfigError(_OPTION, "two servers of the run would get one token", "write HOST=file:PATH,HOST=file:PATH, one for each")
    else:
        raise ConfigError(_OPTION, "no DICOM store of the run takes it; Google's take Application Default Credentials", "leave it out")
    uris = [named.get(_server(store.url)) for store in stores]
    return [
        dataclasses.replace(store, token=TokenReference(uri, _OPTION) if uri else None) for store, uri in zip(stores, uris, strict=True)
    ]


def _server(url: str) -> str:
    """Its scheme, host and port, in one spelling."""
    parts = urlsplit(url)
    return canonical_url(_OPTION, f"{parts.scheme}://{parts.netloc}")


def _at(server: str, host: str) -> str:
    """The URL of a host that is named without a scheme."""
    return f"{urlsplit(server).scheme}://{host}"
