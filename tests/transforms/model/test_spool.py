"""Shards: whole, named by what is in them, each reference once."""

import json
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.model import spool

# all text, and the halves of surrogate pairs that stand for bytes of a file name (PEP 383)
texts = st.text(
    alphabet=st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
A, B, C = (f"{number:016x}" for number in (10, 11, 2**64 - 1))
reference_names = st.text(alphabet="0123456789abcdef", min_size=16, max_size=16)
entries = st.dictionaries(
    reference_names, st.dictionaries(texts.filter(lambda key: key != "reference"), json_values, max_size=3), max_size=12
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(entries)
def test_what_goes_in_comes_out(tmp_path_factory, given_entries):
    folder = tmp_path_factory.mktemp("spool")
    spool.write_entries(folder, given_entries.items())
    expected = {reference: {"reference": reference, **entry} for reference, entry in given_entries.items()}
    assert {entry["reference"]: entry for entry in spool.read_all(folder)} == expected
    assert spool.references(folder) == set(given_entries)
    assert sum(shard.entries for shard in spool.shards(folder)) == len(given_entries)
    for path in folder.glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            json.loads(line.decode())  # strictly UTF-8


def test_the_same_entries_make_the_same_shard_in_any_order(tmp_path):
    pairs = [(f"{n:016x}", {"n": n}) for n in range(20)]
    first = spool.write_entries(tmp_path / "one", pairs)
    assert spool.write_entries(tmp_path / "two", reversed(pairs)) == first
    assert (tmp_path / "one" / f"{first[0].name}.ndjson").read_bytes() == (tmp_path / "two" / f"{first[0].name}.ndjson").read_bytes()


def test_the_same_references_again_leave_the_first_shard(tmp_path):
    first = spool.write_entries(tmp_path, [(A, {"recorded": 1})])
    assert spool.write_entries(tmp_path, [(A, {"recorded": 2})]) == first
    assert [entry["recorded"] for entry in spool.read_all(tmp_path)] == [1]


def test_a_reference_in_two_shards_is_read_once(tmp_path):
    spool.write_entries(tmp_path, [(A, {}), (B, {})])
    spool.write_entries(tmp_path, [(B, {}), (C, {})])
    assert sorted(entry["reference"] for entry in spool.read_all(tmp_path)) == [A, B, C]
    assert spool.references(tmp_path) == {A, B, C}


def test_shards_are_bounded_by_entries_and_by_bytes(tmp_path):
    by_entries = spool.write_entries(tmp_path / "entries", ((f"{n:016x}", {}) for n in range(spool.MAX_ENTRIES * 2 + 1)))
    assert [shard.entries for shard in by_entries] == [spool.MAX_ENTRIES, spool.MAX_ENTRIES, 1]
    by_bytes = spool.write_entries(tmp_path / "bytes", ((f"{n:016x}", {"text": "x" * (3 << 20)}) for n in range(4)))
    assert [shard.entries for shard in by_bytes] == [3, 1]
    assert all(shard.size == (tmp_path / "bytes" / f"{shard.name}.ndjson").stat().st_size for shard in by_bytes)


def test_an_index_without_its_shard_counts_for_nothing(tmp_path):
    (shard,) = spool.write_entries(tmp_path, [(A, {})])
    (tmp_path / f"{shard.name}.ndjson").unlink()
    assert spool.references(tmp_path) == set()
    assert spool.shards(tmp_path) == []
    assert spool.write_entries(tmp_path, [(A, {})]) == [shard]


def test_shards_are_their_owner_s(tmp_path):
    spool.write_entries(tmp_path, [(A, {})])
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_an_empty_shard_is_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="at least one entry"):
        spool.Shard(tmp_path).close()


def test_no_folder_is_no_entries(tmp_path):
    assert spool.references(tmp_path / "none") == set()
    assert list(spool.read_all(tmp_path / "none")) == []


def test_held_instances_have_shards_of_their_own_that_give_way_to_the_others(tmp_path):
    held = spool.Shard(tmp_path, spool.HELD)
    for reference in (A, B):
        held.add(reference, {"says": "held"})
    assert held.close().name.startswith(spool.HELD)
    spool.write_entries(tmp_path, [(B, {"says": "published"}), (C, {"says": "published"})])
    assert spool.references(tmp_path) == {B, C}
    assert spool.references(tmp_path, held=True) == {A, B}
    assert spool.references(tmp_path, held=None) == {A, B, C}
    assert {entry["reference"]: entry["says"] for entry in spool.read_all(tmp_path)} == {A: "held", B: "published", C: "published"}
