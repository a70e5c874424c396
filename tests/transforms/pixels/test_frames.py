"""Frames found and put back: real files against pydicom, tables, and bytes that nobody meant."""

import itertools
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from transforms.model.errors import InstanceProblem
from transforms.model.records import BoxFinding
from transforms.pixels.codecs import decode
from transforms.pixels.description import PixelDescription
from transforms.pixels.frames import coded_frames, extract_bits, locate, swap_pairs
from transforms.pixels.redact import canvas_of

CODED = [
    "emri_small_RLE.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "examples_ybr_color.dcm",
    "OBXXXX1A_rle_2frame.dcm",
    "JPEG-LL.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
]
ITEM = b"\xfe\xff\x00\xe0"


def item(content: bytes) -> bytes:
    return ITEM + struct.pack("<I", len(content)) + content


def opened(path):
    dataset = pydicom.dcmread(path)
    description = PixelDescription.from_dataset(dataset)
    return dataset, description, locate(dataset, description)


@pytest.mark.parametrize("name", CODED)
def test_real_frames_are_those_of_pydicom_and_go_back_byte_for_byte(real_file, name):
    dataset, description, frames = opened(real_file(name))
    expected = list(generate_frames(dataset.PixelData, number_of_frames=description.frames))
    assert [frames.frame(index) for index in range(description.frames)] == expected
    assert frames.trailing == 0
    assert frames.assemble({}) == (dataset.PixelData, None)


@pytest.mark.parametrize("name", CODED)
def test_a_changed_frame_leaves_every_other_fragment_as_it_was(real_file, name):
    _, description, frames = opened(real_file(name))
    last = description.frames - 1
    value = frames.assemble({last: b"new"}).value
    again = coded_frames(memoryview(value), description.frames)
    assert again.frame(last) == b"new\0"
    assert [again.fragments[index] for index in range(last)] == [frames.fragments[index] for index in range(last)]
    assert again.basic_offsets == frames.basic_offsets
    pydicom_frames = list(generate_frames(value, number_of_frames=description.frames))
    assert pydicom_frames == [again.frame(index) for index in range(description.frames)]


@pytest.mark.parametrize("name", ["MR_small.dcm", "SC_rgb_2frame.dcm", "emri_small_big_endian.dcm", "liver.dcm"])
def test_native_frames_are_slices_of_the_value(real_file, name):
    dataset, description, frames = opened(real_file(name))
    assert b"".join(frames.frame(index) for index in range(description.frames)) == dataset.PixelData
    assert frames.trailing == 0


def test_padding_after_odd_native_pixels_is_not_trailing(real_file):
    assert opened(real_file("SC_rgb_small_odd.dcm"))[2].trailing == 0


def test_bytes_after_the_last_native_frame_are_counted(real_file):
    assert opened(real_file("MR_small_padded.dcm"))[2].trailing == 128


def test_missing_native_samples_are_named(real_file):
    with pytest.raises(InstanceProblem) as problem:
        opened(real_file("MR_truncated.dcm"))
    assert problem.value.code == "PIXEL_LENGTH"


def test_surplus_native_frames_are_not_thrown_away_in_silence(real_file):
    dataset = pydicom.dcmread(real_file("SC_rgb_2frame.dcm"))
    dataset.NumberOfFrames = 1
    with pytest.raises(InstanceProblem) as problem:
        locate(dataset, PixelDescription.from_dataset(dataset))
    assert problem.value.code == "PIXEL_LENGTH"


def fragments_of(value: bytes, frames: int, *tables: bytes) -> list[int]:
    return [len(parts) for parts in coded_frames(memoryview(value), frames, *tables).fragments]


def test_fragments_are_told_apart_by_the_basic_offset_table():
    value = item(struct.pack("<2I", 0, 2 * (8 + 4))) + item(b"aaaa") + item(b"bbbb") + item(b"cccc")
    assert fragments_of(value, 2) == [2, 1]


