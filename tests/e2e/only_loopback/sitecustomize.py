"""Put on the path of a run's processes: notes every attempt to reach or look up anything beyond loopback."""

import os
import sys

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def note(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else ""
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if host and not host.startswith(LOOPBACK):
        with open(os.environ["NETWORK_TRACE"], "a") as file:  # noqa: PTH123 - pathlib may not be imported yet
            file.write(f"{event} {host}\n")


if "NETWORK_TRACE" in os.environ:
    sys.addaudithook(note)
