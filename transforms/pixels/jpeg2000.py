"""Codestreams and boxes of JPEG 2000 and HTJ2K (ITU-T T.800 Annexes A and I, T.814): parameters, and what is not samples."""

from __future__ import annotations

import struct
from typing import NamedTuple

from transforms.model.errors import InstanceProblem
from transforms.pixels.boxes import boxes, packed
from transforms.pixels.description import STAGE

_SOC, _SIZ, _COD, _COM, _SOT, _SOD, _EOC = b"\xff\x4f", 0x51, 0x52, 0x64, 0x90, 0x93, b"\xff\xd9"
_HEADER_MARKERS = frozenset({0x50, _SIZ, _COD, 0x53, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63, _COM})
"""CAP SIZ COD COC TLM PRF PLM PLT CPF QCD QCC RGN POC PPM PPT CRG COM."""
_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_KEPT_BOXES = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})
_KEPT_IN_HEADER = frozenset({b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res "})
_ENUMERATED = 1


class Parameters(NamedTuple):
    """What the main header says about the samples and how they were coded."""

    rows: int
    columns: int
    precision: int
    signed: bool
    components: int
    colour_transform: bool
    """Whether components 0 to 2 were transformed (RCT or ICT); decoders undo it."""
    reversible: bool
    """The 5-3 wavelet; else 9-7."""


def parameters(frame: bytes) -> Parameters:
    """The parameters of a codestream, bare or in JP2 boxes. Raises InstanceProblem BAD_STREAM."""
    start = next((box.body for box in boxes(frame, 0, len(frame)) if box.kind == b"jp2c"), -1) if frame.startswith(_SIGNATURE) else 0
    if start < 0:
        raise _bad("there is no codestream among its boxes")
    siz = cod = b""
    for marker, at, end in _header(frame, start + 2, len(frame), _SOT):
        if marker == _SIZ:
            siz = frame[at + 4 : end]
        elif marker == _COD:
            cod = frame[at + 4 : end]
    if frame[start : start + 2] != _SOC or len(siz) < 37 or len(cod) < 10:
        raise _bad("its main header is incomplete")
    right, bottom, left, top, *_, components, depth = struct.unpack(">8IHB", siz[2:37])  # Xsiz to Ssiz of component 0 (T.800 A.5.1)
    if len(siz) < 36 + 3 * components or set(siz[36 : 36 + 3 * components : 3]) != {depth}:
        raise _bad("its components are not all of one depth")  # decoders give all of them that of the first, and lose what does not fit
    return Parameters(bottom - top, right - left, (depth & 0x7F) + 1, bool(depth & 0x80), components, cod[4] == 1, cod[9] == 1)


def clean(frame: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The stream without comments, surplus boxes and trailing bytes, and the kinds of what went.

    A comment in a tile-part header is blanked, not cut, so that no length in the stream changes.
    """
    if not frame.startswith(_SIGNATURE):
        return _clean_codestream(frame)
    gone: list[str] = []
    parts = []
    wanted = set(_KEPT_BOXES)
    for box in boxes(frame, 0, len(frame)):
        content = frame[box.body : box.end]
        if box.kind not in wanted:
            gone.append("JP2 box")
            continue
        wanted.remove(box.kind)  # decoders read the first codestream; another would be a picture that nobody has searched
        if box.kind == b"jp2c":
            content, kinds = _clean_codestream(content)
            gone.extend(kinds)
        elif box.kind == b"jp2h":
            content, kinds = _clean_header_box(content)
            gone.extend(kinds)
        parts.append(packed(box.kind, content))
    return (b"".join(parts), tuple(gone)) if gone else (frame, ())


def _clean_header_box(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    there = boxes(content, 0, len(content))
    # An ICC profile holds free text; what it does to colour is not needed to get at the samples.
    kept = [
        b for b in there if b.kind in _KEPT_IN_HEADER and not (b.kind == b"colr" and content[b.body : b.body + 1] != bytes((_ENUMERATED,)))
    ]
    if len(kept) == len(there):
        return content, ()
    return b"".join(content[box.start : box.end] for box in kept), ("JP2 box",) * (len(there) - len(kept))


def _clean_codestream(frame: bytes) -> tuple[bytes, tuple[str, ...]]:
    if not frame.startswith(_SOC):
        raise _bad("it does not start with SOC")
    data = bytearray(frame)
    gone: list[str] = []
    cuts: list[tuple[int, int]] = []
    at = 2
    for marker, start, end in _header(frame, 2, len(frame), _SOT):
        at = end
        if marker == _COM:
            gone.append("JPEG 2000 comment")
            cuts.append((start, end))
    while frame[at : at + 2] == b"\xff\x90":
        psot = int.from_bytes(frame[at + 6 : at + 10], "big")
        stop = at + psot if psot else frame.rfind(_EOC)
        if frame[at + 2 : at + 4] != b"\x00\x0a" or not at + 14 <= stop <= len(frame):
            raise _bad("a tile-part is cut off")
        for marker, start, end in _header(frame, at + 12, stop, _SOD):
            if marker == _COM and any(frame[start + 6 : end]):
                gone.append("JPEG 2000 comment")
                data[start + 6 : end] = bytes(end - start - 6)
        at = stop
    ending = frame[at : at + 2]
    if ending not in (_EOC, b""):
        raise _bad("after its tile-parts stands something else")
    at += len(ending)
    if len(frame) - at > 1 and any(frame[at:]):  # one byte is even padding, whatever its value
        gone.append("bytes after the end of the JPEG 2000 codestream")
        del data[at:]
    for start, end in reversed(cuts):
        del data[start:end]
    return (bytes(data), tuple(gone)) if gone else (frame, ())


def _header(frame: bytes, at: int, stop: int, last: int) -> list[tuple[int, int, int]]:
    """(marker, start, end) of the segments from `at` to the marker `last`, which is not among them."""
    segments: list[tuple[int, int, int]] = []
    while True:
        if at + 2 > stop or frame[at] != 0xFF:
            raise _bad("a marker is missing")
        marker = frame[at + 1]
        if marker == last:
            return segments
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
        if marker not in _HEADER_MARKERS or end < at + 4 or end > stop:
            raise _bad("a segment is unknown or cut off")
        segments.append((marker, at, end))
        at = end


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_STREAM", f"a JPEG 2000 stream cannot be read to its end: {sentence}")