def test_fragments_are_told_apart_by_their_first_bytes_where_tables_are_missing():
    value = item(b"") + item(b"\xff\xd8aa") + item(b"bbbb") + item(b"\xff\xd8cc")
    assert fragments_of(value, 2) == [2, 1]


def test_a_table_that_lies_is_not_believed_and_is_made_anew():
    value = item(struct.pack("<2I", 0, 999)) + item(b"aaaa") + item(b"bb")
    frames = coded_frames(memoryview(value), 2)
    assert [len(parts) for parts in frames.fragments] == [1, 1]
    assert frames.assemble({0: b"aaaaaa"}).value == item(struct.pack("<2I", 0, 14)) + item(b"aaaaaa") + item(b"bb")


def test_all_fragments_of_one_frame_belong_together():
    assert fragments_of(item(b"") + item(b"aa") + item(b"bb") + item(b"cc"), 1) == [3]


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=6), st.data())
def test_the_extended_table_follows_a_change(contents, data):
    value, offsets, lengths = encapsulate_extended(contents)
    frames = coded_frames(memoryview(value), len(contents), offsets, lengths)
    assert frames.assemble({}) == (value, (offsets, lengths))
    chosen = data.draw(st.integers(0, len(contents) - 1))
    contents[chosen] = data.draw(st.binary(min_size=1, max_size=20)) * 2
    expected = encapsulate_extended(contents)
    assert frames.assemble({chosen: contents[chosen]}) == (expected[0], expected[1:])


@given(
    st.lists(st.lists(st.binary(min_size=1, max_size=8).map(lambda part: part * 2), min_size=1, max_size=3), min_size=1, max_size=5),
    st.dictionaries(st.integers(0, 4), st.binary(min_size=1, max_size=30)),
)
def test_the_extended_table_points_at_frames_of_several_fragments(frames, changed):
    changed = {index: content for index, content in changed.items() if index < len(frames)}
    sizes = [sum(8 + len(part) for part in parts) for parts in frames]
    offsets = struct.pack(f"<{len(frames)}Q", *list(itertools.accumulate(sizes, initial=0))[:-1])
    lengths = struct.pack(f"<{len(frames)}Q", *(sum(map(len, parts)) for parts in frames))
    value = item(b"") + b"".join(item(part) for parts in frames for part in parts)
    new, tables = coded_frames(memoryview(value), len(frames), offsets, lengths).assemble(changed)
    starts, ends = (struct.unpack(f"<{len(frames)}Q", table) for table in tables)
    for index, parts in enumerate(frames):
        wanted = [changed[index] + b"\0" * (len(changed[index]) % 2)] if index in changed else parts
        first = new[8 + starts[index] :]
        assert first.startswith(b"".join(map(item, wanted)))
        assert ends[index] == (len(changed[index]) if index in changed else sum(map(len, parts)))


@pytest.mark.parametrize("extended", [False, True])
def test_real_frames_of_several_fragments_are_found_by_the_new_tables(real_file, extended):
    dataset = pydicom.dcmread(real_file("emri_small_jpeg_ls_lossless.dcm"))
    coded = list(generate_frames(dataset.PixelData, number_of_frames=10))
    if extended:
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(coded)
    else:
        dataset.PixelData = encapsulate(coded, fragments_per_frame=3, has_bot=True)
    canvas = canvas_of(dataset)
    canvas.fill(4, [BoxFinding(4, 10, 10, 30, 20)])
    result = canvas.finish()
    again = list(generate_frames(result.pixel_data, number_of_frames=10, extended_offsets=result.extended_offsets))
    assert [frame == before for frame, before in zip(again, coded, strict=True)] == [number != 4 for number in range(10)]
    before, after = (decode(frames[4], canvas.description).samples.copy() for frames in (coded, again))
    before[10:20, 10:30] = before.min()
    np.testing.assert_array_equal(after, before)


