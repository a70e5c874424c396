"""Deflated data sets come back as they were, whatever the pieces, and one that breaks off says so."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model import deflate
from transforms.model.deflate import DEFLATED, Inflated, deflated, in_plain

HEAD = bytes(128) + b"DICM\2\0\0\0UL\4\0\x1e\0\0\0\2\0\x10\0UI\x16\0" + DEFLATED.encode()


@pytest.fixture(scope="module", autouse=True)
def _small_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deflate, "_STEP", 64)
        yield


@given(st.lists(st.one_of(st.binary(max_size=300), st.integers(0, 3000).map(bytes))), st.binary(max_size=200))
def test_what_was_deflated_is_inflated_and_nothing_behind_it(parts, behind):
    coded = b"".join(deflated(parts))
    assert len(coded) % 2 == 0
    stream = Inflated(memoryview(coded + behind))
    inflated = [*stream]
    assert b"".join(inflated) == b"".join(parts)
    assert stream.end in (len(coded), len(coded) - 1)
    assert coded[stream.end :].strip(b"\0") == b""
    assert zlib.decompressobj(-15).decompress(coded) == b"".join(parts)


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_a_stream_that_breaks_off_has_no_end(content, data):
    compressor = zlib.compressobj(wbits=-15)
    coded = compressor.compress(content) + compressor.flush()
    stream = Inflated(coded[: data.draw(st.integers(0, len(coded) - 1))])
    assert content.startswith(b"".join(stream))
    assert stream.end is None


@given(st.binary(max_size=300))
def test_a_deflated_file_is_the_same_in_explicit_little_endian(data_set):
    found = in_plain(HEAD + b"".join(deflated([data_set])), "read")
    assert found[len(HEAD) :] == data_set
    assert found[: len(HEAD)] == HEAD.replace(DEFLATED.encode(), b"1.2.840.10008.1.2.1\0\0\0")
    other = HEAD.replace(DEFLATED.encode(), b"1.2.840.10008.1.2.4.50") + data_set
    assert in_plain(other, "read") is other
