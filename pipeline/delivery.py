"""Where the Provenance of an operation goes and how; kept in its folder, so that a replay knows it too."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from pipeline.local.store_process import running_store
from transforms.fhir.client import FhirClient
from transforms.model.credentials import TokenReference, token_for
from transforms.model.errors import ConfigError
from transforms.model.storage import replace
from transforms.model.workspace import OperationFolder, Workspace


@dataclasses.dataclass(frozen=True)
class Delivery:
    """One store and the way to it. Holds references only."""

    name: str
    """`projects/…/fhirStores/ID`, or the base URL of a plain FHIR server."""
    url: str | None
    """None: the embedded store of the workspace, which has no address before it runs."""
    token: TokenReference | None = None
    write_ops_per_minute: int | None = None

    @contextlib.contextmanager
    def address(self, workspace: Workspace) -> Iterator[str]:
        """The store's URL; the embedded one runs during the block."""
        if self.url is not None:
            yield self.url
            return
        with running_store(workspace, self.write_ops_per_minute) as base:
            yield f"{base}/v1beta1/{self.name}"

    def client(self, address: str) -> contextlib.closing[FhirClient]:
        """A client of the store, to be used as a context. Raises PreflightError where its credentials are not there."""
        return contextlib.closing(FhirClient(address, token_for(address, self.token)))

    def by(self, url: str | None, token: TokenReference | None, write_ops_per_minute: int | None) -> Delivery:
        """The same store by another way, as far as one is given. Raises ConfigError."""
        if url is not None and not url.startswith(("http://", "https://")):
            raise ConfigError("--fhir_store", "a replay takes the URL of a store", "begin it with https:// or http://", url)
        check_quota("--fhir_write_ops_per_minute", write_ops_per_minute)
        return Delivery(self.name, url or self.url, token or self.token, write_ops_per_minute or self.write_ops_per_minute)

    def save(self, folder: OperationFolder) -> None:
        """Remember it, in place of what was there: a later run may come to the same store by another way."""
        replace(folder.delivery_file, json.dumps(dataclasses.asdict(self), indent=1).encode() + b"\n")

    def without_server(self, endpoint: str) -> Delivery:
        """The same, but as the embedded store where it was reached by a server of its workspace, which will not be there."""
        return Delivery(self.name, None, None, self.write_ops_per_minute) if self.url == f"{endpoint}/{self.name}" else self

    @classmethod
    def load(cls, folder: OperationFolder) -> Delivery:
        """What the operation's latest run used. Raises ConfigError if there was none."""
        try:
            known = json.loads(folder.delivery_file.read_text())
        except FileNotFoundError:
            why = "no run of this operation has come as far as its FHIR store"
            raise ConfigError("--operation", why, "start its run command again") from None
        token = known.pop("token")
        return cls(**known, token=TokenReference(**token) if token else None)


def check_quota(option: str, quota: int | None) -> None:
    """Raise ConfigError for a quota that lets nothing through."""
    if quota is not None and quota < 1:
        raise ConfigError(option, "a quota is at least 1", "give the store's quota", str(quota))


def announce(client: FhirClient, resource: dict[str, Any], new: bool) -> None:
    """Put the operation's Provenance, once: where it is not `new`, only to a store that lacks it. Raises StoreError."""
    if new or not client.has(f"Provenance/{resource['id']}"):
        client.put(resource)
