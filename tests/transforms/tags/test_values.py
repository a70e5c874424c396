"""What each VR allows in one value."""

import pytest

from transforms.inspection.values import parts
from transforms.tags.values import fits


def test_a_backslash_parts_values_but_in_texts_of_one_value():
    assert list(parts("A\\BC", "LO")) == [(0, "A"), (2, "BC")]
    assert list(parts("A\\BC", "LT")) == [(0, "A\\BC")]


@pytest.mark.parametrize(
    ("value", "vr"),
    [
        ("20200101", "DA"),
        ("", "DA"),
        ("065Y", "AS"),
        ("HEAD_1", "CS"),
        ("1.5E-3", "DS"),
        ("-12", "IS"),
        ("1.2.0", "UI"),
        ("A^B=山^田", "PN"),
    ],
)
def test_a_value_of_the_vr_fits(value, vr):
    assert fits(value, vr)


@pytest.mark.parametrize(
    ("value", "vr"),
    [
        ("[DATE]", "DA"),
        ("[AGE]", "AS"),
        ("head", "CS"),
        ("A" * 17, "SH"),
        ("[X]", "IS"),
        ("1.02", "UI"),
        ("a=b=c=d", "PN"),
        ("[URL] x", "UR"),
    ],
)
def test_another_does_not(value, vr):
    assert not fits(value, vr)
