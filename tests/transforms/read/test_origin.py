"""A DICOM store is listed page by page, whatever comes to it meanwhile; QIDO-RS is answered on loopback, in the order of UIDs."""

import bisect
import contextlib
import http.server
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from on_loopback import listening

from transforms.model.dicom_store import store_at
from transforms.model.errors import StoreError
from transforms.read import origin

UIDS = [f"1.2.3.{number}" for number in range(500, 523)]


@contextlib.contextmanager
def searched(uids, happen=lambda _: None, most=100, keeps_offset=True):
    """The listing of a store with one series, `happen` after each page of instances; at most so many results a page."""
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            query = {name: int(value) for name, (value,) in parse_qs(asked.query).items()}
            found = uids if asked.path.endswith("/instances") else ["9.9"]
            start = query["offset"] if keeps_offset else 0
            page = [self.item(uid) for uid in found[start : start + min(query["limit"], most)]]
            if asked.path.endswith("/instances"):
                calls.append(start)
                happen(len(calls))
            content = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def item(self, uid):
            return {tag: {"vr": "UI", "Value": [value]} for tag, value in (("0020000D", uid), ("0020000E", "8.8"), ("00080018", uid))}

        def log_message(self, *_):
            pass

    with listening(Handler) as url:
        yield (uri.rpartition("/")[2] for uri, _ in origin.Store(store_at("--source", f"{url}/dicom-web", None)).instances()), calls


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(origin, "PAGE", 5)


@pytest.mark.parametrize("most", [2, 3, 5, 100])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 23])
def test_all_is_listed_however_few_a_page_has(count, most):
    with searched(UIDS[:count], most=most) as (found, _):
        assert list(found) == UIDS[:count]


def test_what_comes_in_front_makes_no_page_be_read_again():
    uids = list(UIDS)
    with searched(uids, lambda calls: bisect.insort(uids, f"1.2.3.4{calls:02}")) as (found, calls):
        assert set(UIDS) <= set(found)
    assert calls == sorted(set(calls))


def test_what_goes_takes_nothing_else_with_it():
    uids = list(UIDS)
    with searched(uids, lambda calls: calls in (1, 3) and uids.pop(0)) as (found, calls):
        assert set(UIDS[2:]) <= set(found)
    assert calls.count(0) == 3


@pytest.mark.parametrize("count", [2, 5, 23])
def test_a_store_that_does_not_keep_offset_is_told(count):
    with searched(UIDS[:count], keeps_offset=False) as (found, _), pytest.raises(StoreError, match="its pages do not fit together"):
        list(found)
