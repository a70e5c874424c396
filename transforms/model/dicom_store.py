"""The names of DICOM stores: `projects/…/dicomStores/ID` on a server of the Healthcare API, or the URL of any DICOMweb server."""

from __future__ import annotations

import dataclasses
import json
import re

from transforms.model.credentials import TokenReference
from transforms.model.endpoints import canonical_url, refuse_credentials, with_version
from transforms.model.errors import ConfigError
from transforms.model.names import HEALTHCARE_API

STORE = re.compile(r"projects/[^/]+/locations/[^/]+/datasets/[^/]+/dicomStores/[^/]+")


@dataclasses.dataclass(frozen=True)
class DicomStore:
    """A store and the way to it. References only: it is pickled."""

    name: str
    """`projects/…/dicomStores/ID`, or the URL of another DICOMweb server; what the store is known by, however it is reached."""
    url: str
    """Below it are `studies` (PS3.18, 10)."""
    token: TokenReference | None = None
    ops_per_minute: float | None = None
    """What one process may take of the quota."""

    @property
    def base(self) -> str:
        """What instances are named by in Provenance (DESIGN 10): of a Healthcare API store Google's name for it, without a version."""
        return f"{HEALTHCARE_API}/{self.name}" if STORE.fullmatch(self.name) else self.name

    @property
    def resource(self) -> str | None:
        """The URL of the DicomStore resource; None where the server is not shaped as the Healthcare API."""
        found = re.search(rf"^.*/{STORE.pattern}", self.url)
        return found[0] if found else None

    def to_json(self) -> bytes:
        """To be kept in a workspace."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, kept: bytes) -> DicomStore:
        """What `to_json` made."""
        known = json.loads(kept)
        token = known.pop("token")
        return cls(**known, token=TokenReference(**token) if token else None)


def is_store(name: str) -> bool:
    """Whether a source or destination is named as a DICOM store."""
    return name.startswith(("http://", "https://")) or STORE.fullmatch(name) is not None


def canonical_store(option: str, name: str) -> str:
    """One spelling for one store: its `projects/…` name where it has one, else of its URL. Raises ConfigError for the option."""
    if STORE.fullmatch(name):
        return name
    refuse_credentials(option, name, "--dicom_token_uri")
    found = STORE.search(name)
    return found[0] if found else canonical_url(option, name).removesuffix("/dicomWeb").rstrip("/")


def store_at(option: str, name: str, endpoint: str | None, ops_per_minute: float | None = None) -> DicomStore:
    """The store that `name` means; a `projects/…` name is one on the server `endpoint`. Raises ConfigError for the option."""
    known = canonical_store(option, name)
    if not name.startswith(("http://", "https://")):
        if endpoint is None:
            why = "a store of that name is on a server, and none is named"
            raise ConfigError("--healthcare_endpoint", why, f"give it, such as {HEALTHCARE_API}/v1", name)
        name = f"{with_version(endpoint, 'v1')}/{name}"
    url = name.rstrip("/")
    if re.search(rf"/{STORE.pattern}$", url):
        url += "/dicomWeb"
    return DicomStore(known, url, ops_per_minute=ops_per_minute)
