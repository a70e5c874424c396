"""multipart/related as DICOMweb has it (PS3.18 8.6.1.2): one instance in one part, its bytes as they are."""

from __future__ import annotations

import email.message
from collections.abc import Iterator
from typing import BinaryIO

DICOM = "application/dicom"
_HEAD_BYTES = 64 << 10
"""Within which the first part's headers end."""


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


def only_part(body: BinaryIO, boundary: bytes) -> bytes:
    """The content of the one part of a body, which is read where it lies, so that it is in memory once.

    Raises TruncatedError where the body is not whole, ValueError where it has not exactly one part.
    """
    size = body.seek(0, 2)
    body.seek(0)
    head = body.read(_HEAD_BYTES)
    opening = b"--" + boundary
    at = head.find(opening)
    start = head.find(b"\r\n\r\n", at)
    if at < 0 or start < 0:
        raise TruncatedError("the first part has no beginning")
    start += 4
    closing = b"\r\n" + opening + b"--"
    tail_start = max(start - len(closing), size - _HEAD_BYTES)
    body.seek(tail_start)
    end = body.read().rfind(closing)
    if end < 0 or tail_start + end < start:
        raise TruncatedError("the last boundary is missing")
    body.seek(start)
    content = body.read(tail_start + end - start)
    if b"\r\n" + opening + b"\r\n" in content:
        raise ValueError("there is more than one part")
    return content


class OnePart:
    """A body of one part, sent piece by piece, so that the content is not copied."""

    def __init__(self, content: bytes, boundary: str) -> None:
        self._pieces = (
            f"--{boundary}\r\nContent-Type: {DICOM}\r\nContent-Length: {len(content)}\r\n\r\n".encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        )
        self.content_type = f'multipart/related; type="{DICOM}"; boundary={boundary}'

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)
