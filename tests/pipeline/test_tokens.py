"""Which server gets which token, on servers of the network's and of Google's kind."""

import pytest

from pipeline.options import parse
from transforms.model.errors import ConfigError

NAME = "projects/p/locations/us/datasets/d/dicomStores/"
GOOGLE = "https://healthcare.googleapis.com/v1"
PACS, RESEARCH = "https://pacs.example/dicom-web", "http://127.0.0.1:8042/dicom-web"


@pytest.fixture
def tokens(tmp_path):
    """A function from places and option to what each server's store would send."""

    def parsed(given, source, destination, *more):
        places = [f"--source={source}", f"--destination={destination}", f"--workspace={tmp_path / 'ws'}", *more]
        settings = parse([*places, f"--dicom_token_uri={given}"])
        stores = (settings.source_store, settings.destination_store, settings.quarantine_store)
        return [store.token and store.token.uri for store in stores if store]

    return parsed


def test_googles_servers_never_get_the_token_of_another(tokens, tmp_path):
    assert tokens("file:/t", f"{GOOGLE}/{NAME}a", PACS) == [None, "file:/t"]
    assert tokens("env:T", PACS, f"{NAME}b", f"--healthcare_endpoint={GOOGLE}") == ["env:T", None]
    assert tokens("healthcare.googleapis.com=env:G,pacs.example=env:T", f"{GOOGLE}/{NAME}a", PACS) == [None, "env:T"]
    for destination in (f"{GOOGLE}/{NAME}b", tmp_path / "out"):
        with pytest.raises(ConfigError, match=r"--dicom_token_uri: no DICOM store of the run takes it; Google's take .*; leave it out"):
            tokens("file:/t", f"{GOOGLE}/{NAME}a", destination)


def test_one_token_goes_to_one_server_only(tokens, tmp_path):
    assert tokens("file:/a=b,c", PACS, "https://pacs.example:443/2", "--quarantine=https://PACS.example/held") == ["file:/a=b,c"] * 3
    assert tokens("file:/t", PACS, tmp_path / "out") == ["file:/t"]
    for second in (RESEARCH, "https://pacs.example:8443/x", "http://pacs.example/x"):
        with pytest.raises(ConfigError, match="--dicom_token_uri: two servers of the run would get one token; write HOST=file:PATH,HOST"):
            tokens("file:/t", PACS, second)


def test_each_of_two_servers_has_its_own(tokens):
    given = "Pacs.Example:443=file:/a,b=c,localhost:8042=env:R"
    assert tokens(given, PACS, RESEARCH, f"--quarantine={RESEARCH}/held") == ["file:/a,b=c", "env:R", "env:R"]
    assert tokens("pacs.example=file:/t", PACS, RESEARCH) == ["file:/t", None]
    assert tokens("pacs.example:8443=file:/t", PACS, RESEARCH) == [None, None]
