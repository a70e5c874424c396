"""Which lines go in the modes that choose: what anyone finds sensitive, what cannot be read, and nothing else."""

import pytest
from pydicom.dataset import Dataset

from transforms.inspection.engine import Engine, local_engine
from transforms.model.plan import ImagePlan, Pattern, TextMode
from transforms.pixels.regions import is_outside, regions
from transforms.pixels.search import Line
from transforms.pixels.selection import OUTSIDE, UNREAD, Sensitive, rows
from transforms.tags.tables import NAMED

SENSITIVE = ImagePlan(TextMode.SENSITIVE)
HARMLESS = ["LYMPH NODE", "TIS 0.4 MI 1.4", "28 Hz", "16 cm", "Gn 60", "Left Kidney", "1.06 cm", "HGen"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return local_engine()


def header(**attributes) -> Dataset:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "KOWALSKI^JAN", "4711882", "20110525"
    dataset.StudyDescription = "Cardiac stress"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def lines(*texts: str, sure: bool = True) -> list[Line]:
    """One below the other."""
    return [Line(10, 100 * number, 10 + 8 * len(text), 100 * number + 12, text, 0.9, sure) for number, text in enumerate(texts)]


def chosen(engine, found: list[Line], plan: ImagePlan = SENSITIVE, dataset: Dataset | None = None) -> dict:
    dataset = dataset or header()
    made = Sensitive(plan, dataset, engine, NAMED, lambda line: is_outside(line, regions(dataset)))
    return {one.line.text: one.info_type or one.reason for one in made(found)}


def test_what_is_sensitive_goes_and_the_rest_stays(engine):
    sensitive = {"Kowalski, Jan": "PERSON_NAME", "05/25/2011": "DATE", "ID: 4711882": "GENERIC_ID", "Dr. Susan Miller": "PERSON_NAME"}
    assert chosen(engine, lines(*HARMLESS, *sensitive)) == sensitive


def test_what_resembles_the_header_goes(engine):
    assert chosen(engine, lines("K0WAL5KI", "47I1882")) == {"K0WAL5KI": "PERSON_NAME", "47I1882": "GENERIC_ID"}


def test_what_cannot_be_read_surely_goes(engine):
    unsure = [*lines("LYMPH NODE", sure=False), Line(0, 200, 50, 212), *lines("Kowalski", sure=False)]
    assert chosen(engine, unsure) == {"LYMPH NODE": UNREAD, "": UNREAD, "Kowalski": UNREAD}


def test_pieces_of_a_row_are_read_together(engine):
    label, value = Line(10, 10, 60, 22, "Patient:", 0.9, True), Line(66, 11, 130, 23, "Rosamund", 0.9, True)
    far = Line(600, 10, 640, 22, "16 cm", 0.9, True)
    assert chosen(engine, [value, far, label]).get("Rosamund") == "PERSON_NAME"
    assert [[line.text for _, line in row] for row in rows([value, far, label])] == [["Patient:", "Rosamund"], ["16 cm"]]


def test_excluded_and_chosen_info_types(engine):
    found = lines("Kowalski, Jan", "05/25/2011")
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, exclude=frozenset({"DATE"}))) == {"Kowalski, Jan": "PERSON_NAME"}
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, frozenset({"DATE"}))) == {"05/25/2011": "DATE"}
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, frozenset())) == {}


def test_patterns_and_their_groups(engine):
    found = lines("ROOM 12", "ROOM")
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, patterns=(Pattern(r"ROOM( \d+)?"),))) == dict.fromkeys(
        ("ROOM 12", "ROOM"), "CUSTOM_REGEX"
    )
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, patterns=(Pattern(r"ROOM( \d+)?", (1,)),))) == {"ROOM 12": "CUSTOM_REGEX"}


def test_no_pattern_takes_longer_than_the_line_is_long(engine):
    """One that tries every way to cut a line into words would take for ever (`re` doubles its time with each letter)."""
    found = lines("DEPTH OF THE LIVER RIGHT LOBE LONG AXIS VIEW " * 100 + ":", "LONG AXIS")
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, frozenset(), patterns=(Pattern(r"^(\w+\s?)+$"),))) == {
        "LONG AXIS": "CUSTOM_REGEX"
    }


def test_phrases_of_the_header_go_under_clean_descriptors_only(engine):
    found = lines("CARDIAC STRESS", "LYMPH NODE")
    assert chosen(engine, found) == {}
    assert chosen(engine, found, ImagePlan(TextMode.SENSITIVE, phrases=True)) == {"CARDIAC STRESS": "CTX"}


def test_outside_the_regions_only_words_of_imaging_stay_and_inside_nothing_is_excused(engine):
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 0, 150, 639, 479
    dataset = header(SequenceOfUltrasoundRegions=[region])
    found = lines("630PQX630", "LYMPH NODE", "Kowalski", "630PQX630 ")
    assert chosen(engine, found[:2]) == {}
    assert chosen(engine, found, dataset=dataset) == {"630PQX630": OUTSIDE, "Kowalski": "PERSON_NAME"}


def test_a_region_that_cannot_be_read_excuses_nothing():
    assert regions(header(SequenceOfUltrasoundRegions=[Dataset()])) == ()
