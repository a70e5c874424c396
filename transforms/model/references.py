"""Sets of references of up to tens of millions of instances: eight bytes each, where a set of strings takes a hundred."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Set
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_S = TypeVar("_S")
_Packed = npt.NDArray[np.uint64]
_REFERENCE = re.compile("[0-9a-f]{16}")
_LOOSE = 4096
"""References that are gathered before they are packed."""


class References(Set[str]):
    """A set of references (16 hex digits, `names.reference`) that grows.

    Most are in sorted arrays, each at least twice as long as the next, so that adding one at a time costs little. Raises ValueError
    for what is no reference.
    """

    def __init__(self, references: Iterable[str] = ()) -> None:
        self._runs: list[_Packed] = []
        self._loose: set[int] = set()
        for reference in references:
            self.add(reference)

    @classmethod
    def read(cls, lists: Iterable[bytes]) -> References:
        """Those of lists with a reference a line."""
        made = cls()
        packed = [_packed(content) for content in lists]
        if packed:
            whole = np.concatenate(packed)
            whole.sort()
            made._runs.append(whole[np.append(True, whole[1:] != whole[:-1])[: len(whole)]])  # np.unique takes ten times the memory
        return made

    def add(self, reference: str) -> bool:
        """Take it in; whether it is new."""
        if not _REFERENCE.fullmatch(reference):
            raise ValueError("a reference has 16 hex digits")
        number = int(reference, 16)
        if self._has(number):
            return False
        self._loose.add(number)
        if len(self._loose) >= _LOOSE:
            self._pack()
        return True

    def _pack(self) -> None:
        """Put what is loose into an array, and arrays together that are of about one length."""
        run = np.sort(np.fromiter(self._loose, np.uint64, len(self._loose)))
        self._loose.clear()
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        self._runs.append(run)

    def _has(self, number: int) -> bool:
        return number in self._loose or any(_holds(run, number) for run in self._runs)

    def __contains__(self, reference: object) -> bool:
        return isinstance(reference, str) and _REFERENCE.fullmatch(reference) is not None and self._has(int(reference, 16))

    def __len__(self) -> int:
        return len(self._loose) + sum(map(len, self._runs))

    def __iter__(self) -> Iterator[str]:
        """In no order."""
        yield from (f"{number:016x}" for number in self._loose)
        yield from (f"{number:016x}" for run in self._runs for number in run)

    @classmethod
    def _from_iterable(cls, kept: Iterable[_S]) -> Set[_S]:
        """What `&`, `-` and their like leave is few, and may be of another set, whose strings are no references."""
        return set(kept)


def digest(text: str) -> str:
    """What stands for any text in such a set: of ten million, two are alike with a chance of one in 370,000."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _packed(content: bytes) -> _Packed:
    return np.frombuffer(bytes.fromhex(content.decode()), ">u8").astype(np.uint64)


def _holds(run: _Packed, number: int) -> bool:
    at = int(run.searchsorted(np.uint64(number)))
    return at < len(run) and int(run[at]) == number
