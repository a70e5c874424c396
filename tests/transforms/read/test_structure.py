"""The walk passes what is whole and fails, with a code and nothing else, what is not."""

import collections
import contextlib
import dataclasses
import struct
import zlib
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.model.errors import InstanceProblem, OutcomeKind
from transforms.read import structure
from transforms.read.structure import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, check, find_uids

SYNTAXES = [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED]
UNDEFINED = 0xFFFFFFFF
SOP_CLASS_ELEMENT = (0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0")
UID_ELEMENT = (0x00080018, b"UI", b"1.2.3\0")


@dataclasses.dataclass(frozen=True)
class Items:
    """A sequence's items, each a list of elements; which lengths are undefined."""

    items: tuple
    open_sequence: bool
    open_items: bool


def encode(elements, syntax) -> bytes:
    order = ">" if syntax == EXPLICIT_BIG else "<"
    out = b""
    for tag, vr, value in elements:
        length = None
        if isinstance(value, Items):
            body = b"".join(item(encode(e, syntax), order, value.open_items) for e in value.items)
            length = UNDEFINED if value.open_sequence else len(body)
            value = body + marker(0xFFFEE0DD, 0, order) * value.open_sequence  # noqa: PLW2901
        out += header(tag, vr, len(value) if length is None else length, syntax, order) + value
    return out


def header(tag, vr, length, syntax, order) -> bytes:
    out = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT_LITTLE:
        return out + struct.pack("<L", length)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return out + vr + b"\0\0" + struct.pack(order + "L", length)
    return out + vr + struct.pack(order + "H", length)


def marker(tag, length, order) -> bytes:
    return struct.pack(order + "HHL", tag >> 16, tag & 0xFFFF, length)


def item(body, order, undefined) -> bytes:
    if undefined:
        return marker(0xFFFEE000, UNDEFINED, order) + body + marker(0xFFFEE00D, 0, order)
    return marker(0xFFFEE000, len(body), order) + body


def part10(data_set: bytes, syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = header(0x00020010, b"UI", len(uid), EXPLICIT_LITTLE, "<") + uid
    if syntax == DEFLATED:
        deflater = zlib.compressobj(wbits=-15)
        data_set = deflater.compress(data_set) + deflater.flush()
    return b"\0" * 128 + b"DICM" + header(0x00020000, b"UL", 4, EXPLICIT_LITTLE, "<") + struct.pack("<L", len(meta)) + meta + data_set


def code_of(content: bytes) -> str:
    try:
        check(content)
    except InstanceProblem as problem:
        return problem.code
    return "whole"


values = st.tuples(st.sampled_from([b"LO", b"OB", b"UN", b"DA"]), st.binary(max_size=20))
sequences = st.deferred(
    lambda: st.builds(Items, st.lists(data_sets, max_size=3).map(tuple), st.booleans(), st.booleans()).map(lambda items: (b"SQ", items))
)
# odd groups, so that the implicit form of a value is opaque; sequences under a tag that the dictionary knows as one
tags = st.integers(1, 0x1FF).map(lambda n: (2 * n + 0x10 | 1) << 16 | 0x1000)
value_elements = st.tuples(tags, values).map(lambda pair: (pair[0], *pair[1]))
sequence_elements = st.tuples(st.sampled_from([0x00081140, 0x00400275, 0x00081115]), sequences).map(lambda pair: (pair[0], *pair[1]))
data_sets = st.lists(st.one_of(value_elements, value_elements, sequence_elements), max_size=4, unique_by=lambda element: element[0])


@given(data_sets, st.sampled_from(SYNTAXES), st.integers(0, 20))
def test_what_is_well_formed_is_whole(elements, syntax, padding):
    elements = [SOP_CLASS_ELEMENT, UID_ELEMENT, *elements]
    content = part10(encode(elements, syntax), syntax)
    found = check(content + b"\0" * padding)
    assert found.transfer_syntax == syntax
    assert found.lengths.keys() == {tag for tag, _, _ in elements}
    assert all(found.lengths[tag] == len(value) for tag, _, value in elements if isinstance(value, bytes))
    assert found.values[structure.SOP_INSTANCE] == "1.2.3"
    assert found.content[: found.end].endswith(encode(elements, syntax))
    assert not found.content[found.end :].strip(b"\0")
    assert next(find_uids(content, (structure.SOP_INSTANCE,))) == (structure.SOP_INSTANCE, "1.2.3")


@given(data_sets, st.sampled_from(SYNTAXES[:3]), st.data())
def test_a_file_cut_short_is_never_whole_but_between_two_elements(elements, syntax, data):
    elements = [UID_ELEMENT, *elements, (0x7FE00010, b"OW", b"\x01\x02" * 8)]
    start = len(part10(b"", syntax))
    ends = [start + len(encode(elements[:n], syntax)) for n in range(1, len(elements) + 1)]
    cut = data.draw(st.integers(start, ends[-1] - 1))
    content = part10(encode(elements, syntax), syntax)[:cut]
    last = max((end for end in ends if end <= cut), default=None)
    looks_padded = last is not None and not content[last:].strip(b"\0")  # the next tag may begin with a zero byte
    assert (code_of(content) == "whole") == looks_padded


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_else(content):
    code_of(content)
    code_of(b"\0" * 128 + b"DICM" + content)
    for syntax in SYNTAXES:
        code_of(part10(content, syntax))
        code_of(part10(b"", syntax) + content)
    with contextlib.suppress(InstanceProblem):
        collections.deque(find_uids(content, (structure.SOP_INSTANCE,)), maxlen=0)


SMALL = ["CT_small.dcm", "rtplan.dcm", "image_dfl.dcm", "ExplVR_BigEnd.dcm", "UN_sequence.dcm", "MR_small_RLE.dcm", "nested_priv_SQ.dcm"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(SMALL),
    where=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    how=st.sampled_from(["set", "cut", "insert"]),
)
def test_damaged_real_files_raise_nothing_else(real_file, name, where, byte, how):
    content = bytearray(real_file(name).read_bytes())
    at = int(where * len(content))
    if how == "set":
        content[at] = byte
    elif how == "cut":
        del content[at:]
    else:
        content.insert(at, byte)
    code_of(bytes(content))


def test_every_shipped_file_that_is_whole_passes_and_the_others_are_named():
    import data_store  # noqa: PLC0415 - pydicom-data

    roots = [Path(pydicom.__file__).parent / "data", Path(data_store.__file__).parent / "data"]
    codes = {}
    for path in sorted(file for root in roots for file in root.rglob("*") if file.is_file()):
        if path.suffix in {".dcm", ""} or path.name.startswith("DICOMDIR") or path.suffix.strip(".").isdigit():
            codes[path.name] = code_of(path.read_bytes())
    assert {name: code for name, code in codes.items() if code != "whole"} == {
        "MR_truncated.dcm": "TRUNCATED",
        "rtplan_truncated.dcm": "TRUNCATED",
        "emri_small_jpeg_2k_lossless_too_short.dcm": "TRUNCATED",  # no sequence delimiter
        "DICOMDIR-nooffset": "TRUNCATED",  # a sequence longer than the file
        "SC_rgb_jpeg.dcm": "BAD_VR",  # implicit, though the file meta says JPEG; dcmdump cannot read it either
        "no_meta.dcm": "NOT_DICOM",  # begins with a stray byte
        "README": "NOT_DICOM",
    }
    assert list(codes.values()).count("whole") > 200


def test_what_is_not_dicom_is_skipped_and_what_is_broken_failed():
    with pytest.raises(InstanceProblem) as not_dicom:
        check(b"name,birth date\n" * 100)
    assert (not_dicom.value.code, not_dicom.value.kind) == ("NOT_DICOM", OutcomeKind.SKIPPED)
    with pytest.raises(InstanceProblem) as empty:
        check(b"")
    assert (empty.value.code, empty.value.kind) == ("EMPTY", OutcomeKind.FAILED)


WHOLE = encode([SOP_CLASS_ELEMENT, UID_ELEMENT], EXPLICIT_LITTLE)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (part10(b"", EXPLICIT_LITTLE), "EMPTY"),
        (part10(b"\0" * 64, EXPLICIT_LITTLE), "EMPTY"),
        (part10(WHOLE, "1.3.46.670589.33.1.4.1"), "UNKNOWN_TRANSFER_SYNTAX"),
        (part10(WHOLE, "1.2.840.10008.1.2.4.95"), "UNKNOWN_TRANSFER_SYNTAX"),
        *((part10(WHOLE, f"1.2.840.10008.1.2.{last}"), "whole") for last in ("4.110", "4.111", "4.112", "8.1")),  # newer than the parser
        (part10(WHOLE, "1.2.840.10008.5.1.4.1.1.7"), "UNKNOWN_TRANSFER_SYNTAX"),
        (part10(b"", DEFLATED) + b"\xff" * 20, "DEFLATE_FAILED"),
        (part10(WHOLE, DEFLATED)[:-3], "DEFLATE_FAILED"),
        (part10(WHOLE, DEFLATED) + b"more", "DEFLATE_FAILED"),
        (part10(WHOLE, EXPLICIT_LITTLE) + b"more than padding", "BAD_VR"),
        (part10(WHOLE, EXPLICIT_LITTLE) + b"\0\0\0\0\1\0\0\0", "MISPLACED_ELEMENT"),
        (part10(WHOLE + WHOLE, EXPLICIT_LITTLE), "whole"),
        (part10(WHOLE + encode([(0x00080018, b"UI", b"1.2.4\0")], EXPLICIT_LITTLE), EXPLICIT_LITTLE), "DUPLICATE_ELEMENT"),
        (part10(WHOLE + encode([(0x00020010, b"UI", b"1.2\0")], EXPLICIT_LITTLE), EXPLICIT_LITTLE), "MISPLACED_ELEMENT"),
        (part10(WHOLE + encode([(0x00000002, b"UI", b"1.2\0")], EXPLICIT_LITTLE), EXPLICIT_LITTLE), "MISPLACED_ELEMENT"),
        (part10(encode([UID_ELEMENT, SOP_CLASS_ELEMENT], EXPLICIT_LITTLE), EXPLICIT_LITTLE), "whole"),
        (part10(WHOLE + encode([(0x00100010, b"??", b"")], EXPLICIT_LITTLE), EXPLICIT_LITTLE), "BAD_VR"),
        (b"\0" * 128 + b"DICM\x02\x00\x10\x00??\x02\x00..", "BAD_FILE_META"),
        (b"\0" * 128 + b"DICM\x02\x00\x10\x00UI\xff\x00..", "TRUNCATED"),
        (WHOLE, "whole"),
        (WHOLE[:-1], "NOT_DICOM"),
        (encode([UID_ELEMENT], EXPLICIT_LITTLE), "NOT_DICOM"),
    ],
)
def test_codes(content, code):
    assert code_of(content) == code


