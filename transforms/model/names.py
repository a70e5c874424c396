"""The names under which stores, instances and operations are known outside (DESIGN 10)."""

from __future__ import annotations

import dataclasses
import re
from typing import NamedTuple

from transforms.model.keys import PurposeKey
from transforms.model.records import InstanceUids

HEALTHCARE_HOST = "healthcare.googleapis.com"
HEALTHCARE_API = f"https://{HEALTHCARE_HOST}"
LOCAL_DATASET = "projects/local/locations/local/datasets/local"
_HEALTHCARE = re.compile(rf"{re.escape(HEALTHCARE_API)}/(projects/.+)/dicomStores/")
LOCAL_FHIR_STORE = f"{LOCAL_DATASET}/fhirStores/provenance"


def local_store(key: PurposeKey, canonical_uri: str) -> str:
    """The DICOM store name of a folder: keyed, without a host, since there is none. `key` is of Purpose.OPERATION."""
    return f"{LOCAL_DATASET}/dicomStores/{key.hex('store', canonical_uri, digits=16)}"


def instance_name(store: str, uids: InstanceUids) -> str:
    """`<base>/dicomWeb/studies/…/series/…/instances/…`."""
    return f"{store}/dicomWeb/{uids.path}"


def reference(key: PurposeKey, canonical_uri: str) -> str:
    """The opaque reference of a source instance; `key` is of Purpose.OPERATION."""
    return key.hex("reference", canonical_uri, digits=16)


class Asked(NamedTuple):
    """What an operation was asked for, as keyed hashes (`request.asked_for`)."""

    exactly: str
    """Whoever asks for anything else asks for another operation."""
    of_all: str
    """The same but for the list of instances of `filterConfig`: what a schedule asks for, each time of others."""


@dataclasses.dataclass(frozen=True)
class OperationName:
    """Who writes: everything the Provenance of one operation says about the run itself. No PHI."""

    operation_id: str
    source_store: str
    """As instances of it are named (`DicomStore.base`, `local_store`); so too the destination."""
    destination_store: str
    fhir_store: str
    """`projects/…/fhirStores/ID`, or the base URL of another FHIR server."""

    @property
    def dataset(self) -> str:
        """The dataset the operation belongs to: that of the source, else of the metadata store, else the local one."""
        source = _HEALTHCARE.match(self.source_store)
        if source:
            return source[1]
        head, found, _ = self.fhir_store.partition("/fhirStores/")
        return head if found and head.startswith("projects/") else LOCAL_DATASET

    @property
    def quarantine_store(self) -> str:
        """The quarantine of the operation as a DICOM store: what is held there is in no other."""
        return f"{LOCAL_DATASET}/dicomStores/quarantine-{self.operation_id}"

    @property
    def name(self) -> str:
        """`projects/…/operations/ID`."""
        return f"{self.dataset}/operations/{self.operation_id}"

    @property
    def provenance_id(self) -> str:
        """The id of the operation's Provenance."""
        return f"operation-{self.operation_id}"
