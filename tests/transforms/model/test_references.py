"""Sets of references: what a set of strings says, in a tenth of its memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model import references
from transforms.model.references import References, digest

names = st.integers(0, 2**64 - 1).map("{:016x}".format) | st.integers(0, 20).map("{:016x}".format)


@given(st.lists(names, max_size=60), st.lists(names, max_size=20), st.integers(1, 4))
def test_it_is_what_a_set_of_strings_is(added, others, loose):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(references, "_LOOSE", loose)  # so that few make many arrays
        made, plain = References(), set()
        for name in added:
            assert made.add(name) is (name not in plain)
            plain.add(name)
            assert len(made) == len(plain)
    assert set(made) == plain == made
    assert [name in made for name in others] == [name in plain for name in others]
    assert set(others) - made == set(others) - plain
    assert made & set(others) == set(others) & made == plain & set(others)


@given(st.lists(st.lists(names, max_size=8), max_size=5))
def test_lists_of_several_shards_are_one_set(lists):
    contents = ["".join(f"{name}\n" for name in some).encode() for some in lists]
    assert References.read(contents) == {name for some in lists for name in some}


@pytest.mark.parametrize("name", ["", "a", "A" * 16, "0x12345678901234", " 1234567890abcde", "1" * 17])
def test_what_is_no_reference_is_not_in_it_and_cannot_be(name):
    assert name not in References([f"{n:016x}" for n in range(3)])
    with pytest.raises(ValueError, match="16 hex digits"):
        References([name])
    assert {name} - References(["0" * 16]) == {name}


def test_it_takes_some_ten_bytes_a_reference():
    tracemalloc.start()
    try:
        made = References(digest(str(number)) for number in range(100_000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(made) == 100_000
    assert held < 1_500_000
