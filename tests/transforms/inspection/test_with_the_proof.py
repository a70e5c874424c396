"""What the proof would hold an instance for is found by inspection, so that a cleaned text is not held for it."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from transforms.inspection.finding import TextFinding
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector
from transforms.proof.tokens import Reach, tokens_of

NAMES = [
    "Grünwald^Zebulon",
    "O'Brien^Mary Ann^^Dr",
    "Li^Wu",
    "van der Berg^Pieter",
    "Garcia-Marquez^Ana Lucia",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Hong^Gildong=洪^吉洞=홍^길동",
    "Åström^Øyvind",
    "DOE JANE",
    "Smith, John",
    "Kim^Soo-Jin",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frame", ["{}", "seen {} today", "CT_{}_1", "({})"])
def test_every_spelling_of_a_name_that_is_looked_for_is_found(name, frame):
    ds = Dataset()
    ds.PatientName = name
    _all_found(ds, frame)


@pytest.mark.parametrize("number", ["00458812", "A-12345", "MRN 99/1234567", "PX88213", "12345", "QKRTZWXA", "4-4-7-1-9-2-0"])
@pytest.mark.parametrize("frame", ["{}", "ID {} ok", "CT_{}_1", "x{}y"])
def test_every_spelling_of_an_id_that_is_looked_for_is_found(number, frame):
    ds = Dataset()
    ds.PatientID = number
    _all_found(ds, frame)


@settings(max_examples=12, deadline=None)
@given(st.dates(min_value=dt.date(1900, 1, 2), max_value=dt.date(2030, 1, 1)))
def test_every_spelling_of_the_birth_date_is_found(day):
    ds = Dataset()
    ds.PatientBirthDate = f"{day:%Y%m%d}"
    _all_found(ds, "born {} here")


class Nothing:
    """An engine that finds nothing, so that the header and forms have to."""

    def find(self, text: str) -> list[TextFinding]:
        del text
        return []


def _all_found(ds: Dataset, frame: str) -> None:
    inspector = Inspector(terms_of(ds), Nothing())
    for token in tokens_of(ds):
        if token.reach is not Reach.ANYWHERE and frame.startswith("x"):
            continue
        for spelling in (token.spelling, token.text, token.spelling.upper(), token.text.title()):
            text = frame.format(spelling)
            start = text.index(spelling)
            hidden = {at for one in inspector.inspect(text, "LO") for at in range(one.start, one.end)}
            left = [at for at in range(start, start + len(spelling)) if at not in hidden and text[at].isalnum()]
            assert not left, (spelling, text, token)
