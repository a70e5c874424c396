"""While a run lasts, nothing of it can be reached from another machine."""

import ipaddress
import time
from pathlib import Path

import pytest

LISTENING = "0A"


def family(root):
    """A process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def sockets(process):
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            name = str(link.readlink())
        except OSError:
            continue
        if name.startswith("socket:["):
            yield name[8:-1]


def address(text):
    """Of /proc/net/tcp: 32-bit words in the machine's order."""
    packed = bytes.fromhex(text)
    words = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
    found = ipaddress.ip_address(words)
    return getattr(found, "ipv4_mapped", None) or found


def listening(root):
    """Addresses on which a process, or one below it, waits for callers."""
    own = {inode for process in family(root) for inode in sockets(process)}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in own:
                yield fields[1], address(fields[1].partition(":")[0])


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at Linux's own list of sockets")
@pytest.mark.parametrize("mode", ["multi_threading", "multi_processing"])
def test_every_port_of_a_run_is_on_loopback(dicom_deid, few, tmp_path, mode):
    places = ["--source", few, "--destination", tmp_path / "destination", "--workspace", tmp_path / "workspace"]
    options = ["--on_uid_collision=distinct", "--direct_num_workers=2", f"--direct_running_mode={mode}"]
    process = dicom_deid("run", *places, "--key_uri", "env:DEID_TEST_KEY", *options)
    seen = {}
    while process.poll() is None:
        seen.update(listening(process.pid))
        time.sleep(0.1)
    assert process.returncode == 0, process.communicate()[0]
    assert len(seen) >= 5  # the FHIR store's port and the four of Beam's workers
    assert [found for found in seen.values() if not found.is_loopback] == []
    assert not dicom_deid.trace.exists(), dicom_deid.trace.read_text()  # nor does it look for anybody, credentials included
