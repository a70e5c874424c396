"""`python -m pipeline.local.served_run`: a run that ends with the server that started it.

The server holds the other end of standard input. When that is gone, be it by a kill, the run is interrupted, as by Ctrl-C: without
its FHIR store it would be of no use, and the next server starts it again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

_BYTES = 4096


def _end_with_input() -> None:
    """Reads the descriptor itself: whoever waits in a buffered file makes the interpreter abort at its end."""
    while os.read(sys.stdin.fileno(), _BYTES):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a server that a script started in the background ignores it, and so would we
    threading.Thread(target=_end_with_input, daemon=True).start()
    from pipeline.main import main

    sys.exit(main())
