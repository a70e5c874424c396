import json
import pickle

import pytest

from transforms.fhir.client import FhirClient
from transforms.model.credentials import TokenReference, is_google, token_for
from transforms.model.errors import PreflightError, StoreError

RESOURCE = {"resourceType": "Provenance", "id": "a1", "note": "ünïcode"}
SECRET = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", "diagnostics": "DOE^JOHN"}]}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def serve(http_server, time):
    """A client of a server that gives these answers, one after the other and the last for ever: (status, body, headers)."""
    stack = []

    def start(*answers, token=None, path="/base"):
        seen = []

        def answer(handler, body):
            seen.append((handler.command, handler.path, dict(handler.headers), body))
            status, content, headers = answers[min(len(seen), len(answers)) - 1]
            handler.reply(status, content, headers)

        server = http_server(answer)
        stack.append(server)
        client = FhirClient(server.__enter__() + path, token=token, sleep=time.sleep, clock=time.clock, chance=lambda: 0.5)
        return client, seen

    yield start
    for server in stack:
        server.__exit__(None, None, None)


def test_a_put_goes_to_the_resources_own_id(serve):
    client, seen = serve((201, RESOURCE, {}))
    assert client.put(RESOURCE) == RESOURCE
    ((method, path, headers, body),) = seen
    assert (method, path) == ("PUT", "/base/Provenance/a1")
    assert json.loads(body) == RESOURCE
    assert headers["Content-Type"].startswith("application/fhir+json")
    assert "Authorization" not in headers


def test_a_deletion_takes_the_earlier_versions_too_where_the_store_can_and_what_is_gone_is_gone(serve):
    client, seen = serve((204, b"", {}), path="/base")
    client.delete("Provenance/a1")
    assert [call[:2] for call in seen] == [("DELETE", "/base/Provenance/a1")]
    store = "/v1/projects/p/locations/l/datasets/d/fhirStores/f"
    client, seen = serve((410, SECRET, {}), (200, {}, {}), path=store)
    client.delete("Provenance/a1")
    assert [call[:2] for call in seen] == [("DELETE", f"{store}/fhir/Provenance/a1{end}") for end in ("", "/$purge")]
    client, _ = serve((403, SECRET, {}))
    with pytest.raises(StoreError, match="no permission"):
        client.delete("Provenance/a1")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f", "https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f/fhir"),
        (
            "https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f/",
            "https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f/fhir",
        ),
        (
            "https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f/fhir",
            "https://h/v1/projects/p/locations/l/datasets/d/fhirStores/f/fhir",
        ),
        ("http://127.0.0.1:8080/fhir/", "http://127.0.0.1:8080/fhir"),
    ],
)
def test_resources_are_below_fhir_in_a_healthcare_store_only(url, base):
    assert FhirClient(url).base == base


def test_a_call_is_tried_again_with_growing_waits(serve, time):
    client, seen = serve((503, b"", {}), (429, SECRET, {"Retry-After": "9"}), (500, b"", {}), (200, RESOURCE, {}))
    assert client.put(RESOURCE) == RESOURCE
    assert len(seen) == 4
    assert time.slept == [1.5, 9.0, 4.5]


def test_trying_again_ends_at_the_deadline_with_one_sentence(serve, time):
    client, _ = serve((503, SECRET, {}))
    with pytest.raises(StoreError, match=r"HTTP 503 invalid") as caught:
        client.put(RESOURCE)
    assert time.now <= 120
    assert len(time.slept) >= 5
    assert "DOE" not in f"{caught.value!s}{caught.value!r}{caught.value.__cause__}{caught.value.__context__}"


@pytest.mark.parametrize(("status", "mend"), [(400, "log"), (403, "fhirResourceEditor"), (404, "log"), (302, "log")])
def test_a_refusal_is_not_tried_again(serve, time, status, mend):
    client, seen = serve((status, SECRET, {"Location": "http://127.0.0.1:1/"}))
    with pytest.raises(StoreError, match=mend):
        client.put(RESOURCE)
    assert len(seen) == 1
    assert time.slept == []


def test_an_answer_that_is_not_fhir_is_no_success(serve):
    client, _ = serve((200, b"<html>", {}))
    with pytest.raises(StoreError, match="not a FHIR resource"):
        client.get("Provenance/a1")


def test_nobody_there(time):
    client = FhirClient("http://127.0.0.1:1", sleep=time.sleep, clock=time.clock)
    with pytest.raises(StoreError, match="no answer"):
        client.get("metadata", deadline=5)


def test_a_bundle_is_sent_once_whatever_comes_back(serve, time):
    client, seen = serve((503, b"", {"Retry-After": "3"}))
    reply = client.execute_bundle(b"{}")
    assert (reply.status, reply.body, reply.retry_after) == (503, None, 3.0)
    assert len(seen) == 1
    assert seen[0][:2] == ("POST", "/base")
    assert time.slept == []


