"""Content that may be too large for memory: up to LARGE it is bytes, beyond that a memory map of a file without a name.

Such a file is our own copy, so that nobody can cut it off under a map that reads it. It lies where temporary files lie (`TMPDIR`), is
open to this user only, has no name from the start where the system allows that, and is gone with the last who uses it, be it by a kill.

A page of a map counts as memory of the process once it was touched. So whoever goes through a large content takes `pieces`, or says
`let_go` after each step: pages that are wanted again come back from the file.
"""

from __future__ import annotations

import errno
import hashlib
import io
import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import BinaryIO, cast

from transforms.model.errors import InstanceProblem

LARGE = 32 << 20
"""Bytes up to which content is kept in memory."""
PIECE = 16 << 20
"""Bytes of a piece; even, so that no word of two bytes is cut in two."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Content = bytes | mmap.mmap
View = bytes | memoryview


def kept(fill: Callable[[BinaryIO], object], stage: str, writable: bool = False) -> Content:
    """What `fill` writes into the file it is given. `writable` matters to a map only; bytes are never.

    Raises InstanceProblem NO_ROOM, of this stage, where the folder of temporary files takes no more, and whatever `fill` raises.
    """
    try:
        with tempfile.SpooledTemporaryFile(LARGE) as file:
            fill(cast(BinaryIO, file))
            size = file.tell()
            if size <= LARGE:
                file.seek(0)
                return file.read()
            file.flush()
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
    except OSError as error:
        if error.errno in _FULL:
            raise no_room(stage) from None
        raise


def joined(parts: Iterable[View], stage: str, writable: bool = False) -> Content:
    """The parts as one content. Raises InstanceProblem NO_ROOM."""
    return kept(lambda file: [file.write(piece) for part in parts for piece in pieces(part)], stage, writable)


def no_room(stage: str) -> InstanceProblem:
    """What becomes of an instance for which the folder of temporary files has no room."""
    return InstanceProblem(
        stage, "NO_ROOM", "there is no room for a large instance among the temporary files; let TMPDIR name a larger disk"
    )


def view(content: Content) -> View:
    """The content, so that slices of a large one are not copies."""
    return content if isinstance(content, bytes) else memoryview(content)


def pieces(content: Content | View | bytearray) -> Iterator[View]:
    """The content in its order; of a large one a part at a time, whose pages are let go when the next is asked for."""
    if len(content) <= PIECE:
        yield content if isinstance(content, bytes) else memoryview(content)
        return
    whole = memoryview(content)
    for start in range(0, len(whole), PIECE):
        yield whole[start : start + PIECE]
        let_go(whole)


def let_go(whole: memoryview) -> None:
    """Take the pages of the map that this is a view of, if it is one, out of memory; nothing is lost."""
    if isinstance(whole.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        whole.obj.madvise(mmap.MADV_DONTNEED)


def equal(parts: Iterable[View], content: Content) -> bool:
    """Whether the parts together are the content, byte for byte. All parts are taken, so that what raises at their end does."""
    whole, at, same = memoryview(content), 0, True
    for part in parts:
        same = same and bytes(whole[at : at + len(part)]) == bytes(part)
        at += len(part)
        let_go(whole)
    return same and at == len(whole)


def digest_of(content: Content) -> bytes:
    """SHA-256."""
    digest = hashlib.sha256()
    for piece in pieces(content):
        digest.update(piece)
    return digest.digest()


def as_file(content: View) -> BinaryIO:
    """The content as a file to read; no more of it is copied than is read."""
    return io.BytesIO(content) if isinstance(content, bytes) else cast(BinaryIO, _Reader(content))


class Shelf(MutableMapping[int, bytes]):
    """Values by number, in memory together up to LARGE. What takes the place of another value does not take its room."""

    def __init__(self, stage: str) -> None:
        """`stage` is that of the NO_ROOM that setting a value may raise."""
        self._stage = stage
        self._file = tempfile.SpooledTemporaryFile(LARGE)  # noqa: SIM115 - it goes with its owner
        self._spans: dict[int, tuple[int, int]] = {}

    def __setitem__(self, number: int, value: bytes) -> None:
        start = self._file.seek(0, io.SEEK_END)
        try:
            self._file.write(value)
        except OSError as error:
            if error.errno in _FULL:
                raise no_room(self._stage) from None
            raise
        self._spans[number] = (start, len(value))

    def __getitem__(self, number: int) -> bytes:
        start, length = self._spans[number]
        self._file.seek(start)
        return self._file.read(length)

    def __delitem__(self, number: int) -> None:
        del self._spans[number]

    def __contains__(self, number: object) -> bool:
        return number in self._spans

    def __iter__(self) -> Iterator[int]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


class _Reader(io.RawIOBase):
    def __init__(self, whole: memoryview) -> None:
        self._whole, self._at = whole, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._whole)}[whence])
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is of Python 3.12
        part = self._whole[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
