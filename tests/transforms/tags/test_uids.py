import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from transforms.model.keys import Purpose, Secret
from transforms.tags.uids import UidMapper

MAPPER = UidMapper(Secret(b"k" * 32).purpose(Purpose.UID))
OTHER = UidMapper(Secret(b"l" * 32).purpose(Purpose.UID))


@given(st.text(min_size=1).filter(lambda uid: uid.strip(" \0") and not re.fullmatch(r"1\.2\.840\.10008\.[0-9.]+", uid.strip(" \0"))))
def test_any_uid_however_malformed_becomes_a_valid_one_that_depends_on_the_key(uid):
    new = MAPPER.new(uid)
    assert UID(new).is_valid
    assert new.startswith("2.25.")
    assert new == MAPPER.new(uid) != OTHER.new(uid)


def test_the_number_is_a_uuid():
    number = int(MAPPER.new("1.2.3").removeprefix("2.25."))
    assert number >> 76 & 0xF == 5
    assert number >> 62 & 0b11 == 0b10


@pytest.mark.parametrize("padded", ["1.2.3\0", "1.2.3 ", " 1.2.3", "1.2.3\0\0"])
def test_padding_does_not_count(padded):
    assert MAPPER.new(padded) == MAPPER.new("1.2.3")


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.4.1.1\0", ""])
def test_uids_of_the_standard_and_empty_ones_stay(uid):
    assert MAPPER.new(uid) == uid.strip("\0")


@pytest.mark.parametrize("uid", ["1.2.840.10008.DOE", "1.2.840.100080.1", "1.2.840.10008"])
def test_what_only_looks_like_the_standards_is_mapped(uid):
    assert MAPPER.new(uid).startswith("2.25.")


def test_a_content_hash_tells_two_instances_of_one_uid_apart():
    assert len({MAPPER.new("1.2.3"), MAPPER.new("1.2.3", "aa"), MAPPER.new("1.2.3", "bb")}) == 3
