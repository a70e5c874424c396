"""Whatever is planted in elements that the table names, at any depth, in any VR and encoding, is not in the output."""

import io
import zlib

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset

from transforms.model.keys import Secret
from transforms.model.plan import ALL_TEXT, ActionPlan, Option, Profile
from transforms.tags import tables
from transforms.tags.actions import NAMES_AN_INSTANCE
from transforms.tags.scrubber import Scrubber

CLASSES = [
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.481.5",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.3.4",
]
SYNTAXES = [
    pydicom.uid.ImplicitVRLittleEndian,
    pydicom.uid.ExplicitVRLittleEndian,
    pydicom.uid.ExplicitVRBigEndian,
    pydicom.uid.DeflatedExplicitVRLittleEndian,
]
HOLDERS = [0x00081115, 0x00081140, 0x0040A043, 0x52009229, 0x300A00B0, 0x00400275, 0x00091001]
"""Sequences that stay, one that goes, and a private one."""

DIGITS = st.integers(10**9, 10**10 - 1).map(str)
TOKEN = {
    "DA": st.integers(1000, 9999).map(lambda number: f"18{number:04d}XQ"),
    "TM": DIGITS,
    "DT": DIGITS.map(lambda digits: f"1852{digits}"),
    "UI": DIGITS.map(lambda digits: f"1.2.826.{digits}"),
    "IS": DIGITS,
    "DS": DIGITS,
    "AS": st.integers(100, 999).map(lambda number: f"{number}Q"),
    "CS": DIGITS.map(lambda digits: f"Q{digits}"),
}
TEXT = DIGITS.map(lambda digits: f"Zq{digits}")
BINARY = frozenset({"OB", "OW", "UN", "OF", "OD", "OL", "OV"})
NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "AT", "SV", "UV"})

NAMED = [
    (int(row.tag, 16), dictionary_VR(int(row.tag, 16)))
    for row in tables.ROWS
    if len(row.tag) == 8 and "x" not in row.tag and dictionary_has_tag(int(row.tag, 16)) and int(row.tag, 16) >> 16 not in (0, 2)
]
PLANTABLE = [(tag, vr) for tag, vr in NAMED if len(vr) == 2 and vr not in NUMBERS and tag not in NAMES_AN_INSTANCE]


@st.composite
def elements(draw) -> tuple[int, str, object, list[str]]:
    """An element that the table names (or a private one) with a token in it."""
    tag, vr = draw(st.sampled_from([*PLANTABLE, (0x00091010, "LO"), (0x00091011, "OB"), (0x60003000, "OB"), (0x50100020, "LO")]))
    token = draw(TOKEN.get(vr, TEXT))
    if vr == "SQ":
        item = Dataset()
        item.PatientComments = token
        return tag, vr, [item], [token]
    return tag, vr, (token.encode() * 4 if vr in BINARY else token), [token]


@st.composite
def datasets(draw, depth: int = 3) -> tuple[Dataset, list[str]]:
    """A data set with planted elements down to `depth`, and the tokens in it."""
    dataset, tokens = Dataset(), []
    for tag, vr, value, planted in draw(st.lists(elements(), max_size=6)):
        dataset.add_new(tag, vr, value)
        tokens += planted
    if depth:
        for holder in draw(st.lists(st.sampled_from(HOLDERS), max_size=2, unique=True)):
            items = draw(st.lists(datasets(depth - 1), min_size=1, max_size=2))
            dataset.add_new(holder, "SQ", [item for item, _ in items])
            for item, planted in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
                tokens += planted
    return dataset, tokens


def encoded(dataset: Dataset, syntax: str, sop_class: str) -> bytes:
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.826.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.2", "1.2.826.3"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def plain(content: bytes) -> bytes:
    """The file's bytes, inflated where they are deflated."""
    parsed = pydicom.dcmread(io.BytesIO(content))
    if parsed.file_meta.TransferSyntaxUID != pydicom.uid.DeflatedExplicitVRLittleEndian:
        return content
    start = 144 + parsed.file_meta.FileMetaInformationGroupLength
    return content[:start] + zlib.decompress(content[start:], wbits=-zlib.MAX_WBITS)


STRICT = [
    ActionPlan(Profile.BASIC, False, ALL_TEXT),
    ActionPlan(Profile.MINIMAL, False, ALL_TEXT),
    ActionPlan(Profile.KEEP_LIST, False, ALL_TEXT),
    ActionPlan(Profile.BASIC, False, ALL_TEXT, options=frozenset({Option.MODIFIED_DATES})),
]
EVERY = [ActionPlan(profile, False, ALL_TEXT) for profile in Profile] + [
    ActionPlan(Profile.BASIC, True, ALL_TEXT, options=frozenset(Option))
]


@pytest.mark.parametrize("plan", STRICT, ids=["basic", "minimal", "keepList", "modified dates"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(planted=datasets(), syntax=st.sampled_from(SYNTAXES), sop_class=st.sampled_from(CLASSES))
def test_no_planted_token_is_left(opened, plan, planted, syntax, sop_class):
    dataset, tokens = planted
    content = encoded(dataset, syntax, sop_class)
    scrubber = Scrubber(plan, Secret(b"k" * 32))
    scrubbed = scrubber.scrub(opened(content))
    raw = plain(scrubbed.content)
    assert [token for token in tokens if token.encode() in raw] == []
    again = scrubber.scrub(opened(content))
    assert (again.content, again.findings) == (scrubbed.content, scrubbed.findings)
    new = pydicom.dcmread(io.BytesIO(scrubbed.content))
    assert new.SOPInstanceUID == scrubbed.target.instance
    for element in new.iterall():
        assert not element.tag.is_private


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(planted=datasets(), syntax=st.sampled_from(SYNTAXES))
def test_scrubbing_its_own_output_leaves_no_more_to_do_but_uids_pseudonyms_and_dummies(opened, planted, syntax):
    scrubber = Scrubber(ActionPlan(Profile.BASIC, False, ALL_TEXT), Secret(b"k" * 32))
    once = scrubber.scrub(opened(encoded(planted[0], syntax, CLASSES[0])))
    twice = scrubber.scrub(opened(once.content))
    left = {finding.action.name for finding in twice.findings if not finding.tag.startswith("0012")}
    assert left <= {"REGENERATED_UID", "RESET", "RECURSED"}


@pytest.mark.parametrize("plan", EVERY, ids=[*(profile.name for profile in Profile), "all options"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(planted=datasets(), syntax=st.sampled_from(SYNTAXES), sop_class=st.sampled_from(CLASSES))
def test_every_plan_gives_a_readable_file_twice_the_same(opened, plan, planted, syntax, sop_class):
    content = encoded(planted[0], syntax, sop_class)
    scrubber = Scrubber(plan, Secret(b"k" * 32))
    scrubbed, again = scrubber.scrub(opened(content)), scrubber.scrub(opened(content))
    assert (again.content, again.findings) == (scrubbed.content, scrubbed.findings)
    assert [element.tag for element in pydicom.dcmread(io.BytesIO(scrubbed.content)).iterall()]
