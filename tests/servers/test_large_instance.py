"""An instance of 210 MB on its way from a DICOM store, into one, and out of the quarantine is never in memory as a whole."""

import hashlib
import subprocess
import sys

import pydicom
import pytest
import requests

pytestmark = [pytest.mark.servers("orthanc"), pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")]

FRAMES, SIDE = 105, 1000
ROOM = 64 << 20
"""Bytes of memory that it may take: LARGE until it is known to be large, then a piece of 16 MB, and what libraries buffer."""
RUN = """
import sys
from pathlib import Path
from transforms.model.dicom_store import store_at
from transforms.model.large import digest_of
from transforms.model.records import InstanceUids
from transforms.read.origin import Store as Source
from transforms.tags.released import released
from transforms.write.destination import Store as Destination
from transforms.write.quarantine import FolderQuarantine

def peak():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024

source, destination = (kind(store_at("--source", url, None)) for kind, url in zip((Source, Destination), sys.argv[2:]))
((uri, size),) = source.instances()
before = peak()
content = source.content(uri, size)
target = InstanceUids(*uri.split("/")[-5::2])
destination.publish(target, content)
assert destination.holds(target, content)
quarantine = FolderQuarantine(sys.argv[1])
quarantine.keep("0" * 16, target, content, {})
vouched = released(quarantine.content("0" * 16), [("113100", "Basic Application Confidentiality Profile")])
print(peak() - before, digest_of(content).hex(), len(vouched) - len(content))
"""


def test_it_is_never_in_memory_as_a_whole(stores, real_file, tmp_path):
    dataset = pydicom.dcmread(real_file("MR_small.dcm"))
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames = FRAMES
    dataset.PixelData = bytes(2 * SIDE * SIDE * FRAMES)
    dataset.save_as(tmp_path / "large.dcm")
    with (tmp_path / "large.dcm").open("rb") as file:
        requests.post(f"{stores.source.server.url}/instances", data=file, timeout=60).raise_for_status()
    command = [sys.executable, "-c", RUN, tmp_path / "quarantine", stores.source.url, stores.destination.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    grown, digest, said = done.stdout.split()
    assert int(grown) < ROOM
    assert 0 < int(said) < 1000
    with (tmp_path / "large.dcm").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest
