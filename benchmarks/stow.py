"""What several instances a STOW-RS request would save over one a request, as runs store them.

    PYTHONPATH=. python benchmarks/stow.py --store http://127.0.0.1:8042/dicom-web [--instances 500] [--rounds 3]

Stores so many small instances of studies of its own into the store, which is to be one of no worth, one a request and several a
request in turns, and prints the milliseconds of an instance, the median of the rounds. One a request goes through the client of a
run; several are put together here.
"""

from __future__ import annotations

import argparse
import io
import secrets
import statistics
import time
from collections.abc import Callable, Sequence

import pydicom
import requests
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from transforms.model.dicom_store import DicomStore, store_at
from transforms.model.dicomweb import DicomWebClient

BATCHES = (10, 50)


def made(count: int) -> list[bytes]:
    """Files of a new study, of 10 kB each."""
    dataset = pydicom.dcmread(str(get_testdata_file("MR_small.dcm", download=False)))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    files = []
    for _ in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        file = io.BytesIO()
        dataset.save_as(file)
        files.append(file.getvalue())
    return files


def one_a_request(store: DicomStore) -> Callable[[Sequence[bytes]], None]:
    """As a run does it."""
    client = DicomWebClient(store)

    def put(files: Sequence[bytes]) -> None:
        for file in files:
            if refused := client.put(file).said:
                raise SystemExit(f"the store does not take it: {refused}")

    return put


def several_a_request(store: DicomStore, size: int) -> Callable[[Sequence[bytes]], None]:
    """As many parts a body."""
    session = requests.Session()

    def put(files: Sequence[bytes]) -> None:
        for start in range(0, len(files), size):
            boundary = secrets.token_hex(16)
            head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            body = b"".join(head + file + b"\r\n" for file in files[start : start + size]) + f"--{boundary}--\r\n".encode()
            kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
            headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
            session.post(f"{store.url}/studies", data=body, headers=headers, timeout=300).raise_for_status()

    return put


def main() -> None:
    """Print a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", required=True)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    store = store_at("--store", options.store, None)
    ways = {"one a request": one_a_request(store), **{f"{size} a request": several_a_request(store, size) for size in BATCHES}}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, put in ways.items():
            files = made(options.instances)
            start = time.perf_counter()
            put(files)
            taken[name].append((time.perf_counter() - start) / options.instances * 1000)
    for name, milliseconds in taken.items():
        print(f"{name:15} {statistics.median(milliseconds):6.1f} ms an instance")


if __name__ == "__main__":
    main()
