"""The Provenance of a whole operation, in the shape of the API's page: PUT once, before anything is written."""

from __future__ import annotations

import datetime as dt

from transforms.model.names import OperationName
from transforms.provenance.phi import Phi
from transforms.provenance.values import Json, instant

OPERATION_SYSTEM = "https://g.co/healthcare/operation"
CONFIG_URL = "https://g.co/deidentify-config"


def operation_provenance(name: OperationName, config: str, started: dt.datetime, recorded: dt.datetime, phi: str = Phi.INCLUDE) -> Json:
    """What was run, from where to where, under which config, and when it started.

    `config` is `DeidentifyConfig.to_json()`, which holds no key material, or where on Cloud Storage it is, with a time. The
    resource is never updated: from FHIR alone, the operation took from its `occurredDateTime` to the latest `recorded` of its
    instances. Where the instances do not repeat texts as they were (`phi`), `policy` says what stands in their place.
    """
    resource: Json = {
        "resourceType": "Provenance",
        "id": name.provenance_id,
        "target": [{"identifier": {"value": name.destination_store}}],
        "occurredDateTime": instant(started),
        "recorded": instant(recorded),
        "agent": [{"who": {"identifier": {"system": OPERATION_SYSTEM, "value": name.name}}}],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"value": name.source_store}},
                "extension": [{"url": CONFIG_URL, "valueString": config}],
            }
        ],
    }
    if Phi(phi) is not Phi.INCLUDE:
        resource["policy"] = [Phi(phi).policy]
    return resource
