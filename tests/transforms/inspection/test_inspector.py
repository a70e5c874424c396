"""What is found in the texts of an instance: by its header, by form, by language, and by VR."""

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from transforms.inspection.engine import local_engine
from transforms.inspection.finding import TextFinding
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector
from transforms.inspection.terms import Terms

STRINGS = Path(__file__).parent / "strings.txt"


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(Terms(()), local_engine())


def found(inspector: Inspector, text: str, vr: str = "LO") -> list[tuple[str, str]]:
    return [(text[one.start : one.end], one.info_type) for one in inspector.inspect(text, vr)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Robert Smith", [("Robert Smith", "PERSON_NAME")]),
        ("DOE^JANE", [("DOE^JANE", "PERSON_NAME")]),
        ("DOB 01/15/1960", [("01/15/1960", "DATE")]),
        ("MRN 12345678 Jane Doe", [("12345678", "GENERIC_ID"), ("Jane Doe", "PERSON_NAME")]),
        ("65 y/o female", [("65 y/o", "AGE")]),
        ("WILLIAM BEAUMONT HOSPITAL", [("WILLIAM BEAUMONT HOSPITAL", "LOCATION")]),
        ("12 Main Street", [("12 Main Street", "LOCATION")]),
        ("(555) 123-4567", [("(555) 123-4567", "PHONE_NUMBER")]),
        ("123-45-6789", [("123-45-6789", "US_SOCIAL_SECURITY_NUMBER")]),
        ("jane.doe@example.com", [("jane.doe@example.com", "EMAIL_ADDRESS")]),
        ("4111 1111 1111 1111", [("4111 1111 1111 1111", "CREDIT_CARD_NUMBER")]),
        ("1HGCM82633A004352", [("1HGCM82633A004352", "US_VEHICLE_IDENTIFICATION_NUMBER")]),
        ("passport C01X00478", [("C01X00478", "PASSPORT")]),
        ("SWIFT DEUTDEFF500", [("DEUTDEFF500", "SWIFT_CODE")]),
        ("911-70-1234", [("911-70-1234", "US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER")]),
        ("10.1.2.3", [("10.1.2.3", "IP_ADDRESS")]),
        ("00:1B:44:11:3A:B7", [("00:1B:44:11:3A:B7", "MAC_ADDRESS")]),
        ("DL# B6614020", [("B6614020", "US_DRIVERS_LICENSE_NUMBER")]),
        ("1.2.826.0.1.3680043.8.498.123", [("1.2.826.0.1.3680043.8.498.123", "GENERIC_ID")]),
    ],
)
def test_each_info_type_is_found(inspector, text, expected):
    assert found(inspector, text) == expected


def test_the_strings_the_rules_were_made_from_are_told_apart(inspector):
    phi = harmless = missed = in_vain = 0
    for line in STRINGS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        marked = re.search(r"\{[^{}|]+\|[A-Z_]+\}", line)
        findings = inspector.inspect(re.sub(r"\{([^{}|]+)\|[A-Z_]+\}", r"\1", line), "LO")
        phi, harmless = phi + bool(marked), harmless + (not marked)
        missed, in_vain = missed + bool(marked and not findings), in_vain + bool(findings and not marked)
    assert phi > 120
    assert harmless > 180
    assert missed <= 2
    assert in_vain <= 6


def test_the_vr_says_what_its_values_are(inspector):
    assert found(inspector, "Doe^J\\Roe^R", "PN") == [("Doe^J", "PERSON_NAME"), ("Roe^R", "PERSON_NAME")]
    assert found(inspector, "20200131", "DA") == [("20200131", "DATE")]
    assert found(inspector, "2020013112+0100", "DT") == [("2020013112+0100", "DATE")]
    assert found(inspector, "065Y", "AS") == [("065Y", "AGE")]
    assert found(inspector, "http://x", "UR") == [("http://x", "URL")]
    assert found(inspector, "^^", "PN") == []


def test_codes_and_numbers_are_measured_by_the_header_and_by_form():
    ds = Dataset()
    ds.PatientName, ds.PatientID = "Axelrod^Bo", "9988776"
    own = Inspector(terms_of(ds), local_engine())
    assert found(own, "ORIGINAL\\AXELROD", "CS") == [("AXELROD", "PERSON_NAME")]
    assert found(own, "9988776", "IS") == [("9988776", "GENERIC_ID")]
    assert found(own, "1.2.9988776.1", "UI") == [("9988776", "GENERIC_ID")]
    assert found(own, "HEAD", "CS") == []


class _Eager:
    """An engine that is as sure of every word as a form can be, to see what comes before it."""

    def find(self, text: str) -> list[TextFinding]:
        return [TextFinding(*word.span(), "LOCATION", 0.95, "ner") for word in re.finditer(r"\S+", text)]

    def expect(self, texts: Iterable[str]) -> None:
        pass


