"""Ages over 89 are told together (45 CFR 164.514(b)(2)(i)(C)), in the header and as numbers.

PS3.15 E.3.5 leaves ages to the one who retains them.
"""

from __future__ import annotations

import re

from pydicom.dataset import Dataset

from transforms.tags import elements

NUMERIC_VALUE = 0x0040A30A
OTHER_FORMS = frozenset({0x0040A161, 0x0040A162, 0x0040A163})
"""Floating Point Value and Rational Numerator and Denominator, which say the same number again (PS3.3 C.18.1)."""
NUMBERS = OTHER_FORMS | {NUMERIC_VALUE}
"""All elements that say how much is measured."""
_UNITS, _CODE = 0x004008EA, 0x00080100
_OLDEST = 89
_TOLD = {"a": "90", "a_g": "90", "a_j": "90", "a_t": "90", "mo": "1080", "mo_j": "1080", "wk": "4696", "d": "32873"}
"""UCUM's units of years, months, weeks and days, and 90 years in each, rounded up."""
_AGE = re.compile(r"\d{3}[DWMY]")


def told(ages: list[str]) -> list[str] | None:
    """Values of VR AS as they may be told, over 89 years as 090Y; None where one is no age (PS3.5 6.2)."""
    if not all(_AGE.fullmatch(age.strip()) for age in ages):
        return None
    return ["090Y" if age.strip().endswith("Y") and int(age.strip()[:3]) > _OLDEST else age for age in ages]


def told_number(item: Dataset) -> str:
    """What stands in a measured value for a time of 90 years and more, whatever it measures: 90 years in its unit; else nothing."""
    units = elements.sequence(elements.at(item, _UNITS), item) if _UNITS in item else None
    at_most = _TOLD.get(elements.text_at(units[0], _CODE).strip(), "") if units else ""
    try:
        return at_most if at_most and float(elements.text_at(item, NUMERIC_VALUE)) >= float(at_most) - 0.5 else ""
    except ValueError:
        return ""