ITEM = item(encode([(0x00080100, b"LO", b"1234")], EXPLICIT_LITTLE), "<", undefined=False)
OPEN_ITEM = item(encode([(0x00080100, b"LO", b"1234")], EXPLICIT_LITTLE), "<", undefined=True)
END = marker(0xFFFEE0DD, 0, "<")
BAD_END = marker(0xFFFEE0DD, 2, "<") + b"xx"


def undefined(tag: int, vr: bytes, value: bytes) -> bytes:
    return part10(WHOLE + header(tag, vr, UNDEFINED, EXPLICIT_LITTLE, "<") + value, EXPLICIT_LITTLE)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (undefined(0x00081140, b"SQ", ITEM + OPEN_ITEM + END), "whole"),
        (undefined(0x00081140, b"SQ", ITEM + BAD_END), "BAD_LENGTH"),
        (undefined(0x00081140, b"SQ", ITEM), "TRUNCATED"),
        (undefined(0x00081140, b"SQ", OPEN_ITEM[:-8] + marker(0xFFFEE00D, 2, "<") + b"xx" + END), "BAD_LENGTH"),
        (undefined(0x00081140, b"SQ", OPEN_ITEM[:-8] + END), "BAD_LENGTH"),
        (undefined(0x7FE00010, b"OB", ITEM + END), "whole"),
        (undefined(0x7FE00010, b"OB", ITEM + BAD_END), "BAD_LENGTH"),
        (undefined(0x7FE00010, b"OB", OPEN_ITEM + END), "BAD_LENGTH"),
        (undefined(0x7FE00010, b"OB", b"\x01\x02" * 40 + END), "BAD_LENGTH"),
        (undefined(0x00081140, b"UT", ITEM + END), "BAD_LENGTH"),
        (part10(WHOLE + END, EXPLICIT_LITTLE), "BAD_LENGTH"),
        (part10(encode([SOP_CLASS_ELEMENT], IMPLICIT_LITTLE) + END, IMPLICIT_LITTLE), "BAD_LENGTH"),
        (part10(header(0x00081140, b"SQ", 16, IMPLICIT_LITTLE, "<") + b"not an item here", IMPLICIT_LITTLE), "BAD_LENGTH"),
    ],
)
def test_framing(content, code):
    assert code_of(content) == code


