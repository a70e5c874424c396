"""What is listed, in which order, and how a file comes to be."""

import os
import stat
import threading
from pathlib import Path

import pytest

from transforms.model.errors import ConfigError
from transforms.model.storage import canonical, check_place, create_if_absent, is_inside, list_files, read_start, replace

as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everywhere")


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "tree"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "a").mkdir()
    for name, size in (("z.dcm", 1), ("b/deep/y", 2), ("b/x.dcm", 3), ("a/[1].dcm", 4), (".hidden", 5)):
        (root / name).write_bytes(b"x" * size)
    return root


def listed(source: str | Path) -> list[tuple[str, int]]:
    return list(list_files(str(source)))


def test_a_folder_is_listed_to_its_depth_in_the_order_of_names(tree):
    expected = [(".hidden", 5), ("a/[1].dcm", 4), ("b/deep/y", 2), ("b/x.dcm", 3), ("z.dcm", 1)]
    assert listed(tree) == [(str(tree / name), size) for name, size in expected]


def test_links_to_files_count_even_to_none_and_links_to_folders_do_not(tree):
    (tree / "loop").symlink_to(tree)
    (tree / "link.dcm").symlink_to(tree / "z.dcm")
    (tree / "dangling.dcm").symlink_to(tree / "nowhere")
    os.mkfifo(tree / "pipe")
    found = {Path(path).name: size for path, size in listed(tree)}
    assert list(found) == [".hidden", "[1].dcm", "y", "x.dcm", "dangling.dcm", "link.dcm", "z.dcm"]
    assert found["dangling.dcm"] == 0  # the reader says what is wrong: nothing is left out silently


def test_one_spelling_for_one_folder(tree, monkeypatch):
    monkeypatch.chdir(tree)
    (tree.parent / "other").symlink_to(tree)
    assert listed("../tree/./b/..") == listed(tree) == listed(tree.parent / "other")
    assert canonical("b/../") == canonical(str(tree.parent / "other")) == str(tree)


def test_globs_and_single_files(tree):
    assert listed(tree / "*.dcm") == [(str(tree / "z.dcm"), 1)]
    assert listed(tree / "**" / "*.dcm") == [(str(tree / name), size) for name, size in (("a/[1].dcm", 4), ("b/x.dcm", 3), ("z.dcm", 1))]
    assert listed(tree / "a" / "[1].dcm") == [(str(tree / "a/[1].dcm"), 4)]


def test_a_file_list_is_relative_to_its_folder(tree):
    paths = tree / "list.txt"
    paths.write_bytes(f"\ufeffz.dcm\r\n\n{tree}/b/x.dcm\nb/../z.dcm\n".encode())
    assert listed(paths) == [(str(tree / "b/x.dcm"), 3), (str(tree / "z.dcm"), 1)]


@pytest.mark.parametrize("line", ["gone.dcm", "b", "../tree/gone"])
def test_a_line_that_names_no_file_stops_the_run_and_is_not_quoted(tree, line):
    (tree / "list.txt").write_text(f"z.dcm\n{line}\n")
    with pytest.raises(ConfigError, match="line 2 of the list") as refused:
        listed(tree / "list.txt")
    assert line not in str(refused.value).replace("number", "")


@pytest.mark.parametrize("source", ["nowhere", "*.none", "empty", "empty.txt"])
def test_nothing_is_an_error(tmp_path, source):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ConfigError, match="--source: no file is there"):
        listed(tmp_path / source)


@as_user
def test_a_closed_folder_is_an_error(tree):
    (tree / "b").chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        listed(tree)
    (tree / "b").chmod(0o700)


@pytest.mark.parametrize("name", ["s3://bucket/x", "gs://B/x", "https://host/x"])
def test_only_paths_and_cloud_storage(name):
    check_place("--source", "/a/b")
    check_place("--source", "gs://bucket/x")
    with pytest.raises(ConfigError, match="--destination"):
        check_place("--destination", name)


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("gs://bucket/a/b", "gs://bucket/a", True),
        ("gs://bucket/a", "gs://bucket", True),
        ("gs://bucket/ab", "gs://bucket/a", False),
        ("gs://bucket/a", "/a", False),
        ("/a", "gs://bucket", False),
    ],
)
def test_what_lies_inside_what(inner, outer, inside):
    assert is_inside(inner, outer) is inside


def test_create_is_once_and_whole(tmp_path):
    path = tmp_path / "new" / "file"
    assert create_if_absent(path, b"one") is True
    assert create_if_absent(path, b"two") is False
    assert path.read_bytes() == b"one"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("without", [False, True])
def test_one_of_many_wins_with_or_without_unnamed_files(tmp_path, monkeypatch, without):
    if without:
        monkeypatch.delattr(os, "O_TMPFILE")
    path, answers = tmp_path / "file", []
    contents = [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=lambda c=content: answers.append((create_if_absent(path, c), c))) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content for made, content in answers if made] == [path.read_bytes()]
    assert list(tmp_path.iterdir()) == [path]


def test_modes(tmp_path):
    old = os.umask(0o022)
    try:
        create_if_absent(tmp_path / "open", b"")
        create_if_absent(tmp_path / "closed", b"", 0o600)
        replace(tmp_path / "replaced", b"")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"open": 0o644, "closed": 0o600, "replaced": 0o600}


def test_replace_leaves_the_old_one_or_the_new_one(tmp_path):
    replace(tmp_path / "file", b"one")
    replace(tmp_path / "file", b"two")
    with pytest.raises(TypeError):
        replace(tmp_path / "file", "not bytes")
    assert (tmp_path / "file").read_bytes() == b"two"
    assert len(list(tmp_path.iterdir())) == 1


def test_read_start(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_start(str(tmp_path / "file"), 3) == b"123"
    assert read_start(str(tmp_path / "file"), 9) == b"12345"


@as_user
def test_a_closed_folder_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission"):
        create_if_absent(tmp_path / "file", b"")
    tmp_path.chmod(0o700)


def test_a_file_that_goes_while_its_folder_is_listed_is_still_named(tree):
    found = list_files(str(tree / "b"))
    first = next(found)
    (tree / "b" / "x.dcm").unlink()
    assert [(Path(path).name, size) for path, size in (first, *found)] == [("y", 2), ("x.dcm", 0)]
