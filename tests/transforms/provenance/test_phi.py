import dataclasses
import json

import pytest

from transforms.model.keys import Secret
from transforms.model.records import Action, BoxFinding, InstanceUids, TagFinding
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape

PLANTED = ("ZZYZX^QUILL", "19431207", "1.2.826.0.1.3680043.77.1", "1.2.826.0.1.3680043.77.2", "1.2.826.0.1.3680043.77.3")


@pytest.fixture
def planted(written):
    name, birth, *uids = PLANTED
    return dataclasses.replace(
        written,
        source=InstanceUids(*uids),
        tags=(
            TagFinding("00100010", Action.RESET, "Matched ID: 00100010", original=name, replaced="P1"),
            TagFinding("00100030", Action.REMOVED, "Matched ID: 00100030", original=birth),
            TagFinding("0020000D", Action.REGENERATED_UID, "Matched ID: 0020000D", original=uids[0], replaced="2.25.1"),
        ),
        boxes=(BoxFinding(0, 1, 1, 5, 5, name, 0.9), BoxFinding(0, 9, 1, 15, 5, birth, 0.9)),
    )


def text_of(resource):
    return json.dumps(resource)


def build(written, name, phi, secret=None):
    return ProvenanceBuilder(name, secret or Secret(b"k" * 32), phi, Shape.GOOGLE).build(written)


def extensions(resource, url):
    stack, hits = list(resource["entity"][0]["extension"]), []
    while stack:
        extension = stack.pop(0)
        stack = extension.get("extension", []) + stack
        if extension["url"] == url:
            hits.append(extension.get("valueString"))
    return hits


def test_include_repeats_what_was_there(planted, name):
    text = text_of(build(planted, name, Phi.INCLUDE))
    assert all(token in text for token in PLANTED)


@pytest.mark.parametrize("phi", [Phi.HASH, Phi.OMIT])
def test_neither_hash_nor_omit_lets_an_original_through(planted, name, phi):
    resource = build(planted, name, phi)
    text = text_of(resource)
    assert [token for token in PLANTED if token in text] == []
    assert extensions(resource, "text-replaced") == ["P1", "2.25.1"]
    assert extensions(resource, "deidentify-action") == ["RESET", "REMOVED", "REGENERATED UID"]
    assert resource["id"] == build(planted, name, Phi.INCLUDE)["id"]


def test_a_hash_links_equal_texts_and_needs_the_key(planted, name):
    resource = build(planted, name, Phi.HASH)
    assert extensions(resource, "quote") == extensions(resource, "text-original")[:2]
    assert len(extensions(resource, "extracted-text")) == 1
    assert extensions(resource, "quote") != extensions(build(planted, name, Phi.HASH, Secret(b"j" * 32)), "quote")


def test_a_hashed_source_still_groups_by_study(planted, name):
    one = build(planted, name, Phi.HASH)["entity"][0]["what"]["identifier"]["value"]
    sibling = dataclasses.replace(planted, source=dataclasses.replace(planted.source, instance="1.9"))
    other = build(sibling, name, Phi.HASH)["entity"][0]["what"]["identifier"]["value"]
    assert one.startswith(f"{name.source_store}/dicomWeb/studies/")
    assert one != other
    assert one.partition("/instances/")[0] == other.partition("/instances/")[0]


def test_a_uid_has_one_hash_in_the_sources_name_and_among_the_findings(planted, name):
    resource = build(planted, name, Phi.HASH)
    study = extensions(resource, "text-original")[2]
    assert f"/studies/{study}/series/" in resource["entity"][0]["what"]["identifier"]["value"]


def test_omit_leaves_no_text_and_only_the_source_store(planted, name):
    resource = build(planted, name, Phi.OMIT)
    assert extensions(resource, "quote") + extensions(resource, "text-original") + extensions(resource, "extracted-text") == []
    assert resource["entity"][0]["what"] == {"identifier": {"value": name.source_store}}
