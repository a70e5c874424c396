"""A DICOM store is listed page by page, whatever comes to it meanwhile; QIDO-RS is answered on loopback, in the order of UIDs."""

import bisect
import collections
import contextlib
import http.server
import json
import signal
import subprocess
import sys
import time
import tracemalloc
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from on_loopback import Answering, listening

from transforms.model.dicom_store import store_at
from transforms.model.errors import ConfigError, InstanceProblem, StoreError
from transforms.model.records import InstanceUids
from transforms.read import origin
from transforms.read.chosen import ChosenReference, read_chosen

UIDS = [f"1.2.3.{number}" for number in range(500, 523)]
PATHS = [f"studies/9.9/series/8.8/instances/{uid}" for uid in UIDS]


@contextlib.contextmanager
def searched(uids, happen=lambda _: None, most=100, keeps_offset=True, chosen=None, unknown=None):
    """The listing of a store with one series, `happen` after each page of instances; at most so many results a page.

    It ignores what it is asked for but paging, and tells no UID that is in the path already. The study `unknown` it has not: 404.
    """
    calls = []

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            if f"/studies/{unknown}/" in asked.path:
                return self.answer(404, b"")
            query = {name: int(value) for name, (value,) in parse_qs(asked.query).items() if name != "SOPInstanceUID"}
            found = uids if asked.path.endswith("/instances") else ["9.9"]
            start = query["offset"] if keeps_offset else 0
            page = [self.item(uid, asked.path) for uid in found[start : start + min(query["limit"], most)]]
            if asked.path.endswith("/instances"):
                calls.append(start)
                happen(len(calls))
            return self.answer(200, json.dumps(page).encode(), "application/dicom+json")

        def item(self, uid, path):
            told = {"0020000D": uid} if path.endswith("/studies") else {"00080018": uid}
            if path.endswith("/instances") and "/series/" not in path:
                told["0020000E"] = "8.8"
            return {tag: {"vr": "UI", "Value": [value]} for tag, value in told.items()}

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


def test_what_several_lines_name_is_listed_once(tmp_path):
    (tmp_path / "list.txt").write_text(f"/{PATHS[3]}\n/studies/9.9/series/8.8\n/{PATHS[1]}\n/studies/9.90")
    chosen = ChosenReference(str(tmp_path / "list.txt"), read_chosen(str(tmp_path / "list.txt")).digest)
    with searched(UIDS, chosen=chosen, unknown="9.90") as (listed, calls):
        assert list(listed) == PATHS
        series = len(calls)
    (tmp_path / "list.txt").write_text("/studies/9.9/series/8.8")
    chosen = ChosenReference(str(tmp_path / "list.txt"), read_chosen(str(tmp_path / "list.txt")).digest)
    with searched(UIDS, chosen=chosen) as (listed, calls):
        assert list(listed) == PATHS
        assert series == len(calls)


class _Many:
    """Answers searches: of 400 studies, each of which comes twice, and of 100 instances in each."""

    def search(self, path, parameters):
        first, studies = int(parameters["offset"]), [f"1.2.{number}" for number in range(400)]
        found = [{"0020000D": {"Value": [uid]}} for uid in 2 * studies]
        if path != "studies":
            found = [{"0020000E": {"Value": ["1.4"]}, "00080018": {"Value": [f"1.5.{number}"]}} for number in range(100)]
        return found[first : first + int(parameters["limit"])]


def test_what_was_listed_is_not_kept_in_memory(monkeypatch):
    monkeypatch.setattr(origin, "PAGE", 1000)
    monkeypatch.setattr(origin, "client_of", lambda _: _Many())
    store = origin.Store(store_at("--source", "http://127.0.0.1:9/dicom-web", None))
    tracemalloc.start()
    try:
        assert sum(1 for _ in store.instances()) == 400 * 100
        assert tracemalloc.get_traced_memory()[1] < 40_000 * 100  # a path alone takes more, and what is searched ahead 1.6 MB
    finally:
        tracemalloc.stop()


