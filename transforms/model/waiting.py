"""How long a thread waited for a store's quota: clients note it, and whoever has them at work in that thread tells the engine."""

from __future__ import annotations

import threading


class _Waited(threading.local):
    seconds = 0.0


_WAITED = _Waited()


def note(seconds: float) -> None:
    """So long the calling thread has waited."""
    _WAITED.seconds += seconds


def take_whole() -> int:
    """The whole seconds that the calling thread waited since it was last asked; what is left of a second is for the next time."""
    whole = int(_WAITED.seconds)
    _WAITED.seconds -= whole
    return whole
