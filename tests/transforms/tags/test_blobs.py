"""Bytes with texts in them: what is found is written over, and nothing moves."""

import random

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from transforms.inspection.finding import TextFinding
from transforms.inspection.header import terms_of
from transforms.inspection.inspector import Inspector
from transforms.tags.blobs import overwritten


class Nothing:
    def find(self, _text):
        return []


def inspector():
    header = Dataset()
    header.PatientName, header.PatientID = "Kowalski^Jan", "MRN-00482913"
    return Inspector(terms_of(header), Nothing())


def starred(value: bytes) -> bytes:
    return overwritten(value, inspector().inspect_runs, lambda found, _: "*" * len(found))[0]


def test_terms_are_found_in_letters_of_one_byte_and_of_two():
    assert starred(b"\1\2KOWALSKI\3\0") == b"\1\2********\3\0"
    wide = "by Jan Kowalski today".encode("utf-16-le")
    assert starred(b"\1\2\0\0" + wide + b"\3\3") == b"\1\2\0\0" + "by ************ today".encode("utf-16-le") + b"\3\3"


def test_what_is_too_short_to_mean_anything_stays_and_forms_count_in_sentences_only():
    assert starred(b"\1\2\3\0jan \0\3") == b"\1\2\3\0jan \0\3"
    assert starred(b"\0a^Bc\0") == b"\0a^Bc\0"
    assert starred(b"\0scanned by: Dr. Smithers\0") == b"\0scanned by: Dr. ********\0"


def test_random_bytes_stay_as_they_are():
    noise = random.Random(7).randbytes(300_000)
    assert starred(noise) == noise
    at = 123_456
    assert starred(noise[:at] + b"\0Kowalski\0" + noise[at:]) == noise[:at] + b"\0********\0" + noise[at:]


@given(st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"Kowalski", b"MRN-00482913", b"seen by Jan Kowalski "])), max_size=8))
def test_no_byte_moves_and_every_change_is_where_it_says(pieces):
    value = b"\0".join(pieces)
    new, made = overwritten(value, inspector().inspect_runs, lambda found, _: "*" * len(found))
    assert len(new) == len(value)
    assert b"Kowalski" not in new
    rest = bytearray(new)
    for one in made:
        rest[one.start : one.end] = value[one.start : one.end]
        assert one.original.encode("ascii") == value[one.start : one.end].replace(b"\0", b"")
    assert bytes(rest) == value


def test_what_is_to_stay_stays():
    found = [[TextFinding(0, 8, "PERSON_NAME", 1.0, "term")]]
    assert overwritten(b"Kowalski", lambda runs: found[: len(runs)], lambda *_: None) == (b"Kowalski", [])
