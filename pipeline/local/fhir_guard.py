"""Who may ask the embedded FHIR store: whoever has the token, or, without one, programs on this machine."""

from __future__ import annotations

import hmac
import urllib.parse

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.local.fhir_answer import refused
from pipeline.local.fhir_resource import Refusal
from transforms.model.endpoints import is_loopback


def _name(host: str) -> str:
    """A Host header without its port; empty if it is malformed."""
    try:
        return urllib.parse.urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """`Authorization: Bearer TOKEN` on every request, compared in constant time (RFC 6750).

    Where there is no token, the Host header must name the loopback address: so a page in a browser on this machine cannot
    reach the store under a name of its own (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._due = app, None if token is None else b"Bearer " + token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the application's answer, or a refusal (401, 403)."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if self._due is not None and not (len(given) == 1 and hmac.compare_digest(given[0], self._due)):
            answer = refused(Refusal(401, "login", "a bearer token is required"))
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if self._due is None and not is_loopback(_name(host)):
            return refused(Refusal(403, "forbidden", "without a token only requests to the loopback address are answered"))
        return None
