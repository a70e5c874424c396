"""Overlapping findings are settled so that nothing found is let go."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transforms.inspection.finding import TextFinding, settled

FINDINGS = st.lists(
    st.builds(
        lambda start, length, confidence, kind: TextFinding(start, start + length, kind, confidence, "term"),
        st.integers(0, 30),
        st.integers(1, 10),
        st.floats(0, 1),
        st.sampled_from(["DATE", "PERSON_NAME", "AGE"]),
    ),
    max_size=12,
)


@given(FINDINGS)
def test_every_found_character_stays_found_once(findings):
    answer = settled(findings)
    assert {at for one in findings for at in range(one.start, one.end)} == {at for one in answer for at in range(one.start, one.end)}
    assert all(one.end <= other.start for one, other in itertools.pairwise(answer))


def test_the_more_confident_names_the_info_type():
    answer = settled([TextFinding(0, 8, "PERSON_NAME", 0.5, "ner"), TextFinding(4, 10, "DATE", 0.9, "pattern")])
    assert answer == [TextFinding(0, 10, "DATE", 0.9, "pattern")]
