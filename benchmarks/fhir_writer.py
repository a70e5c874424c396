"""How much of a store's write quota is used: our writer on each way of running Beam, beside a naive one, on the same server.

    python benchmarks/fhir_writer.py [--quota 600 6000 60000] [--mode NAME …] [--store counting|embedded]

The counting server grants `quota` entries a minute from a bucket of BURST seconds, refuses the rest by 429 with
Retry-After, and takes LATENCY seconds for a request. The embedded store is the real one, which commits each bundle to
disk and grants a minute's quota at once. Prints a JSON line for each run:

- `utilisation_writing`: resources kept / (quota x the seconds between the first request and the last answer; of the embedded
  store, between its first and its last commit);
- `utilisation`: the same over the seconds of the whole run, Beam's own start and end included, which are
  `seconds_before` the first request and `seconds_after` the last answer;
- `lost`: resources that the server never kept; `doubled`: entries written more than once; `refused`: entries refused by 429;
- `p50`, `p95`, `p99`: milliseconds of a request as the server measures it, waiting for its turn included. Of the counting server only.

The naive writer PUTs one instance after another and obeys Retry-After; it is stopped after NAIVE_SECONDS.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime as dt
import http.server
import json
import math
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

import apache_beam as beam
import requests
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.local.quota import WriteQuota
from pipeline.local.store_process import running_store
from transforms.fhir.client import FhirClient
from transforms.fhir.transform import WriteToFhirStore
from transforms.fhir.writer import FhirWriter
from transforms.model import spool
from transforms.model.names import LOCAL_FHIR_STORE
from transforms.model.quiet import quiet_libraries
from transforms.model.workspace import OperationFolder, Workspace

LATENCY = 0.05
BURST = 2.0
NAIVE_SECONDS = 60.0
RESOURCES = {600: 1_000, 6_000: 10_000, 60_000: 60_000}
MODES = {
    "no Beam": None,
    "one worker": (),
    "two threads": ("--direct_num_workers=2", "--direct_running_mode=multi_threading"),
    "two processes": ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
    "naive": None,
}
FINDINGS = 40
Seen = dict[str, float]
"""What a store says of a run: `kept`, `writes`, `first` and `last` (on the monotonic clock), and more if it counts more."""
URL = re.compile(rb'"url":"(Provenance/i[0-9a-f]{32})"')


class Bucket(WriteQuota):
    """A quota of `per_minute` that lets only BURST seconds of it go at once."""

    def _fill(self, per_minute: int) -> None:
        super()._fill(per_minute)
        self._tokens = min(self._tokens, max(per_minute / 60 * BURST, 1.0))


class Counts:
    """What the server has seen."""

    def __init__(self) -> None:
        self.kept: collections.Counter[str] = collections.Counter()
        self.refused = 0
        self.seconds: list[float] = []
        self.first = self.last = math.nan
        self.lock = threading.Lock()


def serve(quota: int) -> None:
    """Answer on a free port, printed first, until standard input ends; then print what was counted."""
    bucket, counts = Bucket(quota), Counts()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.answer([url.decode() for url in URL.findall(self.content())], whole=False)

        def do_PUT(self) -> None:
            self.content()
            self.answer([self.path.removeprefix("/")], whole=True)

        def content(self) -> bytes:
            self.began = time.monotonic()
            return self.rfile.read(int(self.headers["Content-Length"]))

        def answer(self, urls: list[str], whole: bool) -> None:
            time.sleep(LATENCY)
            granted = bucket.take(len(urls), whole)
            with counts.lock:
                counts.first = min(counts.first, self.began) if counts.seconds else self.began
                counts.last = time.monotonic()
                counts.kept.update(urls[:granted])
                counts.refused += len(urls) - granted
                counts.seconds.append(counts.last - self.began)
            if not granted:
                self.reply(429, {}, {"Retry-After": str(bucket.retry_after(len(urls)))})
            elif whole:
                self.reply(200, {"resourceType": "Provenance"}, {})
            else:
                status = ["200 OK"] * granted + ["429 Too Many Requests"] * (len(urls) - granted)
                self.reply(
                    200, {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": s}} for s in status]}, {}
                )

        def reply(self, status: int, body: dict[str, object], headers: dict[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/fhir+json", "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    seconds = sorted(counts.seconds)
    percentiles = {f"p{p}": round(1000 * seconds[math.ceil(p / 100 * len(seconds)) - 1]) for p in (50, 95, 99)}
    seen = {"kept": len(counts.kept), "writes": counts.kept.total(), "refused": counts.refused, "requests": len(seconds)}
    print(json.dumps({**seen, "first": counts.first, "last": counts.last, **percentiles}))


@contextlib.contextmanager
def counting(quota: int) -> Iterator[tuple[str, Callable[[], Seen]]]:
    """The URL of the counting server in a process of its own, and a function that ends it and says what it has seen."""
    server = subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, "--serve", str(quota)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    yield f"http://127.0.0.1:{server.stdout.readline().strip()}", lambda: json.loads(server.communicate()[0])


@contextlib.contextmanager
def embedded(quota: int) -> Iterator[tuple[str, Callable[[], Seen]]]:
    """The same of the embedded store, by the versions and the times that it keeps."""
    with tempfile.TemporaryDirectory() as root, running_store(Workspace(root), quota) as base:
        url = f"{base}/v1beta1/{LOCAL_FHIR_STORE}"

        def seen() -> Seen:
            moment, now = time.monotonic(), time.time()
            metas = [resource["meta"] for resource in FhirClient(url).search("Provenance?_count=1000&_elements=recorded&_total=none")]
            commits = [moment - now + dt.datetime.fromisoformat(meta["lastUpdated"]).timestamp() for meta in metas]
            writes = sum(int(meta["versionId"]) for meta in metas)
            return {"kept": len(metas), "writes": writes, "first": min(commits), "last": max(commits)}

        yield url, seen


STORES = {"counting": counting, "embedded": embedded}


def provenance(number: int) -> dict[str, object]:
    """A resource of a usual instance: FINDINGS changed elements, about 13 kB."""
    tags = [
        {
            "url": "tag-id",
            "valueString": f"{0x00100010 + at:08X}",
            "extension": [
                {"url": "text-original", "valueString": f"VALUE {number}"},
                {"url": "text-replaced", "valueString": "DOE^JOHN"},
                {"url": "deidentify-action", "valueString": "RESET"},
                {"url": "deidentify-reason", "valueString": "Matched ID: 00100010 (Basic profile Z, PS3.15 2025c)"},
            ],
        }
        for at in range(FINDINGS)
    ]
    found = [{"url": "https://g.co/dicom-tags", "extension": tags}]
    source = {"value": f"projects/local/locations/local/datasets/local/dicomStores/s/dicomWeb/studies/1/series/2/instances/{number}"}
    return {
        "resourceType": "Provenance",
        "id": f"i{number:032x}",
        "target": [{"identifier": source}],
        "recorded": "2026-01-01T00:00:00.000Z",
        "agent": [{"who": {"identifier": {"value": "operation"}}}],
        "entity": [{"role": "source", "what": {"identifier": source}, "extension": found}],
    }


def write(mode: str, url: str, folder: OperationFolder, quota: int) -> None:
    """Everything in the spool, by one mode."""
    if mode == "naive":
        naive(FhirClient(url).base, folder)
    elif mode == "no Beam":
        for answer in FhirWriter(FhirClient(url), folder, quota).write(spool.shards(folder.spool)):
            assert not answer.dead
    else:
        options = PipelineOptions(["--runner=FnApiRunner", *(MODES[mode] or ())])
        with beam.Pipeline(options=options) as p:
            _ = p | beam.Create(spool.shards(folder.spool)) | WriteToFhirStore(url, folder, quota)


def naive(url: str, folder: OperationFolder) -> None:
    """One PUT an instance, obeying Retry-After, for at most NAIVE_SECONDS."""
    session, end = requests.Session(), time.monotonic() + NAIVE_SECONDS
    for entry in spool.read_all(folder.spool):
        while True:
            if time.monotonic() > end:
                return
            answer = session.put(f"{url}/Provenance/{entry['provenance']['id']}", json=entry["provenance"], timeout=30)
            if answer.ok:
                break
            time.sleep(float(answer.headers["Retry-After"]))


def measure(quota: int, mode: str, store: str) -> dict[str, object]:
    """One run against a server of its own."""
    count = RESOURCES[quota]
    with tempfile.TemporaryDirectory() as root, STORES[store](quota) as (url, look):
        folder = Workspace(root).operation("benchmark")
        spool.write_entries(folder.spool, ((f"{n:016x}", {"provenance": provenance(n)}) for n in range(count)))
        start = time.monotonic()
        write(mode, url, folder, quota)
        end = time.monotonic()
        seen = look()
    took, a_second = end - start, quota / 60
    return {
        "quota": quota,
        "mode": mode,
        "store": store,
        "resources": count,
        "seconds": round(took, 1),
        "utilisation": round(seen["kept"] / (a_second * took), 3),
        "utilisation_writing": round(seen["kept"] / (a_second * (seen["last"] - seen["first"])), 3),
        "seconds_before": round(seen["first"] - start, 1),
        "seconds_after": round(end - seen["last"], 1),
        "lost": 0 if mode == "naive" else count - seen["kept"],
        "doubled": seen["writes"] - seen["kept"],
        **{name: value for name, value in seen.items() if name in ("kept", "refused", "requests", "p50", "p95", "p99")},
    }


def main() -> None:
    """Measure what the command line names; all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quota", type=int, nargs="*", choices=RESOURCES, default=list(RESOURCES))
    parser.add_argument("--mode", nargs="*", choices=MODES, default=list(MODES))
    parser.add_argument("--store", choices=STORES, default="counting")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    quiet_libraries()
    for quota in arguments.quota:
        for mode in arguments.mode:
            print(json.dumps(measure(quota, mode, arguments.store)), flush=True)


if __name__ == "__main__":
    main()
