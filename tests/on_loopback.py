"""An HTTP server on a free port of loopback, for as long as a test needs it."""

import contextlib
import http.server
import threading


class Answering:
    """What handlers of requests share, beside `http.server.BaseHTTPRequestHandler`."""

    def answer(self, status, content, kind=None):
        """Send an answer: its bytes, of that Content-Type."""
        self.send_response(status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Not to be told of each."""


@contextlib.contextmanager
def listening(handler, server_class=http.server.ThreadingHTTPServer):
    """The URL of a server whose requests `handler`, a class, answers."""
    server = server_class(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
