"""multipart/related as DICOMweb has it (PS3.18 8.6.1.2): one instance in one part, its bytes as they are."""

from __future__ import annotations

import email.message
import itertools
from collections.abc import Iterable, Iterator

from transforms.model.large import Content, pieces

DICOM = "application/dicom"
_HEAD_BYTES = 64 << 10
"""Within which the first part's headers end, and within which of the end the last boundary stands."""


class TruncatedError(ValueError):
    """The body ends before its last boundary."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type states; None where it is not multipart. Raises ValueError where one is lacking."""
    message = email.message.Message()
    message["Content-Type"] = content_type
    if message.get_content_maintype() != "multipart":
        return None
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise ValueError("a multipart body states its boundary")
    return boundary.encode()


def only_part(chunks: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """The content of the one part of a body, piece by piece as the body comes.

    Only who has taken all pieces has a whole content: raises TruncatedError at the end of a body that is cut off, ValueError where
    another part follows.
    """
    chunks, opening, held = iter(chunks), b"--" + boundary, b""
    for chunk in itertools.chain((_after_headers(chunks, opening),), chunks):
        held += chunk
        if b"\r\n" + opening + b"\r\n" in held:
            raise ValueError("there is more than one part")
        yield held[:-_HEAD_BYTES]
        held = held[-_HEAD_BYTES:]
    end = held.rfind(b"\r\n" + opening + b"--")
    if end < 0:
        raise TruncatedError("the last boundary is missing")
    yield held[:end]


def _after_headers(chunks: Iterator[bytes], opening: bytes) -> bytes:
    """What has come of the first part's content with the chunk in which its headers end."""
    head = b""
    for chunk in chunks:
        head += chunk
        at = head.find(opening)
        start = head.find(b"\r\n\r\n", at)
        if at >= 0 and start >= 0:
            return head[start + 4 :]
        if len(head) > _HEAD_BYTES:
            break
    raise TruncatedError("the first part has no beginning")


class OnePart:
    """A body of one part, sent piece by piece; of a large content no more than a piece is in memory."""

    def __init__(self, content: Content, boundary: str) -> None:
        self._head = f"--{boundary}\r\nContent-Type: {DICOM}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        self._content = content
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self.content_type = f'multipart/related; type="{DICOM}"; boundary={boundary}'

    def __len__(self) -> int:
        return len(self._head) + len(self._content) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from pieces(self._content)  # type: ignore[misc]  # a view is sent as bytes are
        yield self._end
