"""Marker segments of a JPEG or JPEG-LS stream (ITU-T T.81 Annex B, T.87 Annex C): what is there, and what is not samples."""

from __future__ import annotations

import re
from typing import NamedTuple

from transforms.model.errors import InstanceProblem
from transforms.pixels.description import STAGE

SOI, EOI, SOS, DQT, COM, APP0, APP8, APP14 = 0xD8, 0xD9, 0xDA, 0xDB, 0xFE, 0xE0, 0xE8, 0xEE
SOF_LS = 0xF7
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), SOF_LS}) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 and JPEG-LS's SOF55; C4, C8 and CC are DHT, reserved and DAC."""
_SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0), *range(0xE0, 0xF0), SOF_LS, 0xF8, COM}) - {0xC8}
# In scan data a marker cannot occur by chance: JPEG stuffs a zero byte after FF, JPEG-LS a zero bit.
_MARKER_IN_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
_MARKER_IN_LS_SCAN = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")
_MARKER = re.compile(rb"\xff+([^\x00\xff])")


class Segment(NamedTuple):
    """One marker segment: the marker with its fill bytes starts at `start`, the parameters stand in [body, end)."""

    marker: int
    start: int
    body: int
    end: int


class Stream(NamedTuple):
    """All marker segments between SOI and EOI, and where the stream ends (after EOI)."""

    segments: tuple[Segment, ...]
    end: int


class Component(NamedTuple):
    """One component of the frame header."""

    identifier: int
    horizontal: int
    vertical: int


class FrameHeader(NamedTuple):
    """What SOFn says."""

    precision: int
    rows: int
    columns: int
    components: tuple[Component, ...]


def parse(frame: bytes) -> Stream:
    """The segments of a stream. Raises InstanceProblem BAD_STREAM at anything the standards do not have."""
    if not frame.startswith(b"\xff\xd8"):
        raise _bad("it does not start with SOI")
    segments: list[Segment] = []
    in_scan = _MARKER_IN_SCAN
    at = 2
    while True:
        found = _MARKER.match(frame, at)
        if found is None:
            raise _bad("a marker is missing")
        marker, body = found[1][0], found.end() + 2
        if marker == EOI:
            return Stream(tuple(segments), found.end())
        length = int.from_bytes(frame[found.end() : body], "big")
        end = found.end() + length
        if marker not in _SEGMENTS or length < 2 or end > len(frame):
            raise _bad("a segment is unknown or cut off")
        segments.append(Segment(marker, at, body, end))
        if marker == SOF_LS:
            in_scan = _MARKER_IN_LS_SCAN
        if marker == SOS:
            following = in_scan.search(frame, end)
            if following is None:
                raise _bad("it has no EOI")
            end = following.start()
        at = end


def frame_header(frame: bytes, stream: Stream) -> FrameHeader:
    """The one frame header of a stream. Raises InstanceProblem BAD_STREAM."""
    found = [segment for segment in stream.segments if segment.marker in FRAME_MARKERS]
    if len(found) != 1:
        raise _bad("it must have one frame header")
    body = frame[found[0].body : found[0].end]
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise _bad("its frame header is cut off")
    components = tuple(Component(body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, 6 + 3 * body[5], 3))
    return FrameHeader(body[0], int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"), components)


def near(frame: bytes, stream: Stream) -> int:
    """How far samples of a JPEG-LS stream may be off, at most (T.87 C.2.3: NEAR, before ILV and the point transform)."""
    return max(frame[segment.end - 3] for segment in stream.segments if segment.marker == SOS)


def adobe_transform(frame: bytes, stream: Stream) -> int | None:
    """The colour transform that an Adobe APP14 segment states (0 none, 1 YCbCr), or None without one."""
    for segment in stream.segments:
        body = frame[segment.body : segment.end]
        if segment.marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            return body[11]
    return None


def is_jfif(frame: bytes, stream: Stream) -> bool:
    """Whether a JFIF APP0 segment says that three components are YCbCr."""
    return any(s.marker == APP0 and frame[s.body : s.end].startswith(b"JFIF\x00") for s in stream.segments)


def clean(frame: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The stream without what decoding does not need, and the kinds of what went.

    JFIF (without its thumbnail), Adobe and the JPEG-LS colour transform (`mrfx`) stay, since colour depends on them.
    Frame headers, tables and scans stay byte for byte; a clean stream comes back as it is.
    """
    stream = parse(frame)
    kept: list[bytes] = []
    gone: list[str] = []
    at = 0
    for segment in stream.segments:
        if not (APP0 <= segment.marker < 0xF0 or segment.marker == COM):
            continue
        body = frame[segment.body : segment.end]
        needed = _needed(segment.marker, body)
        if needed == body:
            continue
        kept.append(frame[at : segment.start])
        at = segment.end
        if needed is None:
            gone.append("JPEG comment" if segment.marker == COM else f"JPEG APP{segment.marker - APP0} segment")
        else:
            gone.append(f"surplus of JPEG APP{segment.marker - APP0} segment")
            kept.append(bytes((0xFF, segment.marker)) + (len(needed) + 2).to_bytes(2, "big") + needed)
    tail = frame[stream.end :]
    if len(tail) > 1 and any(tail):  # one byte is even padding, whatever its value
        gone.append("bytes after the end of the JPEG stream")
        tail = b""
    if not gone:
        return frame, ()
    return b"".join((*kept, frame[at : stream.end], tail)), tuple(gone)


def with_headers_of(coded: bytes, like: bytes) -> bytes:
    """`coded` with the application segments and component identifiers of `like`, so that colour is understood as before."""
    source, target = parse(like), parse(coded)
    applications = b"".join(like[s.start : s.end] for s in source.segments if APP0 <= s.marker < 0xF0)
    identifiers = [component.identifier for component in frame_header(like, source).components]
    own = [component.identifier for component in frame_header(coded, target).components]
    renamed = dict(zip(own, identifiers, strict=True))
    parts = [coded[:2], applications]
    at = 2
    for segment in target.segments:
        parts.append(coded[at : segment.start])
        at = segment.end
        body = bytearray(coded[segment.body : segment.end])
        if APP0 <= segment.marker < 0xF0 or segment.marker == COM:
            continue
        if segment.marker in FRAME_MARKERS or segment.marker == SOS:
            first, step = (6, 3) if segment.marker in FRAME_MARKERS else (1, 2)
            for index in range(first, first + step * body[first - 1], step):
                body[index] = renamed[body[index]]
        parts.append(coded[segment.start : segment.body] + body)
    return b"".join((*parts, coded[at : target.end]))


def _needed(marker: int, body: bytes) -> bytes | None:
    if marker == APP0 and body.startswith(b"JFIF\x00") and len(body) >= 14:
        return body[:12] + b"\x00\x00"
    if marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        return body[:12]
    if marker == APP8 and body.startswith(b"mrfx") and len(body) == 5:
        return body
    return None


def _bad(sentence: str) -> InstanceProblem:
    return InstanceProblem(STAGE, "BAD_STREAM", f"a JPEG stream cannot be read to its end: {sentence}")
