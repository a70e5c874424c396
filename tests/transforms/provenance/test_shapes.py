import copy

from fhir.resources.R4B.provenance import Provenance

from transforms.model.keys import Secret
from transforms.provenance.instance import ProvenanceBuilder
from transforms.provenance.operation import operation_provenance
from transforms.provenance.phi import Phi
from transforms.provenance.shapes import Shape, to_r4


def both(written, name):
    return [ProvenanceBuilder(name, Secret(b"k" * 32), Phi.INCLUDE, shape).build(written) for shape in (Shape.GOOGLE, Shape.R4)]


def all_extensions(resource):
    stack = [extension for entity in resource["entity"] for extension in entity["extension"]]
    while stack:
        extension = stack.pop()
        stack += extension.get("extension", [])
        yield extension


def facts(resource):
    return sorted(str(value) for extension in all_extensions(resource) for key, value in extension.items() if key.startswith("value"))


def test_r4_obeys_ext_1_and_google_as_the_page_does_not(written, name):
    google, r4 = both(written, name)
    assert any("extension" in extension and "valueDecimal" in extension for extension in all_extensions(google))
    for extension in all_extensions(r4):
        assert ("extension" in extension) != any(key.startswith("value") for key in extension)
    Provenance.model_validate(r4)


def test_both_shapes_hold_the_same_facts(written, name):
    google, r4 = both(written, name)
    assert facts(google) == facts(r4)
    assert {key: value for key, value in google.items() if key != "entity"} == {key: value for key, value in r4.items() if key != "entity"}


def test_the_value_is_the_first_child(written, name):
    _, r4 = both(written, name)
    frame = next(extension for extension in all_extensions(r4) if extension["url"] == "frame-index")
    tag = next(extension for extension in all_extensions(r4) if extension["url"] == "tag-id")
    assert frame["extension"][0] == {"url": "index", "valueDecimal": 0}
    assert tag["extension"][0] == {"url": "tag", "valueString": "00102150"}


def test_the_operation_is_the_same_in_both(written, name):
    resource = operation_provenance(name, "{}", written.started, written.recorded)
    before = copy.deepcopy(resource)
    assert to_r4(resource) == before == resource
