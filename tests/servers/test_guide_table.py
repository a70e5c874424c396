"""docs/fhir-servers.md says what the three servers answer to the calls of the source page."""

import page_calls
import pytest

pytestmark = pytest.mark.servers("hapi", "medplum")


def test_the_guide_says_what_each_server_answers(embedded, hapi, medplum):
    """Where this fails because an answer has changed for good: python tests/servers/page_calls.py."""
    bases = {page_calls.EMBEDDED: f"{embedded}/fhir", page_calls.HAPI: hapi, page_calls.MEDPLUM: medplum}
    assert page_calls.table({server: page_calls.answers(base) for server, base in bases.items()}) == page_calls.written()
