"""Content beyond LARGE lies in a file without a name; nobody who reads it can tell."""

import contextlib
import io
import mmap
import resource
import tempfile

import pytest

from transforms.model.errors import InstanceProblem
from transforms.model.large import LARGE, Shelf, as_file, digest_of, equal, joined, pieces, view

BLOCK = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def parts():
    return [BLOCK] * (LARGE // len(BLOCK)) + [b"the end"]


@contextlib.contextmanager
def no_file_larger_than(limit):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_small_content_is_bytes():
    assert joined([b"ab", memoryview(b"cd")], "tags") == b"abcd"
    assert list(pieces(b"abcd")) == [b"abcd"]


def test_a_large_content_is_the_same_from_front_to_back(parts):
    whole = b"".join(parts)
    content = joined(parts, "tags")
    assert isinstance(content, mmap.mmap)
    assert content[:] == whole
    assert b"".join(pieces(content)) == whole
    assert view(content)[-7:] == b"the end"
    assert digest_of(content) == digest_of(whole)
    assert equal(pieces(content), whole)
    assert equal([whole[:5], b"", whole[5:]], content)
    for other in ([whole[:-1], b"!"], [whole[:-1]], [whole, b"!"], []):
        assert not equal(other, content)


def test_a_large_content_has_no_name_in_the_folder_of_temporary_files(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = joined(parts, "tags")
    assert len(content) > LARGE
    assert not any(tmp_path.iterdir())


def test_a_writable_map_is_written_in_place(parts):
    content = joined(parts, "tags", writable=True)
    content[5:8] = b"new"
    assert b"".join(pieces(content))[4:9] == b"\x04new\x08"


def test_a_content_reads_as_a_file(parts):
    file = as_file(view(joined(parts, "tags")))
    assert file.read(3) == b"\0\1\2"
    assert file.seek(-3, io.SEEK_END) == LARGE + 4
    assert file.read() == b"end"
    assert file.read() == b""


def test_a_shelf_gives_what_was_last_put_there(parts):
    shelf = Shelf("pixels")
    for number in range(80):
        shelf[number] = BLOCK
    shelf[7] = b"seven"
    del shelf[8]
    assert (shelf[7], shelf[79], len(shelf), 8 in shelf) == (b"seven", BLOCK, 79, False)


def test_a_full_disk_fails_the_instance_and_says_what_to_do(parts):
    shelf = Shelf("pixels")
    with no_file_larger_than(LARGE // 2):
        with pytest.raises(InstanceProblem, match=r"tags NO_ROOM: .*TMPDIR"):
            joined(parts, "tags")
        with pytest.raises(InstanceProblem, match="pixels NO_ROOM"):
            shelf.update(dict.fromkeys(range(80), BLOCK))
