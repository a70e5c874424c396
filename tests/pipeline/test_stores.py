"""DICOM stores as the options name them, and what is looked at before anything is read."""

import contextlib
import http.server
import json
import socket
import time

import pytest
from on_loopback import Answering, listening

from pipeline.options import parse
from pipeline.stores import READ, WRITE, check_locations, check_store
from transforms.model.dicom_store import store_at
from transforms.model.errors import ConfigError, PreflightError
from transforms.model.names import LOCAL_FHIR_STORE

NAME = "projects/p/locations/{}/datasets/d/dicomStores/{}"
US, EU = (NAME.format(location, "s") for location in ("us", "eu"))
SERVER = "--healthcare_endpoint=http://127.0.0.1:9"


@contextlib.contextmanager
def healthcare(granted):
    """A server of the Healthcare API's shape on loopback with one empty store, on which the caller has these permissions."""

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(200 if self.path.startswith(f"/v1/{US}/dicomWeb/") else 404, b"[]")

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["permissions"]
            said = {"permissions": [one for one in asked if one in granted]}
            self.answer(200 if self.path == f"/v1/{US}:testIamPermissions" else 404, json.dumps(said).encode())

    with listening(Handler) as url:
        yield f"{url}/v1"


def test_what_the_caller_lacks_on_a_store_is_named():
    with healthcare({READ}) as endpoint:
        check_store("--source", store_at("--source", US, endpoint), (READ,))
        with pytest.raises(PreflightError, match=r"--destination is .*the caller lacks healthcare\.dicomStores\.dicomWebWrite"):
            check_store("--destination", store_at("--destination", US, endpoint), (READ, WRITE))
        with pytest.raises(PreflightError, match=r"--source is .*no such DICOM store"):
            check_store("--source", store_at("--source", EU, endpoint), (READ,))


def test_the_preflight_waits_for_a_silent_store_no_longer_than_it_says(monkeypatch):
    monkeypatch.setattr("pipeline.stores.PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = store_at("--source", f"http://127.0.0.1:{silent.getsockname()[1]}/x", None)
        start = time.monotonic()
        with pytest.raises(PreflightError, match="it gives no whole answer"):
            check_store("--source", store, ())
        assert time.monotonic() - start < 30


def test_all_stores_are_in_one_location():
    other, folder, fhir = "http://127.0.0.1:9/dicom-web", "/folder", "projects/p/locations/us/datasets/d/fhirStores/f"
    with pytest.raises(PreflightError, match="--destination: it is in eu, and the store of --source is in us"):
        check_locations({"--source": US, "--destination": EU})
    with pytest.raises(PreflightError, match="--fhir_store: it is in us, and the store of --destination is in eu"):
        check_locations({"--source": folder, "--destination": EU, "--fhir_store": fhir})
    for source, destination, store in (
        (US, US, fhir),
        (US, other, fhir),
        (other, EU, LOCAL_FHIR_STORE),
        (folder, EU, other),
        (US, folder, fhir),
    ):
        check_locations({"--source": source, "--destination": destination, "--fhir_store": store})


@pytest.fixture
def places(tmp_path):
    return [f"--source={US}", f"--workspace={tmp_path / 'ws'}", SERVER]


def test_a_request_names_the_destination_and_no_option_another(places, tmp_path):
    asked = ["--request", json.dumps({"destinationStore": NAME.format("us", "t")})]
    settings = parse([*places, *asked])
    assert settings.destination == NAME.format("us", "t")
    assert settings.destination_store.url == f"http://127.0.0.1:9/v1/{NAME.format('us', 't')}/dicomWeb"
    assert settings.source_store.name == US
    for same in (NAME.format("us", "t"), settings.destination_store.url):
        assert parse([*places, *asked, f"--destination={same}"]).destination == settings.destination
    for other in (tmp_path / "out", NAME.format("us", "other"), "gs://bucket/out"):
        with pytest.raises(ConfigError, match="--destination: the request's destinationStore is another place; leave the option out"):
            parse([*places, *asked, f"--destination={other}"])
    folder = ["--request", json.dumps({"destinationStore": str(tmp_path / "out")})]
    assert parse([*places, *folder]).destination == parse([*places, *folder, f"--destination={tmp_path}/./out/"]).destination
    with pytest.raises(ConfigError, match="--destination: this option is required"):
        parse(places)


@pytest.mark.parametrize("spelling", ["http://localhost:80/pacs", "http://LOCALHOST/pacs/", "http://[::1]/pacs"])
def test_a_store_in_another_spelling_is_neither_quarantine_nor_source_too(places, spelling):
    elsewhere, workspace = "--source=http://pacs.example/other", places[1]
    given = [workspace, "--destination=http://127.0.0.1/pacs"]
    assert parse([elsewhere, *given, f"--quarantine={spelling}/held"])
    with pytest.raises(ConfigError, match="--quarantine: it is confidential, and has to lie apart from the destination"):
        parse([elsewhere, *given, f"--quarantine={spelling}"])
    with pytest.raises(ConfigError, match="--destination: the destination may not lie inside the source"):
        parse([f"--source={spelling}", *given])


@pytest.mark.parametrize(
    ("beam", "share"),
    [
        ([], 600.0),
        (["--direct_running_mode=multi_processing", "--direct_num_workers=4"], 150.0),
        (["--direct_running_mode=multi_threading", "--direct_num_workers=4"], 600.0),
    ],
)
def test_each_process_takes_its_share(places, tmp_path, beam, share):
    settings = parse([*places, f"--destination={tmp_path / 'out'}", "--dicomweb_ops_per_minute=600", *beam])
    assert settings.source_store.ops_per_minute == share


@pytest.mark.parametrize("extra", ["--dicomweb_ops_per_minute=0", "--dicom_token_uri=file:/none"])
def test_what_cannot_be_is_refused(places, tmp_path, extra):
    settings = [*places, f"--destination={tmp_path / 'out'}", extra]
    with pytest.raises((ConfigError, PreflightError), match=extra.split("=")[0]):
        check_store("--source", parse(settings).source_store, (READ,))
