import json
from pathlib import Path

import pytest
from fhir.resources.R4B.searchparameter import SearchParameter

from transforms.fhir.parameters import OURS, search_parameters

SEED_PAGE = Path(__file__).parents[2] / "seed_page"


def test_the_pages_two_are_as_written_there():
    shipped = [resource for url, resource in search_parameters().items() if not url.startswith(OURS)]
    for name in ("lookup-source", "relative-x"):
        page = json.loads((SEED_PAGE / f"search-parameter-{name}.json").read_bytes())
        assert {**page, "id": page["code"]} in shipped
    assert len(shipped) == 2


@pytest.mark.parametrize("resource", search_parameters().values(), ids=lambda resource: resource["code"])
def test_each_is_valid_r4(resource):
    assert SearchParameter.model_validate(resource).id == resource["code"]


def test_ours_use_what_every_engine_evaluates_alike():
    ours = [resource for url, resource in search_parameters().items() if url.startswith(OURS)]
    assert len(ours) == 11
    for resource in ours:
        assert "extension(" not in resource["expression"]
        assert " as " not in resource["expression"]
        assert ".as(" not in resource["expression"]
        assert resource["url"] == OURS + resource["code"]
