"""`python -m pipeline.local.served_run`: a run that ends with the server that started it.

The server holds the other end of standard input. When that is gone, be it by a kill, the run is interrupted, as by Ctrl-C: without
its FHIR store it would be of no use, and the next server starts it again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from pipeline.main import main


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(main())
