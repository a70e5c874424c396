"""DICOM stores as source and destination: which are meant by options and request, and whether they can be used."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence

from pipeline.delivery import check_quota
from pipeline.quota import processes
from pipeline.tokens import with_tokens
from transforms.bigquery.operation import TableTarget
from transforms.bigquery.preflight import check_bigquery_table
from transforms.model.dicom_store import DicomStore, canonical_store, is_store, store_at
from transforms.model.dicomweb import DicomWebClient
from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.names import LOCAL_DATASET
from transforms.model.places import Place
from transforms.model.storage import canonical, remove, replace
from transforms.model.workspace import OperationFolder
from transforms.write.destination import Folder, Store
from transforms.write.preflight import check_destination

PATIENCE = 10.0
"""Seconds in which a store must answer."""
READ, WRITE = "healthcare.dicomStores.dicomWebRead", "healthcare.dicomStores.dicomWebWrite"
"""roles/healthcare.dicomViewer has the first, roles/healthcare.dicomEditor both (access control page)."""
_LOCATION = re.compile(rf"(?!{LOCAL_DATASET}/)projects/[^/]+/locations/([^/]+)/")
"""Of a resource of the Healthcare API; our own dataset is nowhere."""


def dicom_stores(known: argparse.Namespace, runner: str, beam: Sequence[str]) -> dict[str, DicomStore | None]:
    """The stores that source, destination and quarantine mean, each with a process's share of the quota and the token of its server;
    None for a folder. Raises ConfigError.
    """
    quota = known.dicomweb_ops_per_minute
    check_quota("--dicomweb_ops_per_minute", quota)
    given = {name: getattr(known, name) for name in ("source", "destination", "quarantine")}
    named = {name: place for name, place in given.items() if place and is_store(place)}
    share = quota / processes(runner, beam) if quota and named else None
    found = {name: store_at(f"--{name}", place, known.healthcare_endpoint, share) for name, place in named.items()}
    if known.dicom_token_uri:
        found = dict(zip(found, with_tokens(found.values(), known.dicom_token_uri), strict=True))
    return {name: found.get(name) for name in given}


def asked_destination(asked: str, given: str | None) -> str:
    """The destinationStore of a request. Raises ConfigError where --destination, if it is given, names another place."""
    if given and _one_spelling(given) != _one_spelling(asked):
        raise ConfigError("--destination", "the request's destinationStore is another place", "leave the option out, or name the same")
    return given or asked


def _one_spelling(destination: str) -> str:
    return canonical_store("--destination", destination) if is_store(destination) else canonical(destination)


def remember_store(file: Place, store: DicomStore | None) -> None:
    """Keep the way to a store of an operation, where there is one, for its release."""
    if store is None:
        remove(file)
    else:
        replace(file, store.to_json())


def known_destination(folder: OperationFolder) -> Folder | Store:
    """Where the operation's latest run published."""
    try:
        return Store(DicomStore.from_json(folder.destination_store_file.read_bytes()))
    except FileNotFoundError:
        return Folder(folder.destination_file.read_bytes().decode(errors="surrogateescape"))


def check_sinks(destination: Folder | Store, bigquery: TableTarget | None) -> None:
    """Raise PreflightError unless destination and table can take what is to be written."""
    if isinstance(destination, Store):
        check_store("--destination", destination.store, (READ, WRITE))
    else:
        check_destination(destination.name)
    if bigquery:
        check_bigquery_table(bigquery)


def check_locations(stores: Mapping[str, str]) -> None:
    """Raise PreflightError where stores (option → name) are in different locations: the API wants one, so that data stay in theirs."""
    known = {option: found[1] for option, name in stores.items() if (found := _LOCATION.match(name))}
    for option, location in known.items():
        first, wanted = next(iter(known.items()))
        if location != wanted:
            raise PreflightError(option, f"it is in {location}, and the store of {first} is in {wanted}", f"name a store in {wanted}")


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
