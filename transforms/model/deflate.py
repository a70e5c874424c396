"""Files whose data set is deflated as a whole (PS3.5 A.5), inflated and deflated a piece at a time."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator

from transforms.model.large import Content, View, joined, pieces, view
from transforms.model.part10 import data_set_start, transfer_syntax

DEFLATED = "1.2.840.10008.1.2.1.99"
_STEP = 1 << 20
"""Bytes that go into or come out of a stream at a time."""
_PLAIN = b"1.2.840.10008.1.2.1".ljust(len(DEFLATED), b"\0")
"""Explicit VR Little Endian, as which the data set is encoded before it is deflated."""
_STATED = re.compile(rb"(\x02\x00\x10\x00UI..)" + re.escape(DEFLATED.encode()), re.DOTALL)


class Inflated:
    """What a raw deflate stream (RFC 1951) holds, in pieces, to be gone through once. That raises zlib.error."""

    def __init__(self, stream: View) -> None:
        """`stream` may go on behind its end."""
        self._stream = stream
        self.end: int | None = None
        """Bytes of the stream, once gone through; None where it breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        inflater, read = zlib.decompressobj(-zlib.MAX_WBITS), 0
        for step in _steps(self._stream):
            read, rest = read + len(step), bytes(step)
            while rest and not inflater.eof:
                yield inflater.decompress(rest, _STEP)
                rest = inflater.unconsumed_tail
            if inflater.eof:
                break
        if not inflater.eof:
            yield inflater.flush()
        if inflater.eof:
            self.end = read - len(inflater.unused_data)


def deflated(parts: Iterable[View]) -> Iterator[bytes]:
    """A data set in parts as a deflate stream in parts, with a zero byte where its length would be odd."""
    compressor, length = zlib.compressobj(wbits=-zlib.MAX_WBITS), 0
    for step in itertools.chain.from_iterable(map(_steps, parts)):
        coded = compressor.compress(step)
        length += len(coded)
        yield coded
    coded = compressor.flush()
    yield coded + b"\0" * ((length + len(coded)) % 2)


def _steps(content: View) -> Iterator[View]:
    for piece in pieces(content):
        yield from (piece[start : start + _STEP] for start in range(0, len(piece), _STEP))


def plain(head: bytes, data_set: Iterable[View], stage: str) -> Content:
    """The file in Explicit VR Little Endian: `head`, up to the data set, with that as its transfer syntax, and the inflated data set.

    What `head` has stands where it stood. Raises InstanceProblem NO_ROOM, of this stage, and what going through `data_set` raises.
    """
    return joined(itertools.chain([_STATED.sub(rb"\g<1>" + _PLAIN, head, count=1)], data_set), stage)


def in_plain(content: Content, stage: str) -> Content:
    """A whole file of ours: itself, or, where its data set is deflated, `plain`. Raises InstanceProblem NO_ROOM, and zlib.error."""
    if transfer_syntax(content) != DEFLATED:
        return content
    start = data_set_start(content)
    return plain(content[:start], Inflated(view(content)[start:]), stage)
