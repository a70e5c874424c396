import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.model.errors import InstanceProblem
from transforms.tags.samples import items

DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


@given(st.lists(st.binary(max_size=20), min_size=1))
def test_the_delimiter_goes_and_only_the_delimiter(contents):
    value = b"".join(item(content) for content in [*contents, DELIMITER])
    assert items(value) == value
    assert items(value + DELIMITER) == value


@pytest.mark.parametrize("value", [b"", DELIMITER, b"samples", item(b"ab")[:-1], item(b"ab") + b"rest", item(b"ab") + DELIMITER + b"rest"])
def test_anything_else_is_refused(value):
    with pytest.raises(InstanceProblem, match="BAD_ITEMS"):
        items(value)
