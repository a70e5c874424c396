import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.multipart import OnePart, TruncatedError, boundary_of, only_part

BOUNDARY = "a-boundary"


SIZES = st.lists(st.integers(1, 70_000), min_size=1, max_size=5)


def body(content):
    return b"".join(OnePart(content, BOUNDARY))


def taken(whole, sizes=(1 << 20,)):
    """What comes out of a body that comes in pieces of these sizes, over and over."""
    ends = list(itertools.takewhile(lambda end: end < len(whole), itertools.accumulate(itertools.cycle(sizes))))
    return b"".join(only_part((whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)), BOUNDARY.encode()))


@given(st.binary(max_size=3000) | st.sampled_from([b"", b"\r\n", b"\r\n--", b"--a-boundary", b"\r\n\r\n"]), SIZES)
def test_what_was_put_in_comes_out_however_it_comes(content, sizes):
    made = OnePart(content, BOUNDARY)
    assert len(made) == len(body(content))
    assert boundary_of(made.content_type) == BOUNDARY.encode()
    assert taken(body(content), sizes) == content


def test_a_large_content_comes_out_of_small_pieces():
    content = bytes(range(256)) * 2000
    assert taken(body(content), (5000,)) == content


@given(st.binary(max_size=2000), st.data())
def test_a_body_that_was_cut_is_never_taken_for_whole(content, data):
    whole = body(content)
    cut = data.draw(st.integers(0, len(whole) - 5))  # the last bytes are a line end and what closes the boundary
    with pytest.raises(TruncatedError):
        taken(whole[:cut])


def test_other_preambles_headers_and_epilogues():
    made = (
        b"preamble\r\n--a-boundary\r\nContent-Location: http://x\r\nMIME-Version: 1.0\r\n\r\nthe\r\ncontent\r\n--a-boundary--\r\nepilogue"
    )
    assert taken(made) == taken(made, (1,)) == b"the\r\ncontent"


@pytest.mark.parametrize("size", [1000, 65_000])
def test_two_parts_are_not_one(size):
    part = b"--a-boundary\r\nContent-Type: application/dicom\r\n\r\n" + bytes(100_000) + b"\r\n"
    with pytest.raises(ValueError, match="more than one"):
        taken(part + part + b"--a-boundary--\r\n", (size,))


@pytest.mark.parametrize(
    ("stated", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('Multipart/Related; boundary="a b"; type=application/dicom', b"a b"),
        ("application/dicom", None),
        ("", None),
    ],
)
def test_the_boundary_is_read_as_it_is_stated(stated, boundary):
    assert boundary_of(stated) == boundary


def test_a_multipart_body_without_a_boundary_is_refused():
    with pytest.raises(ValueError, match="boundary"):
        boundary_of("multipart/related")