@given(
    # None begins as a frame does: several that did would be as many frames.
    st.lists(st.lists(st.binary(max_size=8).map(lambda part: b".." + part * 2), min_size=1, max_size=3), min_size=1, max_size=5),
    st.booleans(),
    st.dictionaries(st.integers(0, 4), st.binary(min_size=1, max_size=30)),
)
def test_any_fragments_survive_the_replacement_of_others(frames, has_table, changed):
    changed = {index: content for index, content in changed.items() if index < len(frames)}
    sizes = [sum(8 + len(part) for part in parts) for parts in frames]
    table = struct.pack(f"<{len(frames)}I", *list(itertools.accumulate(sizes, initial=0))[:-1])
    if not has_table and len(frames) > 1:
        frames = [[b"".join(parts)] for parts in frames]
    value = item(table if has_table else b"") + b"".join(item(part) for parts in frames for part in parts)
    found = coded_frames(memoryview(value), len(frames))
    again = coded_frames(memoryview(found.assemble(changed).value), len(frames))
    for index, parts in enumerate(frames):
        if index in changed:
            assert again.frame(index) == changed[index] + b"\0" * (len(changed[index]) % 2)
        else:
            assert [bytes(part) for part in again.fragments[index]] == parts
    assert again.basic_offsets == has_table


def test_what_follows_a_delimiter_is_trailing_and_goes():
    value = encapsulate([b"\xff\xd8aa"], has_bot=False)
    frames = coded_frames(memoryview(value + b"\xfe\xff\xdd\xe0\0\0\0\0SECRET"), 1)
    assert frames.trailing == 14
    assert frames.assemble({}).value == value


@pytest.mark.parametrize(
    ("value", "frames"),
    [
        (b"", 1),
        (b"no items", 1),
        (item(b""), 1),
        (item(b"") + item(b"aa"), 2),
        (item(b"") + ITEM + b"\xff\xff\0\0aa", 1),
        (item(b"") + item(b"aa") + b"SECRET", 1),
        (item(b"") + item(b"aa") + item(b"bb") + item(b"cc"), 2),
        (item(b"") + item(b"\xff\xd8aa") + item(b"\xff\xd8bb"), 1),
        (item(struct.pack("<2I", 0, 12)) + item(b"\xff\xd8aa") + item(b"\xff\xd8bb") + item(b"\xff\xd8cc"), 2),
        (item(b"") + 2 * item(struct.pack("<16I", 1, 64, *[0] * 14) + b"\0\7"), 1),
    ],
)
def test_items_that_make_no_frames_are_named(value, frames):
    with pytest.raises(InstanceProblem) as problem:
        coded_frames(memoryview(value), frames)
    assert problem.value.code == "BAD_FRAGMENTS"


@given(st.binary(max_size=200), st.integers(1, 4), st.binary(max_size=24), st.booleans())
def test_arbitrary_bytes_are_frames_or_a_problem(value, count, table, itemised):
    value = item(table) + item(value) if itemised else value
    try:
        frames = coded_frames(memoryview(value), count, table)
    except InstanceProblem:
        return
    assert len(frames.fragments) == count


@given(st.binary(min_size=1, max_size=40), st.data())
def test_bits_come_from_where_they_are(value, data):
    start = data.draw(st.integers(0, 8 * len(value) - 1))
    length = data.draw(st.integers(1, 8 * len(value) - start))
    bits = [(value[at // 8] >> at % 8) & 1 for at in range(start, start + length)]
    found = extract_bits(memoryview(value), start, length)
    assert [(found[at // 8] >> at % 8) & 1 for at in range(length)] == bits
    assert len(found) == -(-length // 8)


@given(st.binary(max_size=40))
def test_pairs_are_swapped_back_by_a_second_swap(value):
    assert bytes(swap_pairs(swap_pairs(memoryview(value)))) == value