def nested(depth: int, undefined: bool) -> bytes:
    elements = []
    for _ in range(depth):
        elements = [(0x00081140, b"SQ", Items((elements,), undefined, undefined))]
    return part10(encode(elements, EXPLICIT_LITTLE), EXPLICIT_LITTLE)


@pytest.mark.parametrize("undefined", [True, False])
def test_depth_is_bounded(undefined):
    assert code_of(nested(structure.MAX_DEPTH, undefined)) == "whole"
    assert code_of(nested(structure.MAX_DEPTH + 1, undefined)) == "TOO_DEEP"


def test_an_item_longer_than_its_sequence_fails_even_inside_the_file():
    inner = item(encode([(0x00080100, b"LO", b"1234")], EXPLICIT_LITTLE), "<", undefined=False)
    sequence = header(0x00081140, b"SQ", len(inner) - 2, EXPLICIT_LITTLE, "<") + inner
    assert code_of(part10(WHOLE + sequence + b"\x10\x00\x10\x00PN\x10\x00" + b"x" * 16, EXPLICIT_LITTLE)) == "BAD_LENGTH"


def test_unknown_values_of_undefined_length_are_implicit_inside():
    inside = encode([(0x00080100, b"LO", b"1234")], IMPLICIT_LITTLE)
    value = item(inside, "<", undefined=True) + marker(0xFFFEE0DD, 0, "<")
    assert code_of(part10(WHOLE + header(0x00091001, b"UN", UNDEFINED, EXPLICIT_LITTLE, "<") + value, EXPLICIT_LITTLE)) == "whole"


