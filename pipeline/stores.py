"""DICOM stores as source and destination: which are meant by the options, and whether they can be used."""

from __future__ import annotations

import argparse
import dataclasses
import json

from transforms.model.credentials import TokenReference
from transforms.model.dicom_store import DicomStore, is_store, store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder
from transforms.write.destination import Destination, Folder, Store

PATIENCE = 10.0
"""Seconds in which a store must answer."""
READ, WRITE = "healthcare.dicomStores.dicomWebRead", "healthcare.dicomStores.dicomWebWrite"
"""roles/healthcare.dicomViewer has the first, roles/healthcare.dicomEditor both (access control page)."""


def dicom_store(known: argparse.Namespace, name: str, processes: int) -> DicomStore | None:
    """The store that --source or --destination means, with a process's share of the quota; None for a folder. Raises ConfigError."""
    given, quota = getattr(known, name), known.dicomweb_ops_per_minute
    if quota is not None and quota < 1:
        raise ConfigError("--dicomweb_ops_per_minute", "a quota is at least 1", "give the stores' quota", str(quota))
    if not is_store(given):
        return None
    token = TokenReference(known.dicom_token_uri, "--dicom_token_uri") if known.dicom_token_uri else None
    return store_at(f"--{name}", given, known.healthcare_endpoint, token, quota / processes if quota else None)


def remember_store(folder: OperationFolder, destination: DicomStore | None) -> None:
    """Keep the way to an operation's destination, where it is a store, for a release."""
    if destination is None:
        remove(folder.destination_store_file)
    else:
        replace(folder.destination_store_file, json.dumps(dataclasses.asdict(destination)).encode() + b"\n")


def known_destination(folder: OperationFolder) -> Destination:
    """Where the operation's latest run published."""
    try:
        known = json.loads(folder.destination_store_file.read_bytes())
    except FileNotFoundError:
        return Folder(folder.destination_file.read_bytes().decode(errors="surrogateescape"))
    token = known.pop("token")
    return Store(DicomStore(**known, token=TokenReference(**token) if token else None))


def check_locations(source: DicomStore | None, destination: DicomStore | None) -> None:
    """Raise PreflightError where they are in different locations: the API wants one, so that data stay in theirs."""
    if source and destination and source.location and destination.location and source.location != destination.location:
        why = f"it is in {destination.location}, and the source is in {source.location}"
        raise PreflightError("--destination", why, "name a store in the location of the source")


def check_store(option: str, store: DicomStore, permissions: tuple[str, ...]) -> None:
    """Raise PreflightError unless the store is there and may be used in that way."""
    client = DicomWebClient(store, deadline=PATIENCE)
    try:
        client.search("studies", {"limit": "1"})
        allowed = client.allowed(permissions)
    except StoreError as fault:
        if fault.got.startswith("HTTP 404"):
            raise PreflightError(option, "there is no such DICOM store (HTTP 404)", "make it, or correct its name", store.name) from None
        raise PreflightError(option, f"{fault.why} ({fault.got or 'QIDO-RS'})", fault.mend, store.name) from None
    missing = [] if allowed is None else [permission for permission in permissions if permission not in allowed]
    if missing:
        why = f"the caller lacks {' and '.join(missing)}"
        raise PreflightError(option, why, "grant roles/healthcare.dicomEditor on the store", store.name)
