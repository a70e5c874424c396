import concurrent.futures
import subprocess
import sys

import pytest

from pipeline.local.fhir_database import FhirDatabase
from transforms.model.errors import PreflightError


def test_equal_content_adds_no_version(database, store, provenance, clock):
    with database.write(store) as writer:
        first = writer.put("Provenance", "a", provenance("a"))
    clock.advance(60)
    with database.write(store) as writer:
        again = writer.put("Provenance", "a", {**provenance("a"), "meta": {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z"}})
    assert first.created
    assert not again.created
    assert again.resource == first.resource
    assert first.resource["meta"] == {"versionId": "1", "lastUpdated": "2026-11-22T10:00:00.000Z"}


def test_changed_content_adds_a_version_and_keeps_the_old_one(database, store, provenance, clock):
    with database.write(store) as writer:
        writer.put("Provenance", "a", provenance("a", "3"))
    clock.advance(60)
    with database.write(store) as writer:
        writer.put("Provenance", "a", provenance("a", "4", meta={"tag": [{"code": "kept"}]}))
    with database.read(store) as reader:
        new, old = reader.history("Provenance", "a")
    assert new.resource["meta"] == {"versionId": "2", "lastUpdated": "2026-11-22T10:01:00.000Z", "tag": [{"code": "kept"}]}
    assert old.resource == {**provenance("a", "3"), "meta": {"versionId": "1", "lastUpdated": "2026-11-22T10:00:00.000Z"}}


def test_a_resource_comes_back_as_it_was_written(database, store, seed_page):
    resource = seed_page("instance-provenance.json") | {"id": "a"}
    with database.write(store) as writer:
        writer.put("Provenance", "a", resource)
    with database.read(store) as reader:
        found = reader.get("Provenance", "a")
    assert {key: value for key, value in found.resource.items() if key != "meta"} == resource


def test_stores_do_not_see_each_other(database, store, provenance):
    with database.write(store) as writer:
        writer.put("Provenance", "a", provenance("a"))
    with database.read(store + "2") as reader:
        assert reader.get("Provenance", "a") is None


def test_a_block_that_raises_leaves_nothing(database, store, provenance):
    def write() -> None:
        with database.write(store) as writer:
            writer.put("Provenance", "a", provenance("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with database.read(store) as reader:
        assert reader.get("Provenance", "a") is None
        assert reader.connection.execute("SELECT count(*) FROM search_values").fetchone() == (0,)


def test_threads_lose_nothing(database, store, provenance):
    def write(number: int) -> None:
        with database.write(store) as writer:
            writer.put("Provenance", f"own-{number}", provenance(f"own-{number}"))
            writer.put("Provenance", "shared", provenance("shared", instance=str(number)))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(100)))
    with database.read(store) as reader:
        assert {one.resource["id"] for one in reader.all("Provenance")} == {f"own-{number}" for number in range(100)} | {"shared"}
        history = reader.history("Provenance", "shared")
    assert [one.version for one in history] == [str(version) for version in range(100, 0, -1)]
    assert len({one.resource["target"][0]["identifier"]["value"] for one in history}) == 100


WRITE = """
import sys
from pathlib import Path
from pipeline.local.fhir_database import FhirDatabase
database = FhirDatabase(Path(sys.argv[1]))
for number in range(20):
    with database.write("projects/p/locations/l/datasets/d/fhirStores/f") as writer:
        writer.create("Provenance", {"resourceType": "Provenance", "recorded": sys.argv[2] + str(number)})
"""


def test_processes_that_open_a_new_file_at_once_lose_nothing(tmp_path, store):
    path = tmp_path / "fhir.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, str(path), name]) for name in "abcd"]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    with FhirDatabase(path).read(store) as reader:
        assert len({one.resource["recorded"] for one in reader.all("Provenance")}) == 80


def test_the_file_is_closed_to_others(database, tmp_path):
    assert (tmp_path / "fhir.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_version_is_refused(database, tmp_path):
    with database.write("") as writer:
        writer.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(PreflightError, match="another version"):
        FhirDatabase(tmp_path / "fhir.sqlite")
