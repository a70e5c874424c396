"""Names on Cloud Storage mean what names of files mean, by stand-ins that nobody here wrote."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from transforms.model import gcs
from transforms.model.errors import ConfigError
from transforms.model.storage import canonical, create_if_absent, list_files, read_bytes, read_start, remove, replace

pytestmark = pytest.mark.servers("storage")

BIG = bytes(range(256)) * 40_000


@pytest.fixture
def tree(any_bucket):
    """Objects at several depths, with a mark of an empty folder, as consoles leave them."""
    for name, size in (("z.dcm", 1), ("b/deep/y", 2), ("b/x.dcm", 3), ("a/[1].dcm", 4), ("b2/w.dcm", 5), ("b/", 0)):
        assert create_if_absent(f"{any_bucket}/in/{name}", b"x" * size)
    return f"{any_bucket}/in"


def listed(source):
    return [(uri.partition("/in/")[2], size) for uri, size in list_files(source)]


def test_a_folder_is_listed_to_its_depth_without_its_neighbours(tree):
    assert listed(tree) == [("a/[1].dcm", 4), ("b/deep/y", 2), ("b/x.dcm", 3), ("b2/w.dcm", 5), ("z.dcm", 1)]
    assert listed(f"{tree}/b") == listed(f"{tree}/b/") == [("b/deep/y", 2), ("b/x.dcm", 3)]
    assert sum(1 for _ in list_files(canonical(tree.removesuffix("/in") + "/"))) == 5


def test_globs_and_single_objects(tree):
    assert listed(f"{tree}/*.dcm") == listed(f"{tree}/?.dcm") == listed(f"{tree}/[x-z].dcm") == [("z.dcm", 1)]
    assert [name for name, _ in listed(f"{tree}/**/*.dcm")] == ["a/[1].dcm", "b/x.dcm", "b2/w.dcm", "z.dcm"]
    assert [name for name, _ in listed(f"{tree}/b*/*")] == ["b/x.dcm", "b2/w.dcm"]
    assert listed(f"{tree}/[!a-y].dcm") == [("z.dcm", 1)]
    assert listed(f"{tree}/a/[1].dcm") == [("a/[1].dcm", 4)]  # an object of that very name


def test_an_object_and_a_folder_of_one_name_are_both_meant(tree):
    assert create_if_absent(f"{tree}/b", b"xxxx")
    assert listed(f"{tree}/b") == [("b", 4), ("b/deep/y", 2), ("b/x.dcm", 3)]


def test_a_list_names_objects_in_its_folder_or_anywhere(tree):
    create_if_absent(f"{tree}/list.txt", f"\ufeffz.dcm\r\n\n{tree}/b/x.dcm\nz.dcm\n".encode())
    assert listed(f"{tree}/list.txt") == [("b/x.dcm", 3), ("z.dcm", 1)]
    create_if_absent(f"{tree}/wrong.txt", b"z.dcm\nSMITH.dcm\n")
    with pytest.raises(ConfigError, match="line 2 of the list") as refused:
        listed(f"{tree}/wrong.txt")
    assert "SMITH" not in str(refused.value)


def test_a_list_on_this_machine_names_objects_too(tree, tmp_path):
    (tmp_path / "list.txt").write_text(f"{tree}/z.dcm\n")
    assert listed(str(tmp_path / "list.txt")) == [("z.dcm", 1)]


@pytest.mark.parametrize("source", ["nowhere", "*.none", "nowhere/", "none.txt"])
def test_nothing_is_an_error(tree, source):
    with pytest.raises(ConfigError, match="--source: no file is there"):
        listed(f"{tree}/{source}")


def test_a_bucket_that_is_not_there_cannot_be_listed(any_bucket):
    with pytest.raises(ConfigError, match="--source"):
        listed(f"{any_bucket}-none/in")


def test_what_was_put_is_there_in_whole_and_in_part(any_bucket):
    assert create_if_absent(f"{any_bucket}/big", BIG)
    assert read_bytes(f"{any_bucket}/big") == BIG
    assert read_start(f"{any_bucket}/big", 132) == BIG[:132]
    assert create_if_absent(f"{any_bucket}/empty", b"")
    assert read_start(f"{any_bucket}/empty", 9) == read_bytes(f"{any_bucket}/empty") == b""
    assert create_if_absent(f"{any_bucket}/short", b"12345")
    assert read_start(f"{any_bucket}/short", 9) == b"12345"


def test_replace_and_remove(any_bucket):
    replace(f"{any_bucket}/file", b"one")
    replace(f"{any_bucket}/file", (part for part in (b"two ", b"parts")))
    assert read_bytes(f"{any_bucket}/file") == b"two parts"
    remove(f"{any_bucket}/file")
    remove(f"{any_bucket}/file")
    with pytest.raises(FileNotFoundError) as gone:
        read_bytes(f"{any_bucket}/file")
    assert "file" not in str(gone.value)


def test_parts_that_break_off_replace_nothing(bucket):
    def parts():
        yield BIG
        raise ValueError("no more")

    replace(f"{bucket}/file", b"one")
    with pytest.raises(ValueError, match="no more"):
        replace(f"{bucket}/file", parts())
    assert read_bytes(f"{bucket}/file") == b"one"


def test_create_is_once(bucket):
    assert create_if_absent(f"{bucket}/new/file", b"one") is True
    assert create_if_absent(f"{bucket}/new/file", BIG) is False
    assert read_bytes(f"{bucket}/new/file") == b"one"


def test_one_of_many_wins(bucket):
    answers, contents = [], [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=lambda c=content: answers.append((create_if_absent(f"{bucket}/f", c), c))) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content for made, content in answers if made] == [read_bytes(f"{bucket}/f")]


def test_a_generation_is_a_version_with_its_own_time(bucket):
    replace(f"{bucket}/config.json", b"one")
    one = gcs.read_generation(f"{bucket}/config.json")
    replace(f"{bucket}/config.json", b"two")
    two = gcs.read_generation(f"{bucket}/config.json")
    assert (one.content, two.content) == (b"one", b"two")
    assert one.number < two.number
    assert one.created <= two.created
    assert one.created.tzinfo is not None


@pytest.mark.parametrize("uri", ["gs://", "gs://B/x", "gs:///x", "gs://ab"])
def test_what_is_no_name_is_refused(uri):
    with pytest.raises(ConfigError, match="--source"):
        gcs.split(uri, "--source")


def test_a_stand_in_is_asked_without_looking_for_credentials_or_anybody_else(bucket, tmp_path):
    """Else the first call would wait for a metadata server, for 20 seconds where there is none."""
    assert create_if_absent(f"{bucket}/file", b"content")
    trace = tmp_path / "trace"
    guard = str(Path(__file__).parents[1] / "e2e" / "only_loopback")
    environment = {**os.environ, "PYTHONPATH": f"{guard}:{os.environ.get('PYTHONPATH', '')}", "NETWORK_TRACE": str(trace)}
    asked = f"from transforms.model import gcs; print(gcs.read('{bucket}/file'), gcs.size('{bucket}/none'))"
    said = subprocess.run([sys.executable, "-c", asked], env=environment, check=True, capture_output=True, text=True, timeout=120).stdout
    assert said == "b'content' None\n"
    assert not trace.exists(), trace.read_text()


def test_nobody_answering_is_an_os_error_without_a_name(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setattr("google.cloud.storage.retry.DEFAULT_RETRY._timeout", 0.5)
    with pytest.raises(OSError, match="does not answer") as refused:
        read_bytes("gs://bucket/SMITH")
    assert "SMITH" not in str(refused.value)
