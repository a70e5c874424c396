"""Search parameters that are configured are indexed, and those before them are not searched any more."""

import pytest

from pipeline.local import fhir_configure
from pipeline.local.fhir_resource import Refusal

BOTTOM = "relative-x-coordinate-bottom-left"
SOURCE = "lookup-source-instance"


def test_a_configuration_replaces_the_one_before(filled, database, store, found):
    fhir_configure.configure(database, store, [SOURCE])
    assert found(f"{SOURCE}:contains=instances/3") == ["a"]
    with pytest.raises(Refusal, match="unknown"):
        found(f"{BOTTOM}=le0.05")
    with database.read(store) as reader:
        assert [one["canonicalUrl"] for one in fhir_configure.configured(reader)] == [SOURCE]


def test_indexing_goes_on_where_a_kill_left_it(database, store, provenance, found):
    for number in range(250):
        with database.write(store) as writer:
            writer.put("Provenance", f"p{number}", provenance(f"p{number}", bottoms=(0.5,)))
    with database.write(store) as writer:
        writer.put("SearchParameter", "s", _number_parameter())
    operation = fhir_configure.configure(database, store, ["https://example.org/bottom"])
    assert fhir_configure._step(database, store, operation["name"])
    assert fhir_configure.unfinished(database) == [(store, operation["name"])]
    fhir_configure.reindex(database, store, operation["name"])
    assert fhir_configure.unfinished(database) == []
    with database.read(store) as reader:
        state = reader.operation(operation["name"])
        assert reader.connection.execute("SELECT count(*) FROM search_values WHERE low = 0.5").fetchone() == (250,)
    assert state["done"]
    assert state["metadata"]["counter"] == {"pending": "0", "success": "251", "failure": "0"}


def test_validate_only_changes_nothing(database, store, found):
    with database.write(store) as writer:
        writer.put("SearchParameter", "s", _number_parameter())
    assert fhir_configure.configure(database, store, ["https://example.org/bottom"], validate_only=True)["done"]
    with pytest.raises(Refusal, match="unknown"):
        found("bottom=1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "composite"}, "cannot be indexed"),
        ({"base": ["Patient"]}, "none of the types"),
        ({"expression": ""}, "no expression"),
        ({"expression": "(("}, "not a FHIRPath expression"),
        ({"code": "recorded"}, "built in"),
        ({"url": "https://example.org/other"}, "no SearchParameter"),
    ],
)
def test_a_search_parameter_that_cannot_be_used_is_refused(database, store, change, message):
    with database.write(store) as writer:
        writer.put("SearchParameter", "s", _number_parameter() | change)
    with pytest.raises(Refusal, match=message) as refused:
        fhir_configure.configure(database, store, ["https://example.org/bottom"])
    assert refused.value.status == 400


def _number_parameter():
    return {
        "resourceType": "SearchParameter",
        "url": "https://example.org/bottom",
        "name": "bottom",
        "status": "active",
        "description": "bottom edge",
        "code": "bottom",
        "base": ["Provenance"],
        "type": "number",
        "expression": "Provenance.entity.extension('https://g.co/dicom-images').extension('frame-index').extension('relative-bottom').value",
    }
