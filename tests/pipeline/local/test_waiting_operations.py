"""What a server was asked for and did not come to is done by the next one in the order in which it was asked for."""

import datetime as dt
import json
import time

from pipeline.local.deidentify import Deidentifier

STORES = {name: f"http://127.0.0.1:9/{name}" for name in (f"projects/p/locations/l/datasets/d/dicomStores/{one}" for one in "ab")}


def test_the_oldest_comes_first(workspace):
    source, destination = STORES
    asked = Deidentifier(workspace, STORES, "http://127.0.0.1:9", None, [])
    start, body = dt.datetime(2026, 3, 1, tzinfo=dt.UTC), json.dumps({"destinationStore": destination, "config": {}})
    names = [asked.deidentify(source, body, start + dt.timedelta(seconds=number))["name"] for number in range(6)]
    states = {name: workspace.operation(name.rpartition("/")[2]).state_file for name in names}

    with Deidentifier(workspace, {}, "http://127.0.0.1:9", None, []).at_work():  # it knows none of their stores, and closes each
        deadline = time.monotonic() + 60
        while not all(json.loads(file.read_bytes())["done"] for file in states.values()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert sorted(names, key=lambda name: states[name].stat().st_mtime_ns) == names
