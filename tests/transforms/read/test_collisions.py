"""Who is written, who is a copy, who is held."""

from hypothesis import given
from hypothesis import strategies as st

from transforms.model.records import InstanceRef
from transforms.read.collisions import UID_COLLISION, resolve


def ref(name: str) -> InstanceRef:
    return InstanceRef(f"ref-{name}", f"/source/{name}", 1)


A, B, C = ref("a"), ref("b"), ref("c")
ONE, TWO = "1" * 64, "2" * 64


def test_equal_files_leave_the_first_by_uri():
    settled = resolve([(C, ONE), (A, ONE), (B, ONE)], done=(), distinct=False)
    assert settled.instances == (A,)
    assert set(settled.duplicates) == {B, C}


def test_a_finished_copy_stays_the_one():
    settled = resolve([(A, ONE), (B, ONE)], done={"ref-b"}, distinct=False)
    assert (settled.instances, settled.duplicates) == ((B,), (A,))


def test_different_contents_are_all_held():
    settled = resolve([(A, ONE), (B, TWO), (C, TWO)], done=(), distinct=False)
    assert [(r.uri, r.hold, r.distinct) for r in settled.instances] == [(A.uri, UID_COLLISION, ""), (B.uri, UID_COLLISION, "")]
    assert settled.duplicates == (C,)


def test_distinct_contents_are_told_apart_by_their_hash():
    settled = resolve([(A, ONE), (B, TWO)], done=(), distinct=True)
    assert [(r.hold, r.distinct) for r in settled.instances] == [("", ONE[:32]), ("", TWO[:32])]


groups = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("123")), unique_by=lambda member: member[0]).map(
    lambda members: [(ref(name), digit * 64) for name, digit in members]
)


@given(groups, st.sets(st.sampled_from([f"ref-{letter}" for letter in "abcdefgh"])), st.booleans(), st.randoms())
def test_nobody_is_lost_and_the_order_does_not_matter(group, done, distinct, random):
    settled = resolve(group, done, distinct)
    assert sorted(r.uri for r in (*settled.instances, *settled.duplicates)) == sorted(r.uri for r, _ in group)
    assert len(settled.instances) == len({digest for _, digest in group})
    shuffled = list(group)
    random.shuffle(shuffled)
    again = resolve(shuffled, done, distinct)
    assert again.instances == settled.instances
    assert set(again.duplicates) == set(settled.duplicates)
