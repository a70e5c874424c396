"""The Provenance of one published or held instance (the API's page, table and sample; field by field in the tests).

The page knows no held instances. Theirs (`--provenance_for_held`) says the same of what was done; its target is in the
operation's quarantine, a store of its own, and `activity` says that and why it is held. Once a person has released one, its
Provenance is that of any published instance, and says besides who released it, when, and why it had been held.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from transforms.model.keys import Purpose, Secret
from transforms.model.names import OperationName, instance_name
from transforms.model.records import WrittenInstance
from transforms.provenance.aggregate import fits, renderings
from transforms.provenance.ids import agent_identifier, instance_id
from transforms.provenance.phi import Disclosure, Phi
from transforms.provenance.shapes import Shape, to_r4
from transforms.provenance.values import Json, children, decimal, instant

IMAGES_URL = "https://g.co/dicom-images"
TAGS_URL = "https://g.co/dicom-tags"
WIDTH_URL = "https://g.co/WIDTH"
HEIGHT_URL = "https://g.co/HEIGHT"
SIZE_URL = "https://g.co/DICOM_STRUCTURED_SIZE"
OUTCOME_SYSTEM = "urn:dicom-deid:outcome"
"""Of the code in `activity`: `held` or `released`; the text beside it is the code for which it is, or was, held."""
PERSON_SYSTEM = "urn:dicom-deid:person"
"""Of the name of a person who released an instance."""
VERIFIER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "verifier"}]}
"""What such a person is among the agents (R4 valueset-provenance-agent-type)."""


def decided(resource: Json, why_held: str, person: str, moment: dt.datetime) -> Json:
    """The Provenance of an instance that a person releases; `resource` is what it would be without them.

    The person is its second agent, and `recorded` the time of the decision; `occurredPeriod` stays that of the de-identification.
    """
    return {
        **resource,
        "recorded": instant(moment),
        "activity": _activity("released", why_held),
        "agent": [*resource["agent"], {"type": VERIFIER, "who": {"identifier": {"system": PERSON_SYSTEM, "value": person}}}],
    }


def _activity(code: str, text: str) -> Json:
    return {"coding": [{"system": OUTCOME_SYSTEM, "code": code}], "text": text}


class ProvenanceBuilder:
    """Makes the Provenance of the instances of one operation; the same instance gives the same resource."""

    def __init__(self, name: OperationName, secret: Secret, phi: Phi, shape: Shape) -> None:
        self._name, self._shape = name, shape
        self._ids = secret.purpose(Purpose.PROVENANCE)
        self._disclosure = Disclosure(phi, secret.purpose(Purpose.HASH))

    def build(self, written: WrittenInstance) -> Json:
        """The resource, with findings in as few words as the limits of stores ask for."""
        resource: Json = {}
        for images, tags in renderings(written, self._disclosure):
            resource = self._shaped(self._resource(written, images, tags))
            if fits(resource):
                break
        return resource

    def without_findings(self, written: WrittenInstance, why: str) -> Json:
        """The resource of an instance whose findings cannot be told: it says so, and `why` (one word, no value)."""
        bare = dataclasses.replace(written, tags=(), boxes=())
        return self._shaped(self._resource(bare, [], [{"url": "aggregated", "valueString": f"findings could not be recorded: {why}"}]))

    def _shaped(self, resource: Json) -> Json:
        return to_r4(resource) if self._shape is Shape.R4 else resource

    def _resource(self, written: WrittenInstance, images: list[Json], tags: list[Json]) -> Json:
        recorded = instant(written.recorded)
        store = self._name.quarantine_store if written.held else self._name.destination_store
        held = {"activity": _activity("held", written.held)} if written.held else {}
        return {
            "resourceType": "Provenance",
            "id": instance_id(self._ids, self._name, written),
            "target": [{"identifier": {"value": instance_name(store, written.target)}}],
            "occurredPeriod": {"start": instant(written.started), "end": recorded},
            "recorded": recorded,
            **held,
            "agent": [{"who": {"identifier": {"value": agent_identifier(self._name)}}}],
            "entity": [
                {
                    "role": "source",
                    "what": {"identifier": {"value": self._disclosure.source(self._name.source_store, written.source)}},
                    "extension": [
                        *(
                            [decimal(WIDTH_URL, written.columns), decimal(HEIGHT_URL, written.rows)]
                            if written.columns and written.rows
                            else []
                        ),
                        decimal(SIZE_URL, written.structured_size),
                        *children(IMAGES_URL, images),
                        *children(TAGS_URL, tags),
                    ],
                }
            ],
        }