@contextlib.contextmanager
def many_studies(status=200):
    """The source store of a hundred studies, whose instances it answers with this status, and the paths that it was asked for."""
    asked = []

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.partition("?")
            asked.append(path)
            start = int(parse_qs(query)["offset"][0])
            found = [{"0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}} for number in range(100)]
            if not path.endswith("/studies"):
                found = [{"0020000E": {"vr": "UI", "Value": ["1.4"]}, "00080018": {"vr": "UI", "Value": ["1.5"]}}]
            self.answer(200 if path.endswith("/studies") else status, json.dumps(found[start : start + 5]).encode())

    with listening(Handler) as url:
        yield f"{url}/dicom-web", asked


def test_who_wants_one_instance_does_not_have_all_studies_listed():
    with many_studies() as (url, asked):
        found = origin.Store(store_at("--source", url, None)).instances()
        assert next(found)[0].endswith("/studies/1.2.0/series/1.4/instances/1.5")
        found.close()
    assert len({path for path in asked if path.endswith("/instances")}) < 50


def test_a_listing_is_interrupted_while_the_store_is_away():
    listing = """if True:
        import sys
        from transforms.model.dicom_store import store_at
        from transforms.read import origin
        for _ in origin.Store(store_at("--source", sys.argv[1], None)).instances(): pass
    """
    with (
        many_studies(status=503) as (url, asked),
        subprocess.Popen([sys.executable, "-c", listing, url], stderr=subprocess.PIPE) as process,
    ):
        deadline = time.monotonic() + 60
        while not any(path.endswith("/instances") for path in asked):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]


LISTED = {
    "": [["1.2"], ["1.2.ABC"], ["1.2.DEF"], ["../.."], [".."], [None], [7]],
    "1.2": [["1.3", "1.4"], ["1.3", "1.4.A B\0"], ["1.3", "1.4/x?y#z"], ["1.3", "."], ["1.3", ""]],
    "1.2.ABC": [["1.5", "1.6"]],
}
"""UIDs of studies, and of series and instance in each."""


def test_a_uid_that_is_not_valid_spoils_nothing_but_what_it_names():
    """The store gives what it lists but 1.4/x?y#z, for which it has 404, and refuses the study 1.2.DEF, that is as if it were none."""
    asked = []

    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.removeprefix("/dicom-web/").partition("?")
            uids = [unquote(part) for part in path.split("/")[1::2]]
            if len(uids) > 2:
                asked.append(uids[2])
                return self.answer(404 if "/" in uids[2] else 200, b"\0" * 128 + b"DICM" + uids[2].encode())
            start = int(parse_qs(query)["offset"][0])
            found = LISTED.get("".join(uids))
            tags = ["0020000E", "00080018"] if uids else ["0020000D"]
            page = [
                {tag: {"vr": "UI", "Value": [uid]} for tag, uid in zip(tags, one, strict=True)} for one in (found or [])[start : start + 5]
            ]
            return self.answer(200 if found else 400, json.dumps(page).encode())

    with listening(Handler) as url:
        store = origin.Store(store_at("--source", f"{url}/dicom-web", None))
        codes = collections.Counter()
        for uri, _ in store.instances():
            try:
                assert store.content(uri)[132:].decode() == store.sop_instance(uri, 0)
                codes["whole"] += 1
            except InstanceProblem as problem:
                codes[problem.stage, problem.code] += 1
    assert sorted(asked) == ["1.4", "1.4.A B", "1.4/x?y#z", "1.6"]
    assert codes == {"whole": 3, ("read", "BAD_UID"): 7}


@pytest.mark.parametrize("answer", [(404, b""), (410, b""), (200, b"[]")])
def test_a_study_that_went_before_it_was_listed_is_gone_and_the_others_are_listed(answer):
    class Handler(Answering, http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path, _, query = self.path.partition("?")
            if path.endswith("/studies"):
                found = [{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in ("1.2", "1.3")]
            elif path.endswith("/studies/1.3/instances"):
                found = [{"0020000E": {"vr": "UI", "Value": ["1.4"]}, "00080018": {"vr": "UI", "Value": ["1.5"]}}]
            else:
                return self.answer(*answer)
            return self.answer(200, json.dumps(found[int(parse_qs(query)["offset"][0]) :]).encode())

    with listening(Handler) as url:
        store = origin.Store(store_at("--source", f"{url}/dicom-web", None))
        gone, there = (uri for uri, _ in store.instances())
        assert store.sop_instance(there, 0) == "1.5"
        assert (store.sop_instance(gone, 0), store.uids(gone, 0)) == (None, InstanceUids("1.2", "", ""))
        with pytest.raises(InstanceProblem, match="read GONE"):
            store.content(gone)


@pytest.mark.parametrize("line", ["/studies/9.8", "/studies/9.8/series/8.8", "/studies/9.8/series/8.8/instances/1.5"])
def test_a_line_for_which_the_store_has_404_names_nothing_and_stops_no_other(tmp_path, line):
    (tmp_path / "list.txt").write_text(f"{line}\n/studies/9.9")
    chosen = ChosenReference(str(tmp_path / "list.txt"), read_chosen(str(tmp_path / "list.txt")).digest)
    with searched(UIDS, chosen=chosen, unknown="9.8") as (listed, _):
        assert list(listed) == PATHS
