"""Table E.1-1 as generated: complete, and found by tag. What others read from the standard: test_tables_of_others.py."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.tags.tables import EDITION, OPTIONS, ROWS, row


def test_the_table_is_whole():
    assert EDITION == "2026d"
    assert len(ROWS) == len({each.tag for each in ROWS}) == 657
    assert Counter(each.basic for each in ROWS) == {
        "X": 417, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
    }  # fmt: skip
    assert sum(each.retired for each in ROWS) == 102
    assert all(re.fullmatch(r"[0-9A-F]{8}|50xxxxxx|60xx[34]000|private", each.tag) for each in ROWS)


def test_the_option_columns_hold_what_the_standard_says():
    counts = Counter((option, code) for each in ROWS for option, code in each.options.items())
    assert len(OPTIONS) == 10
    assert counts == {
        ("retain_safe_private", "C"): 1,
        ("retain_uids", "K"): 60,
        ("retain_device_identity", "K"): 48,
        ("retain_device_identity", "C"): 11,
        ("retain_institution_identity", "K"): 10,
        ("retain_patient_characteristics", "K"): 14,
        ("retain_patient_characteristics", "C"): 5,
        ("retain_longitudinal_full_dates", "K"): 169,
        ("retain_longitudinal_modified_dates", "C"): 169,
        ("clean_descriptors", "C"): 141,
        ("clean_structured_content", "C"): 4,
        ("clean_graphics", "C"): 4,
    }


@pytest.mark.parametrize(
    ("tag", "name", "basic"),
    [
        (0x00100010, "Patient's Name", "Z"),
        (0x00100020, "Patient ID", "Z/D"),
        (0x00080018, "SOP Instance UID", "U"),
        (0x00081140, "Referenced Image Sequence", "X/Z/U*"),
        (0x50000005, "Curve Data", "X"),
        (0x501E3000, "Curve Data", "X"),
        (0x60003000, "Overlay Data", "X"),
        (0x60FE3000, "Overlay Data", "X"),
        (0x60024000, "Overlay Comments", "X"),
        (0x00091001, "Private Attributes", "X"),
        (0x00290010, "Private Attributes", "X"),
        (0x60013000, "Private Attributes", "X"),
    ],
)
def test_a_row_is_found_by_tag(tag, name, basic):
    found = row(tag)
    assert (found.name, found.basic) == (name, basic)


@pytest.mark.parametrize("tag", [0x00280010, 0x60000010, 0x60023001, 0x7FE00010, 0x51000010 & 0xFE00FFFF | 0x52000000, 0x00080060])
def test_a_tag_that_the_table_does_not_name_has_no_row(tag):
    assert row(tag) is None


@given(st.integers(0, 0xFFFFFFFF))
def test_every_odd_group_is_private_and_no_even_one(tag):
    found = row(tag)
    assert (found is not None and found.tag == "private") == bool(tag >> 16 & 1)
