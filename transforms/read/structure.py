"""An exact walk over the bytes of a DICOM file: PS3.10 section 7 (file), PS3.5 sections 7 and A (data set, fragments).

A parser that forgives lets a truncated or misread instance pass as a whole one. This walk forgives nothing that could
change what is read: every length lands exactly on the end of what holds it, or the file fails with a code. It reads no
value but the few asked for, in one pass, and it does not use the parser that the stages behind it use.

What it does accept, since the meaning is beyond doubt:
- elements out of order (nothing is lost by reading them all; our output is sorted);
- odd lengths, and a wrong file meta group length (the meta ends where group 0002 ends);
- zero bytes after the last element (padding to a block; they are cut off), and a gzip trailer with the right checksum
  after a deflated data set (RFC 1952; some writers append it);
- no preamble, or no transfer syntax in the file meta, where the data set walks exactly in the syntax its first
  element shows (implicit or explicit little endian, explicit big endian). Without a preamble nothing else says that
  the file is DICOM: what does not walk is NOT_DICOM, and so is what has no SOP Class UID.

A tag given twice in one data set fails, unless both elements are equal byte for byte: readers differ in which of two
they keep, so which value is the instance's cannot be known.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Collection, Iterable, Iterator
from struct import Struct

from pydicom.config import IGNORE
from pydicom.uid import UID, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from transforms.model.deflate import DEFLATED, Inflated, plain
from transforms.model.dictionary import vr_of
from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.model.large import Content, View, pieces, view

MAX_DEPTH = 64
"""Sequences within sequences; the deepest trees of real structured reports stay below 30."""
MAX_INFLATED = 4 << 30
"""Bytes of an inflated data set: more than an element can have. A small file that inflates to more would fill the worker's disk."""

IMPLICIT_LITTLE = str(ImplicitVRLittleEndian)
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_NOT_FOR_FILES = (
    "1.2.840.10008.1.2.4.95",  # JPIP deflated: pixels by reference only
    "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.6.",  # MIME and XML encodings, retired
    "1.2.840.10008.1.2.7.",  # real-time video
    "1.2.840.10008.1.20",  # Papyrus 3, retired
)

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WANTED = frozenset((SOP_CLASS, SOP_INSTANCE, STUDY, SERIES))
_PIXEL_DATA = 0x7FE00010
_TRANSFER_SYNTAX = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_16)
_LONG = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32)

_SENTENCES = {
    "NOT_DICOM": "the file is not DICOM",
    "EMPTY": "the file holds no data set",
    "TRUNCATED": "the file ends before an element does",
    "BAD_LENGTH": "an element's length does not fit what holds it, or a delimiter is missing or out of place",
    "BAD_VR": "an element's value representation is unknown, so its length cannot be read",
    "BAD_FILE_META": "the file meta information cannot be read",
    "MISPLACED_ELEMENT": "an element of group 0000 or 0002 stands in the data set",
    "DUPLICATE_ELEMENT": "a data set holds the same tag twice, with different values",
    "UNKNOWN_TRANSFER_SYNTAX": "the transfer syntax is private or not known, so the data set cannot be read",
    "DEFLATE_FAILED": "the deflated data set cannot be inflated whole",
    "TOO_DEEP": "sequences are nested too deeply",
}


def problem(code: str) -> InstanceProblem:
    """The outcome of a file that cannot be read; what is not DICOM at all is skipped, the rest failed."""
    return InstanceProblem("read", code, _SENTENCES[code], OutcomeKind.SKIPPED if code == "NOT_DICOM" else OutcomeKind.FAILED)


@dataclasses.dataclass(frozen=True, slots=True)
class Structure:
    """What the walk found."""

    transfer_syntax: str
    """As the file meta states it, else as the first element shows it."""
    content: Content
    """The file; one whose data set is deflated in Explicit VR Little Endian."""
    end: int
    """Where its last element ends, in bytes from its start; what follows are zero bytes."""
    lengths: dict[int, int]
    """Tag to bytes of its value, without a delimiter, for each element at the top of the data set."""
    values: dict[int, str]
    """SOP class, SOP instance, study and series UID as in the header, stripped of padding; only those present."""


