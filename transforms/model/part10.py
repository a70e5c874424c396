"""The head of a whole file of ours (PS3.10 7.1): preamble, DICM, and the file meta information, which begins with its own length."""

from __future__ import annotations

import re
import struct

from transforms.model.large import Content

_META_LENGTH = slice(140, 144)
"""The value of (0002,0000), the first element of a file: preamble 128, DICM 4, element header 8."""
_SYNTAX = re.compile(rb"\x02\x00\x10\x00UI(..)", re.DOTALL)
"""The header of (0002,0010), with its length."""


def data_set_start(content: Content) -> int:
    """Where the data set of a file begins that states how long its file meta information is, as every file of ours does."""
    start: int = _META_LENGTH.stop + struct.unpack("<L", content[_META_LENGTH])[0]
    return start


def transfer_syntax(content: Content) -> str:
    """The UID of the transfer syntax that such a file states; empty where it states none."""
    head = content[: data_set_start(content)]
    found = _SYNTAX.search(head)
    if found is None:
        return ""
    (length,) = struct.unpack("<H", found[1])
    return head[found.end() : found.end() + length].rstrip(b"\0 ").decode("ascii", errors="replace")
