"""Text in and out of the character sets of (0008,0005): what cannot be read is None, not a guess (PS3.5 6.1, PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Sequence

from pydicom.charset import decode_bytes, encode_string
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from transforms.inspection.values import NOT_STATED, is_utf8

_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, ord("\\"), ord("^"), ord("=")}
"""ISO 2022 resets to the first character set at each of these (PS3.5 6.1.2.5.3)."""
_PIECES = re.compile(r"([\r\n\t\f\\^=])")
_LAYOUT = frozenset("\r\n\t\f")


def decode(value: bytes, vr: str, encodings: Sequence[str]) -> str | None:
    """The text of a value, padding at its end removed; None if it is not text of these encodings.

    `encodings` as pydicom names them, of the data set or item (`elements.encodings`). Bytes above ASCII where no
    character set is stated are taken for UTF-8 if they are, else for Latin-1.
    """
    names = list(encodings) if vr in CUSTOMIZABLE_CHARSET_VR or vr in {"UN", "OB"} else [NOT_STATED]
    value = value.rstrip(b" \0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = _unstated(value) if names == [NOT_STATED] else decode_bytes(value, names, _DELIMITERS)
    except (UnicodeError, LookupError, ValueError):
        return None
    return None if any(_is_broken(character) for character in text) else text


def as_read(value: bytes, encodings: Sequence[str]) -> list[str]:
    """The encodings in which `decode` reads a value, so that what is left of it is written in the same: UTF-8 where no character set is
    stated and the bytes are that.
    """
    return ["utf-8"] if list(encodings) == [NOT_STATED] and is_utf8(value) else list(encodings)


def encode(text: str, vr: str, encodings: Sequence[str]) -> bytes | None:
    """The bytes of a text in these encodings, without padding; None if they cannot hold it, or would not give it back."""
    names = list(encodings) if vr in CUSTOMIZABLE_CHARSET_VR or vr in {"UN", "OB"} else [NOT_STATED]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coded = b"".join(encode_string(piece, names) if piece else b"" for piece in _PIECES.split(text))
    except (UnicodeError, LookupError, ValueError):
        return None
    return coded if decode(coded, vr, encodings) == text.rstrip(" \0") else None


def _unstated(value: bytes) -> str:
    return value.decode("utf-8" if is_utf8(value) else "latin-1")


def _is_broken(character: str) -> bool:
    return character == "\ufffd" or (unicodedata.category(character) == "Cc" and character not in _LAYOUT)
