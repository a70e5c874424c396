"""A UID becomes a file name only if it cannot lead out of the destination."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.errors import InstanceProblem
from transforms.model.records import InstanceUids
from transforms.write.paths import destination_path


def test_the_three_levels():
    assert destination_path("/out", InstanceUids("1.2", "1.3", "1.4")) == Path("/out/1.2/1.3/1.4.dcm")


@pytest.mark.parametrize(
    "uid", ["", ".", "..", "../../x", "1..2", "1.2/3", "1.2\n", "/etc", "1.2\0", "١.٢", "1." * 40 + "1", "1.2.", "Doe^Jane"]
)
@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_a_hostile_uid_is_refused_without_being_quoted(uid, level):
    target = InstanceUids(**{"study": "1.2", "series": "1.3", "instance": "1.4"} | {level: uid})
    with pytest.raises(InstanceProblem) as refused:
        destination_path("/out", target)
    assert (refused.value.stage, refused.value.code) == ("write", "BAD_UID")
    assert len(uid) < 3 or uid not in str(refused.value)


@given(st.text(max_size=70), st.text(alphabet="0123456789./", max_size=70), st.text(max_size=70))
def test_no_uid_escapes(study, series, instance):
    try:
        path = destination_path("/out", InstanceUids(study, series, instance))
    except InstanceProblem:
        return
    assert path.resolve() == path
    assert path.parts[:2] == ("/", "out")
    assert len(path.parts) == 5
