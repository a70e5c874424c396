"""Names and ids in Provenance (DESIGN 10): deterministic, keyed, without PHI."""

from __future__ import annotations

from transforms.model.keys import PurposeKey
from transforms.model.names import OperationName, instance_name
from transforms.model.records import InstanceUids, WrittenInstance

ID_PREFIX = "i"
"""Begins an instance's id: HAPI refuses ids that are digits alone, which of 32 hex digits three in ten million are."""
ID_DIGITS = 32
"""Hex digits of an instance's id: 128 bits. R4 ids are `[A-Za-z0-9-.]{1,64}`."""


def agent_identifier(name: OperationName) -> str:
    """The operation's Provenance as the agent of its instances: `<FHIR store>/fhir/Provenance/operation-…`, bare as on the page."""
    base = name.fhir_store.rstrip("/")
    return f"{base}{'/fhir' if '/fhirStores/' in base else ''}/Provenance/{name.provenance_id}"


def source_id(key: PurposeKey, name: OperationName, source: InstanceUids, apart: str) -> str:
    """The id of a Provenance by its operation and source instance; `apart` tells sources with the same UIDs apart."""
    instance = instance_name(name.source_store, source)
    return ID_PREFIX + key.hex("instance", name.operation_id, instance, apart, digits=ID_DIGITS)


def instance_id(key: PurposeKey, name: OperationName, written: WrittenInstance) -> str:
    """The id of one instance's Provenance: a keyed hash (`Purpose.PROVENANCE`) of the operation and the source instance.

    Sources that share their UIDs are told apart by the content hash that told them apart when they were listed, or, where
    they are held because of it, by their references, even once a person has released one: hold and release have one id.
    """
    apart = written.ref.reference if written.ref.hold else written.ref.distinct
    return source_id(key, name, written.source, apart)