def test_fragments_may_hold_what_looks_like_a_delimiter():
    fragment = item(b"\xfe\xff\xdd\xe0\0\0\0\0" + b"jpeg" * 3, "<", undefined=False)
    value = item(b"", "<", undefined=False) + fragment + marker(0xFFFEE0DD, 0, "<")
    found = check(part10(WHOLE + header(0x7FE00010, b"OB", UNDEFINED, EXPLICIT_LITTLE, "<") + value, "1.2.840.10008.1.2.4.50"))
    assert found.lengths[0x7FE00010] == len(value) - 8


@pytest.mark.filterwarnings("error")
def test_a_transfer_syntax_that_is_no_uid_is_not_quoted_in_a_warning():
    assert code_of(part10(WHOLE, "Doe^Jane")) == "UNKNOWN_TRANSFER_SYNTAX"


def test_a_gzip_trailer_is_accepted_only_with_the_right_checksum():
    deflated = part10(WHOLE, DEFLATED)
    trailer = struct.pack("<LL", zlib.crc32(WHOLE), len(WHOLE))
    assert code_of(deflated + trailer) == "whole"
    assert code_of(deflated + trailer[::-1]) == "DEFLATE_FAILED"


def test_an_inflating_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(structure, "MAX_INFLATED", 1 << 20)
    bomb = encode([SOP_CLASS_ELEMENT, (0x7FE00010, b"OW", b"\0" * (4 << 20))], EXPLICIT_LITTLE)
    assert code_of(part10(bomb, DEFLATED)) == "DEFLATE_FAILED"
