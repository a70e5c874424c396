"""What an instance takes between stores that are far away, beside what the model says (docs/scale.md).

    PYTHONPATH=. python benchmarks/latency.py [--storage URL] [--orthanc SOURCE DESTINATION] [--instances 64] [--ms 0 30 100] …

`--storage` is a stand-in for Cloud Storage (fake-gcs-server), `--orthanc` names two DICOM stores by their DICOMweb; all are to be of no
worth, since they are filled, and the DICOM stores emptied. A proxy on loopback holds back whatever they answer, by so many `--ms`.
Treatment plans (2 kB) go from one place to the other by `dicom-deid run`, with the embedded FHIR store, which is near, in one process with
so many threads (Beam's `multi_threading`). An instance takes the difference of two runs, of all and of FEW, so that start and end of a run
are not in it. The model is given the time of an instance without latency and the requests that a test counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests

from benchmarks.soak import RUN, make_plans

FEW = 8
BUCKETS, STORES = "between buckets", "between DICOM stores"
REQUESTS = {BUCKETS: 4, STORES: 3}
"""For which an instance waits (tests/servers/test_round_trips.py)."""
Places = tuple[str, str, dict[str, str]]
"""Source and destination of a run, and its environment."""


@contextlib.contextmanager
def held_back(url: str, seconds: float) -> Iterator[str]:
    """The same server at another URL, each of its answers so much later."""
    split, loop = urlsplit(url), asyncio.new_event_loop()
    relay = functools.partial(_relay, split.hostname, split.port, seconds)
    server = loop.run_until_complete(asyncio.start_server(relay, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield split._replace(netloc=f"127.0.0.1:{server.sockets[0].getsockname()[1]}").geturl()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def _relay(host: str, port: int, seconds: float, asked: asyncio.StreamReader, told: asyncio.StreamWriter) -> None:
    answer, question = await asyncio.open_connection(host, port)
    await asyncio.gather(_pass(asked, question, 0), _pass(answer, told, seconds))


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float) -> None:
    later = functools.partial(asyncio.get_running_loop().call_later, seconds) if seconds else lambda do, *what: do(*what)
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(1 << 16):
            later(sink.write, piece)
    later(sink.close)


@contextlib.contextmanager
def buckets(url: str, plans: Path, seconds: float) -> Iterator[Places]:
    """A new one, with the plans in it."""
    name = f"latency-{secrets.token_hex(6)}"
    requests.post(f"{url}/storage/v1/b?project=none", json={"name": name}, timeout=60).raise_for_status()
    for plan in plans.iterdir():
        target = f"{url}/upload/storage/v1/b/{name}/o?uploadType=media&name=in/{plan.name}"
        requests.post(target, data=plan.read_bytes(), timeout=60).raise_for_status()
    with held_back(url, seconds) as later:
        yield f"gs://{name}/in", f"gs://{name}/out", {"STORAGE_EMULATOR_HOST": later}


@contextlib.contextmanager
def stores(source: str, destination: str, plans: Path, seconds: float) -> Iterator[Places]:
    """Emptied, and the plans put into the source, by Orthanc's own REST API."""
    source_root, destination_root = (f"http://{urlsplit(url).netloc}" for url in (source, destination))
    for root in (source_root, destination_root):
        for study in requests.get(f"{root}/studies", timeout=60).json():
            requests.delete(f"{root}/studies/{study}", timeout=60).raise_for_status()
    for plan in plans.iterdir():
        requests.post(f"{source_root}/instances", data=plan.read_bytes(), timeout=60).raise_for_status()
    with held_back(source, seconds) as later_source, held_back(destination, seconds) as later_destination:
        yield later_source, later_destination, {}


def taken(filled: Callable[[Path, float], contextlib.AbstractContextManager[Places]], count: int, seconds: float, threads: int) -> float:
    """Seconds of a run over places that `filled` makes of a folder of plans."""
    with tempfile.TemporaryDirectory() as folder:
        make_plans(plans := Path(folder, "plans"), count)
        with filled(plans, seconds) as (source, destination, environment):
            options = [f"--source={source}", f"--destination={destination}", f"--workspace={folder}/workspace"]
            options += [f"--direct_num_workers={threads}", "--direct_running_mode=multi_threading"] if threads > 1 else []
            command, start = [sys.executable, "-c", RUN, *options], time.monotonic()
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})  # noqa: S603 - our own
            return time.monotonic() - start


def main() -> None:
    """Measure and print, row by row."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--storage")
    arguments.add_argument("--orthanc", nargs=2, metavar=("SOURCE", "DESTINATION"))
    arguments.add_argument("--instances", type=int, default=64)
    arguments.add_argument("--ms", type=int, nargs="+", default=[0, 30, 100])
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, 4])
    asked = arguments.parse_args()
    ways = {BUCKETS: functools.partial(buckets, asked.storage)} if asked.storage else {}
    ways |= {STORES: functools.partial(stores, *asked.orthanc)} if asked.orthanc else {}
    print("| | threads | ms an answer | an instance, s | by the model |\n|---|---|---|---|---|")
    for way, filled in ways.items():
        for threads in asked.threads:
            near = 0.0
            for ms in asked.ms:
                few, all_of_them = (taken(filled, count, ms / 1000, threads) for count in (FEW, asked.instances))
                each = (all_of_them - few) / (asked.instances - FEW)
                near = near or each
                model = max(near, (near + REQUESTS[way] * ms / 1000) / threads)
                print(f"| {way} | {threads} | {ms} | {each:.3f} | {model:.3f} |", flush=True)


if __name__ == "__main__":
    main()