def test_the_header_comes_first_then_forms_then_language():
    ds = Dataset()
    ds.PatientName, ds.PatientID = "Axelrod^Bo", "123-45-6789"
    text = "Axelrod 123-45-6789 00:1B:44:11:3A:B7 Chest"
    found = [(text[one.start : one.end], one.info_type, one.by) for one in Inspector(terms_of(ds), _Eager()).inspect(text, "LO")]
    assert found == [
        ("Axelrod", "PERSON_NAME", "term"),
        ("123-45-6789", "GENERIC_ID", "term"),
        ("00:1B:44:11:3A:B7", "MAC_ADDRESS", "pattern"),
        ("Chest", "LOCATION", "ner"),
    ]


def test_the_allow_list_stands_after_the_header_and_before_language(inspector):
    ds = Dataset()
    ds.PatientName = "Chest^Bo"
    own = Inspector(terms_of(ds), local_engine())
    assert found(inspector, "CHEST Robert Smith") == [("Robert Smith", "PERSON_NAME")]
    assert found(own, "CHEST Robert Smith")[0][1] == "PERSON_NAME"
    assert found(own, "CHEST Robert Smith")[0][0].startswith("CHEST")


def test_a_patient_named_after_what_was_imaged_does_not_spoil_the_code_where_the_standard_defines_it():
    ds = Dataset()
    ds.PatientName = "PANCREAS_0001"
    own = Inspector(terms_of(ds), local_engine())
    assert own.inspect("PANCREAS", "CS", defined=True) == []
    assert found(own, "PANCREAS", "CS") == [("PANCREAS", "PERSON_NAME")]
    assert found(own, "Pancreas", "LO") == [("Pancreas", "PERSON_NAME")]


@pytest.mark.parametrize(
    "text",
    [
        "John Smith 3",
        "Cushing Harvey 3",
        "Smith, John 2",
        "Jane Doe I",
        "Mary Brown view",
        "Dr. John Baker type",
        "Dr. Baker 3",
        "Harvey Cushing test",
    ],
)
def test_a_full_name_or_one_beside_a_title_is_a_persons_whatever_follows(inspector, text):
    assert [kind for _, kind in found(inspector, text)] == ["PERSON_NAME"]


@pytest.mark.parametrize(
    "text",
    [
        "Baker cyst",
        "Gleason 3+4",
        "Le Fort III",
        "Ann Arbor stage II",
        "Charles Bonnet syndrome",
        "Wolff Parkinson White syndrome",
        "Thomas test",
        "Fontan 2",
    ],
)
def test_a_disease_or_grading_is_nobody(inspector, text):
    assert found(inspector, text) == []


def test_an_excluded_info_type_is_not_looked_for():
    only = Inspector(Terms(()), local_engine(), frozenset({"PERSON_NAME"}))
    assert found(only, "Dr. Robert Smith on 2020-01-31") == [("2020-01-31", "DATE")]


def test_a_long_text_is_looked_at_to_its_end_in_time(inspector):
    text = "No acute disease. " * 3000 + "Seen by Dr. Robert Smith"
    began = time.perf_counter()
    assert found(inspector, text, "UT")[-1] == ("Robert Smith", "PERSON_NAME")
    assert time.perf_counter() - began < 60


@pytest.mark.parametrize(
    "text", ["A" * 10000, "A." * 5000, "A'" * 5000, "Ab " * 3000, "1 " * 5000, "A_" * 5000, "1.2." * 2500, "Hospital of " * 800]
)
def test_no_text_takes_long(inspector, text):
    began = time.perf_counter()
    inspector.inspect(text, "UT")
    assert time.perf_counter() - began < 30


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=60), vr=st.sampled_from(["AE", "CS", "LO", "LT", "PN", "UI", "UN", "UT", "SH", "DA", "IS"]))
def test_findings_stand_in_order_within_their_value(inspector, text, vr):
    findings = inspector.inspect(text, vr)
    assert all(0 <= one.start < one.end <= len(text) and 0 <= one.confidence <= 1 for one in findings)
    assert all(one.end <= other.start for one, other in itertools.pairwise(findings))
    if vr not in {"LT", "UN", "UT"}:
        assert not any("\\" in text[one.start : one.end] for one in findings)


def test_nothing_is_fetched_at_run_time(tmp_path):
    """In a process in which every use of the network fails, with an empty home."""
    code = (
        "import sys\n"
        "def no(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'subprocess.Popen'): raise SystemExit('network')\n"
        "sys.addaudithook(no)\n"
        "from transforms.inspection.engine import local_engine\n"
        "print([one.info_type for one in local_engine().find('Seen by Barbara Jones in Chicago, mail b.jones@example.com')])\n"
    )
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert "PERSON_NAME" in done.stdout