def test_an_expired_token_is_renewed_once(serve):
    asked = []

    def token(fresh):
        asked.append(fresh)
        return "new" if fresh else "old"

    client, seen = serve((401, SECRET, {}), (200, RESOURCE, {}), token=token)
    assert client.get("Provenance/a1") == RESOURCE
    assert asked == [False, True]
    assert [headers["Authorization"] for _, _, headers, _ in seen] == ["Bearer old", "Bearer new"]


def test_googles_credentials_go_to_google_alone(monkeypatch, tmp_path):
    assert is_google("https://healthcare.googleapis.com/v1/projects/p")
    for url in (
        "http://healthcare.googleapis.com/v1",
        "https://healthcare.googleapis.com.evil.example/v1",
        "https://evilgoogleapis.com",
        "https://evil.example/?https://healthcare.googleapis.com",
        "http://127.0.0.1:80",
    ):
        assert not is_google(url)
        assert token_for(url) is None
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(PreflightError, match="no Google credentials"):
        token_for("https://healthcare.googleapis.com/v1/projects/p/locations/l/datasets/d/fhirStores/f")


def test_a_proxy_of_the_environment_never_sees_local_calls(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    client, _ = serve((200, RESOURCE, {}))
    assert client.get("Provenance/a1") == RESOURCE


def test_a_search_follows_its_pages_but_not_to_another_server(serve):
    other = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"id": "1"}}],
        "link": [{"relation": "next", "url": "http://evil.example/next"}],
    }
    client, _ = serve((200, other, {}))
    found = client.search("Provenance?_count=1")
    assert next(found) == {"id": "1"}
    with pytest.raises(StoreError, match="another server"):
        next(found)


def test_an_answer_that_is_no_bundle_is_no_search(serve):
    client, _ = serve((200, RESOURCE, {}))
    with pytest.raises(StoreError, match="not a Bundle"):
        next(client.search("Provenance/a1"))


def test_a_next_page_may_be_a_query_on_the_base_itself(http_server):
    """As HAPI's: `BASE?_getpages=…`, not `BASE/Provenance?…`."""
    asked = []

    def answer(handler, _body):
        asked.append(handler.path)
        following = {"relation": "next", "url": f"http://{handler.headers['Host']}/fhir?_getpages=a1&_offset={len(asked)}"}
        page = {"resourceType": "Bundle", "entry": [{"resource": {"id": str(len(asked))}}], "link": [following] if len(asked) < 3 else []}
        handler.reply(200, page)

    with http_server(answer) as url:
        assert [one["id"] for one in FhirClient(f"{url}/fhir").search("Provenance?_count=1")] == ["1", "2", "3"]
    assert asked == ["/fhir/Provenance?_count=1", "/fhir?_getpages=a1&_offset=1", "/fhir?_getpages=a1&_offset=2"]


def test_a_named_token_is_read_each_time_and_never_travels(serve, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    reference = TokenReference(f"file:{file}")
    client, seen = serve((200, RESOURCE, {}), token=token_for("http://127.0.0.1:1/fhir", reference))
    client.get("Provenance/a1")
    file.write_text("second")
    client.get("Provenance/a1")
    assert [headers["Authorization"] for _, _, headers, _ in seen] == ["Bearer first", "Bearer second"]
    assert b"second" not in pickle.dumps(reference)
    file.unlink()
    assert client.execute_bundle(b"{}").status == 0


@pytest.mark.parametrize(
    ("uri", "content", "says"),
    [
        ("file:{}", None, "cannot be read"),
        ("file:{}", "", "not a bearer token"),
        ("file:{}", "two words", "not a bearer token"),
        ("env:DEID_NO_SUCH_TOKEN", None, "cannot be read"),
        ("swordfish", None, "only file:PATH and env:NAME"),
    ],
)
def test_a_token_that_is_not_there_is_one_sentence_without_it(tmp_path, uri, content, says):
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(PreflightError, match=says) as caught:
        token_for("https://h/fhir", TokenReference(uri.format(tmp_path / "token")))
    assert "swordfish" not in str(caught.value)
    assert "two words" not in str(caught.value)


def test_a_token_never_goes_over_the_network_in_the_clear(monkeypatch):
    monkeypatch.setenv("DEID_TOKEN", "swordfish")
    reference = TokenReference("env:DEID_TOKEN")
    assert token_for("http://localhost:8080/fhir", reference)(False) == "swordfish"
    with pytest.raises(PreflightError, match="plain http"):
        token_for("http://hospital.example/fhir", reference)


def test_whether_a_resource_is_there(serve):
    for status, answer in ((200, True), (404, False), (410, False)):
        client, _ = serve((status, RESOURCE if status == 200 else SECRET, {}))
        assert client.has("Provenance/a1") is answer
    client, _ = serve((403, SECRET, {}))
    with pytest.raises(StoreError, match="permission"):
        client.has("Provenance/a1")
