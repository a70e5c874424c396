import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.multipart import OnePart, TruncatedError, boundary_of, only_part

BOUNDARY = "a-boundary"


def body(content):
    return b"".join(OnePart(content, BOUNDARY))


@given(st.binary(max_size=300_000) | st.sampled_from([b"", b"\r\n", b"\r\n--", b"--a-boundary", b"\r\n\r\n"]))
def test_what_was_put_in_comes_out(content):
    made = OnePart(content, BOUNDARY)
    assert len(made) == len(body(content))
    assert only_part(io.BytesIO(body(content)), boundary_of(made.content_type)) == content


@given(st.binary(max_size=2000), st.data())
def test_a_body_that_was_cut_is_never_taken_for_whole(content, data):
    whole = body(content)
    cut = data.draw(st.integers(0, len(whole) - 5))  # the last bytes are a line end and what closes the boundary
    with pytest.raises(TruncatedError):
        only_part(io.BytesIO(whole[:cut]), BOUNDARY.encode())


def test_other_preambles_headers_and_epilogues():
    made = (
        b"preamble\r\n--a-boundary\r\nContent-Location: http://x\r\nMIME-Version: 1.0\r\n\r\nthe\r\ncontent\r\n--a-boundary--\r\nepilogue"
    )
    assert only_part(io.BytesIO(made), b"a-boundary") == b"the\r\ncontent"


def test_two_parts_are_not_one():
    part = b"--a-boundary\r\nContent-Type: application/dicom\r\n\r\nx\r\n"
    with pytest.raises(ValueError, match="more than one"):
        only_part(io.BytesIO(part + part + b"--a-boundary--\r\n"), b"a-boundary")


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
