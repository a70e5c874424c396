"""Runs a server that needs a port given: held.py COMMAND..., where {port} stands for a free one on loopback.

Prints the base URL when something answers there, and ends the server when its own standard input ends.
"""

import contextlib
import socket
import subprocess
import sys
import time

HOST = "127.0.0.1"


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def main(command):
    port = free_port()
    with subprocess.Popen([word.replace("{port}", str(port)) for word in command], stdin=subprocess.DEVNULL, stdout=sys.stderr) as server:
        try:
            while server.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                    break
                time.sleep(0.05)
            else:
                return server.returncode
            print(f"http://{HOST}:{port}", flush=True)
            sys.stdin.read()
        finally:
            server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