def check(content: Content) -> Structure:
    """Walk a whole file. Raises InstanceProblem with one of the codes above, and nothing else, for any bytes."""
    opening = _Opening.of(content)
    lengths: dict[int, int] = {}
    values: dict[int, str] = {}
    try:
        for element in opening.walk.top(opening.start):
            lengths[element.tag] = element.end - element.start
            if element.tag in _WANTED:
                values[element.tag] = opening.walk.text(element)
        if not lengths:
            raise problem("EMPTY")
        if not opening.has_preamble and SOP_CLASS not in values:
            raise problem("NOT_DICOM")
    except InstanceProblem:
        if opening.has_preamble:
            raise
        raise problem("NOT_DICOM") from None
    return Structure(opening.transfer_syntax, opening.content, opening.walk.stopped, lengths, values)


def may_be_dicom(head: Content) -> bool:
    """Whether a file with these first bytes (132 or more, where it has them) is worth reading."""
    return _has_preamble(head) or head[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08")


def find_uids(content: Content, tags: Collection[int]) -> Iterator[tuple[int, str]]:
    """The UIDs of these tags in a file or in its first bytes, each as it is found; who has all of them need not go on.

    Raises InstanceProblem where the bytes end, or cannot be walked.
    """
    opening = _Opening.of(content, whole=False)
    for element in opening.walk.top(opening.start):
        if element.tag in tags:
            yield element.tag, opening.walk.text(element)


@dataclasses.dataclass(frozen=True, slots=True)
class _Encoding:
    """How tags and lengths are written."""

    implicit: bool
    tag: Struct
    short: Struct
    long: Struct

    @classmethod
    def of(cls, transfer_syntax: str) -> _Encoding:
        order = ">" if transfer_syntax == EXPLICIT_BIG else "<"
        return cls(transfer_syntax == IMPLICIT_LITTLE, Struct(order + "HH"), Struct(order + "H"), Struct(order + "L"))


_IMPLICIT = _Encoding.of(IMPLICIT_LITTLE)
_EXPLICIT = _Encoding.of(EXPLICIT_LITTLE)


@dataclasses.dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    start: int
    """Of the value."""
    end: int
    """Of the value, before its delimiter if it has one."""
    after: int
    """Where the next element begins."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Opening:
    """A file up to its data set."""

    content: Content
    """As in `Structure`."""
    walk: _Walk
    start: int
    transfer_syntax: str
    has_preamble: bool

    @classmethod
    def of(cls, content: Content, whole: bool = True) -> _Opening:
        """`whole` is False for the first bytes of a file: a deflated stream may then break off."""
        if not content:
            raise problem("EMPTY")
        if not may_be_dicom(content):
            raise problem("NOT_DICOM")
        has_preamble = _has_preamble(content)
        meta_start = 132 if has_preamble else 0
        try:
            stated, start = _file_meta(content, meta_start)
        except InstanceProblem as error:
            raise problem("NOT_DICOM" if not has_preamble else "TRUNCATED" if error.code == "TRUNCATED" else "BAD_FILE_META") from None
        if start >= len(content):
            raise problem("EMPTY" if has_preamble else "NOT_DICOM")
        syntax = stated or _shown_syntax(content[start : start + 6])
        if UID(syntax, IGNORE).type != "Transfer Syntax" or syntax.startswith(_NOT_FOR_FILES):
            raise problem("UNKNOWN_TRANSFER_SYNTAX")
        if syntax == DEFLATED:
            content = _inflated(content, start, whole)
        return cls(content, _Walk(content, _Encoding.of(syntax)), start, syntax, has_preamble)


def _has_preamble(content: Content) -> bool:
    return content[128:132] == b"DICM"


def _file_meta(content: Content, start: int) -> tuple[str, int]:
    """The stated transfer syntax ("" if there is none) and where the data set begins (PS3.10 section 7.1)."""
    walk, syntax, position = _Walk(content, _EXPLICIT), "", start
    while content[position : position + 2] == b"\x02\x00":
        element = walk.element(position, len(content), _EXPLICIT, 0)
        if element.tag == _TRANSFER_SYNTAX:
            syntax = walk.text(element)
        position = element.after
    return syntax, position


def _shown_syntax(first: bytes) -> str:
    """The uncompressed transfer syntax that the first six bytes of a data set show."""
    if first[4:6] not in _SHORT and first[4:6] not in _LONG:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if first[0] == 0 and first[1] != 0 else EXPLICIT_LITTLE


def _inflated(content: Content, start: int, whole: bool) -> Content:
    """The file with its data set inflated (PS3.5 A.5: raw deflate, a zero byte where the length is odd)."""
    stream = Inflated(view(content)[start:])
    try:
        inflated = plain(content[:start], _bounded(stream), "read")
    except zlib.error:
        raise problem("DEFLATE_FAILED") from None
    if whole and (stream.end is None or not _is_padding(view(content)[start + stream.end :], view(inflated)[start:])):
        raise problem("DEFLATE_FAILED")
    return inflated


def _bounded(parts: Iterable[bytes]) -> Iterator[bytes]:
    room = MAX_INFLATED
    for part in parts:
        room -= len(part)
        if room < 0:
            raise problem("DEFLATE_FAILED")
        yield part


def _is_padding(rest: View, data_set: View) -> bool:
    """Whether what follows a deflated data set is zero bytes, which a gzip trailer may precede."""
    if len(rest) >= 8 and bytes(rest[:8]) == Struct("<LL").pack(_crc(data_set), len(data_set) & 0xFFFFFFFF):
        rest = rest[8:]
    return not any(bytes(piece).strip(b"\0") for piece in pieces(rest))


def _crc(data: View) -> int:
    crc = 0
    for piece in pieces(data):
        crc = zlib.crc32(piece, crc)
    return crc


class _Walk:
    """The walk over one buffer of elements."""

    def __init__(self, data: Content, encoding: _Encoding) -> None:
        self._data, self._end, self._encoding = data, len(data), encoding
        self.stopped = 0
        """Where the last element at the top ended."""

    def text(self, element: _Element) -> str:
        """An element's value as text without padding; Latin-1, so that no two values become one."""
        return self._data[element.start : element.end].decode("latin-1").strip("\0 ")

    def top(self, position: int) -> Iterator[_Element]:
        """The elements at the top of the data set, each as soon as it and all in it have been walked."""
        seen: dict[int, tuple[int, int]] = {}
        self.stopped = position
        while position < self._end and self._data[position : position + 4].strip(b"\0"):
            element = self._member(position, self._end, self._encoding, 0, seen)
            yield element
            position = self.stopped = element.after
        if self._data[position:].strip(b"\0"):
            raise problem("MISPLACED_ELEMENT")

    def element(self, position: int, limit: int, encoding: _Encoding, depth: int) -> _Element:
        """The element at `position`, with all in it; it must end by `limit`."""
        self._need(position, 8, limit)
        group, number = encoding.tag.unpack_from(self._data, position)
        if group == 0xFFFE:  # delimiters and items have their places, and no VR
            raise problem("BAD_LENGTH")
        tag, vr = group << 16 | number, b""
        if encoding.implicit:
            length, start = encoding.long.unpack_from(self._data, position + 4)[0], position + 8
        else:
            vr = bytes(self._data[position + 4 : position + 6])
            if vr in _SHORT:
                length, start = encoding.short.unpack_from(self._data, position + 6)[0], position + 8
            elif vr in _LONG:
                self._need(position, 12, limit)
                length, start = encoding.long.unpack_from(self._data, position + 8)[0], position + 12
            else:
                raise problem("BAD_VR")
        if length != _UNDEFINED:
            self._need(start, length, limit)
            if vr == b"SQ" or (not vr and _is_sequence(tag)):
                self._sequence(start, start + length, encoding, depth + 1, delimited=False)
            return _Element(tag, start, start + length, start + length)
        if tag == _PIXEL_DATA or vr in (b"OB", b"OW"):
            end = self._fragments(start, limit, encoding)
        elif vr in (b"", b"SQ"):
            end = self._sequence(start, limit, encoding, depth + 1, delimited=True)
        elif vr == b"UN":  # PS3.5 6.2.2 note: implicit little endian inside, whatever the file's syntax
            end = self._sequence(start, limit, _IMPLICIT, depth + 1, delimited=True)
        else:
            raise problem("BAD_LENGTH")
        return _Element(tag, start, end - 8, end)

    def _member(self, position: int, limit: int, encoding: _Encoding, depth: int, seen: dict[int, tuple[int, int]]) -> _Element:
        """An element of a data set, of which `seen` are the tags so far, with the bytes each extends over."""
        element = self.element(position, limit, encoding, depth)
        group = element.tag >> 16
        if group in (0x0000, 0x0002):
            raise problem("MISPLACED_ELEMENT")
        begin, after = seen.setdefault(element.tag, (position, element.after))
        if begin != position and self._data[begin:after] != self._data[position : element.after]:
            raise problem("DUPLICATE_ELEMENT")
        return element

    def _sequence(self, position: int, limit: int, encoding: _Encoding, depth: int, delimited: bool) -> int:
        """Walk items up to the delimiter, or exactly up to `limit`; where the sequence ends (PS3.5 7.5)."""
        if depth > MAX_DEPTH:
            raise problem("TOO_DEEP")
        while delimited or position < limit:
            tag, length, position = self._marker(position, limit, encoding)
            if tag == _SEQUENCE_END and delimited and length == 0:
                break
            if tag != _ITEM:
                raise problem("BAD_LENGTH")
            position = self._item(position, limit, length, encoding, depth)
        return position

    def _item(self, position: int, limit: int, length: int, encoding: _Encoding, depth: int) -> int:
        """Walk the data set of one item; where the item ends."""
        seen: dict[int, tuple[int, int]] = {}
        if length != _UNDEFINED:
            self._need(position, length, limit)
            end = position + length
            while position < end:
                position = self._member(position, end, encoding, depth, seen).after
            return position
        while True:
            tag, length, after = self._marker(position, limit, encoding)
            if tag == _ITEM_END and length == 0:
                return after
            position = self._member(position, limit, encoding, depth, seen).after

    def _fragments(self, position: int, limit: int, encoding: _Encoding) -> int:
        """Walk the fragments of an encapsulated value to its delimiter; where that ends (PS3.5 A.4)."""
        while True:
            tag, length, position = self._marker(position, limit, encoding)
            if tag == _SEQUENCE_END and length == 0:
                return position
            if tag != _ITEM or length == _UNDEFINED:
                raise problem("BAD_LENGTH")
            self._need(position, length, limit)
            position += length

    def _marker(self, position: int, limit: int, encoding: _Encoding) -> tuple[int, int, int]:
        """Tag and length of what should be an item or a delimiter, and where its content begins."""
        self._need(position, 8, limit)
        group, number = encoding.tag.unpack_from(self._data, position)
        return group << 16 | number, encoding.long.unpack_from(self._data, position + 4)[0], position + 8

    def _need(self, position: int, count: int, limit: int) -> None:
        """Raise unless `count` bytes from `position` end by `limit`."""
        if position + count > limit:
            raise problem("TRUNCATED" if position + count > self._end else "BAD_LENGTH")


def _is_sequence(tag: int) -> bool:
    """Whether an implicit element is a sequence by the dictionary (PS3.6); private ones stay opaque where their length is defined."""
    return vr_of(tag) == "SQ"
