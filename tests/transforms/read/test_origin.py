"""A DICOM store is listed page by page, whatever comes to it meanwhile; QIDO-RS is answered on loopback, in the order of UIDs."""

import bisect
import contextlib
import http.server
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from on_loopback import listening

from transforms.model.dicom_store import store_at
from transforms.model.errors import ConfigError, StoreError
from transforms.read import origin
from transforms.read.chosen import ChosenReference, read_chosen

UIDS = [f"1.2.3.{number}" for number in range(500, 523)]
PATHS = [f"studies/9.9/series/8.8/instances/{uid}" for uid in UIDS]


@contextlib.contextmanager
def searched(uids, happen=lambda _: None, most=100, keeps_offset=True, chosen=None):
    """The listing of a store with one series, `happen` after each page of instances; at most so many results a page.

    It ignores what it is asked for but paging, and tells no UID that is in the path already.
    """
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            query = {name: int(value) for name, (value,) in parse_qs(asked.query).items() if name != "SOPInstanceUID"}
            found = uids if asked.path.endswith("/instances") else ["9.9"]
            start = query["offset"] if keeps_offset else 0
            page = [self.item(uid, asked.path) for uid in found[start : start + min(query["limit"], most)]]
            if asked.path.endswith("/instances"):
                calls.append(start)
                happen(len(calls))
            content = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def item(self, uid, path):
            told = {"0020000D": uid} if path.endswith("/studies") else {"00080018": uid}
            if path.endswith("/instances") and "/series/" not in path:
                told["0020000E"] = "8.8"
            return {tag: {"vr": "UI", "Value": [value]} for tag, value in told.items()}

        def log_message(self, *_):
            pass

    with listening(Handler) as url:
        store = origin.Store(store_at("--source", f"{url}/dicom-web", None), chosen)
        yield (uri.removeprefix(f"{store.root}/") for uri, _ in store.instances()), calls


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(origin, "PAGE", 5)


@pytest.mark.parametrize("most", [2, 3, 5, 100])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 23])
def test_all_is_listed_however_few_a_page_has(count, most):
    with searched(UIDS[:count], most=most) as (found, _):
        assert list(found) == PATHS[:count]


def test_what_comes_in_front_makes_no_page_be_read_again():
    uids = list(UIDS)
    with searched(uids, lambda calls: bisect.insort(uids, f"1.2.3.4{calls:02}")) as (found, calls):
        assert set(PATHS) <= set(found)
    assert calls == sorted(set(calls))


def test_what_goes_takes_nothing_else_with_it():
    uids = list(UIDS)
    with searched(uids, lambda calls: calls in (1, 3) and uids.pop(0)) as (found, calls):
        assert set(PATHS[2:]) <= set(found)
    assert calls.count(0) == 3


@pytest.mark.parametrize("count", [2, 5, 23])
def test_a_store_that_does_not_keep_offset_is_told(count):
    with searched(UIDS[:count], keeps_offset=False) as (found, _), pytest.raises(StoreError, match="its pages do not fit together"):
        list(found)


@pytest.mark.parametrize(
    ("line", "found"), [("/studies/9.9", PATHS), ("/studies/9.9/series/8.8", PATHS), (f"/{PATHS[3]}", PATHS[3:4]), (f"/{PATHS[3]}9", None)]
)
def test_what_a_list_names_is_listed_and_nothing_else(tmp_path, line, found):
    (tmp_path / "list.txt").write_text(line)
    chosen = ChosenReference(str(tmp_path / "list.txt"), read_chosen(str(tmp_path / "list.txt")).digest)
    with searched(UIDS, chosen=chosen) as (listed, _):
        if found is None:
            with pytest.raises(ConfigError, match="no instance of what is asked for"):
                list(listed)
        else:
            assert list(listed) == found
