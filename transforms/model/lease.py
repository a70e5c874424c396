"""A lock on Cloud Storage: an object that its holder writes anew every few seconds.

Nobody there lets go of what a killed process held: whoever finds such an object watches it, and takes over what is not written anew.
Its age is by the watcher's clock, so that no two clocks are compared.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator

from transforms.model import gcs

LEASE_SECONDS = 60.0
"""For so long a lock that is not written anew counts as held."""
_BEATS = 6
"""How often a holder writes it in that time. To be found there, and then to answer, the store has half as long as lies between."""
_TRUST = 0.5
"""The part of that time after which a holder that could not write it gives it up at its next try: before others may take it over."""


def _nothing() -> None:
    pass


@contextlib.contextmanager
def leased(
    uri: str,
    lease: float = LEASE_SECONDS,
    house: str = "",
    wait: bool = False,
    met: Callable[[], None] = _nothing,
    lost: Callable[[], None] = _nothing,
) -> Iterator[bool]:
    """Hold the lock during the block; False where another holds it and is alive, unless it is to `wait` until it lets go.

    One of the same `house`, if that is named, is a dead one. `met` is called where somebody's lock has to be watched, which takes up
    to `lease` seconds; `lost` where the holder slept, or did not reach the store, for so long that another took it over, or soon may.
    Raises OSError.
    """
    mine = f"{house}{secrets.token_hex(16)}".encode()
    generation = _acquire(uri, mine, lease, house.encode(), wait, met)
    if generation is None:
        yield False
        return
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(uri, mine, generation, lease, over, lost), daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        over.set()
        keeper.join()


def is_leased(uri: str, lease: float = LEASE_SECONDS) -> bool:
    """Whether somebody alive holds it; up to `lease` seconds pass until it is sure that nobody does."""
    try:
        return _is_alive(uri, gcs.read_generation(uri).number, lease)
    except FileNotFoundError:
        return False


def _acquire(uri: str, mine: bytes, lease: float, house: bytes, wait: bool, met: Callable[[], None]) -> int | None:
    """The version of the lock that is ours; None if it is another's."""
    while True:
        gcs.create_if_absent(uri, mine)
        try:
            found = gcs.read_generation(uri)
            if found.content == mine:
                return found.number
            if not house or not found.content.startswith(house):
                met()
                while _is_alive(uri, found.number, lease):
                    if not wait:
                        return None
                    found = gcs.read_generation(uri)
        except FileNotFoundError:  # it was given back meanwhile
            continue
        taken = gcs.take_over(uri, mine, found.number)
        if taken is not None or not wait:
            return taken


def _is_alive(uri: str, generation: int, lease: float) -> bool:
    """Whether a lock is written anew within its lease. Raises FileNotFoundError where it is given back meanwhile."""
    for _ in range(_BEATS):
        time.sleep(lease / _BEATS)
        if gcs.read_generation(uri).number != generation:
            return True
    return False


def _keep(uri: str, mine: bytes, generation: int, lease: float, over: threading.Event, lost: Callable[[], None]) -> None:
    """Write the lock anew until it is over, then take it away. It is lost where it is another's, or may soon be."""
    beat, written = lease / _BEATS, time.monotonic()
    while not over.wait(beat):
        begun, kept = time.monotonic(), None
        if begun - written > _TRUST * lease:
            lost()
            return
        with contextlib.suppress(OSError):  # the next beat may get through
            kept = gcs.take_over(uri, mine, generation, within=beat / 2) or _ours(uri, mine, within=beat / 2)
            if kept is None:
                lost()
                return
            generation, written = kept, begun
    with contextlib.suppress(OSError):  # then the next one waits for the lease to end
        if _ours(uri, mine):
            gcs.remove(uri)


def _ours(uri: str, mine: bytes, within: float | None = None) -> int | None:
    """The version that is ours, where an answer was lost on the way; None where another's stands there, or none."""
    try:
        found = gcs.read_generation(uri, within=within)
    except FileNotFoundError:
        return None
    return found.number if found.content == mine else None
