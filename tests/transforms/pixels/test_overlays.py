"""Text in an overlay that stays is found and cleared, in any layout of its bitmap; one that goes is not asked about."""

import datetime as dt
import io

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from transforms.model.errors import InstanceProblem
from transforms.model.plan import ALL_TEXT, NO_TEXT, ActionPlan, Profile, Rule, Verb
from transforms.model.query import parse_query
from transforms.model.records import InstanceRef, InstanceUids, OpenInstance, PixelResult, PixelSearch, SecondLook
from transforms.pixels.overlays import planes
from transforms.pixels.redactor import Redactor
from transforms.pixels.strengths import text_search
from transforms.tags.scrubber import Scrubber

KEEP_ALL = ActionPlan(Profile.KEEP_ALL, False, ALL_TEXT)


def drawing(frames: int) -> np.ndarray:
    """A name over a long line, as people mark pictures; the name in the last frame only."""
    bits = np.zeros((frames, 128, 251), np.uint8)
    bits[:, 100:102, 5:240] = 1
    cv2.putText(bits[-1], "KOWALSKI", (12, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 1, 2)
    return bits


def instance(real_file, frames: int, syntax: str, **more) -> OpenInstance:
    dataset = pydicom.dcmread(real_file("MR_small.dcm" if syntax == ExplicitVRLittleEndian else "MR_small_bigendian.dcm"))
    dataset.add_new(0x60020010, "US", 128)
    dataset.add_new(0x60020011, "US", 251)
    dataset.add_new(0x60020050, "SS", [1, 1])
    if frames > 1:
        dataset.add_new(0x60020015, "IS", frames)
    packed = np.packbits(drawing(frames), bitorder="little").tobytes()
    packed += b"\0" * (len(packed) % 2)
    words = np.frombuffer(packed, "<u2").astype(">u2" if syntax == ExplicitVRBigEndian else "<u2").tobytes()
    dataset.add_new(0x60023000, "OW", words)
    for tag, (vr, value) in more.items():
        dataset.add_new(int(tag.removeprefix("t"), 16), vr, value)
    return saved(dataset)


def saved(dataset: pydicom.FileDataset, **how) -> OpenInstance:
    """The data set as a file, read again."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, **how)
    whole = pydicom.dcmread(io.BytesIO(buffer.getvalue()))
    uids = InstanceUids(whole.StudyInstanceUID, whole.SeriesInstanceUID, whole.SOPInstanceUID)
    return OpenInstance(InstanceRef("00" * 8, "/x", 0), uids, whole, dt.datetime.now(dt.UTC))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("frames", [1, 2])
def test_a_name_in_a_kept_overlay_goes_and_what_is_drawn_stays(real_file, secret, frames, syntax):
    redacted = Redactor(ALL_TEXT, text_search(PixelSearch.DEFAULT), overlays=True).redact(instance(real_file, frames, syntax))
    assert redacted.pixels.second_look is SecondLook.CLEAN
    scrubbed = Scrubber(KEEP_ALL, secret).scrub(redacted)
    (plane,) = planes(pydicom.dcmread(io.BytesIO(scrubbed.content)))
    assert not plane.bits[:, :90].any()
    assert np.array_equal(plane.bits[:, 90:], drawing(frames)[:, 90:])
    (told,) = [finding for finding in scrubbed.findings if finding.tag == "60023000"]
    assert (told.original, told.reason) == ("KOWALSKI", "Matched Expression: 1 line of text in an overlay")


def test_an_overlay_that_goes_is_told_once(real_file, secret):
    redacted = Redactor(ALL_TEXT, text_search(PixelSearch.DEFAULT), overlays=True).redact(instance(real_file, 1, ExplicitVRLittleEndian))
    scrubbed = Scrubber(ActionPlan(Profile.BASIC, False, ALL_TEXT), secret).scrub(redacted)
    assert [finding.action for finding in scrubbed.findings if finding.tag == "60023000"] == ["DELETED"]


@pytest.mark.parametrize(
    "broken", [{"t60020010": ("US", 0)}, {"t60020010": ("US", 64)}, {"t60020011": ("US", 9999)}, {"t60020015": ("LO", "two")}]
)
def test_a_plane_of_another_size_than_it_says_fails_by_name(real_file, broken):
    opened = instance(real_file, 1, ExplicitVRLittleEndian, **broken)
    with pytest.raises(InstanceProblem, match="BAD_OVERLAY"):
        Redactor(ALL_TEXT, text_search(PixelSearch.DEFAULT), overlays=True).redact(opened)
    assert Redactor(NO_TEXT, None).redact(opened).pixels.overlays == ()


def test_zeros_after_a_plane_are_padding(real_file):
    opened = instance(real_file, 1, ExplicitVRLittleEndian)
    dataset = opened.dataset
    dataset[0x60023000].value += bytes(6)
    (plane,) = planes(saved(dataset).dataset)
    assert np.array_equal(plane.bits, drawing(1))


def test_which_plans_may_keep_an_overlay():
    keep = Rule(Verb.KEEP, parse_query("60xx3000"))
    assert [ActionPlan(profile, False, ALL_TEXT).may_keep_overlays for profile in (Profile.KEEP_ALL, Profile.CONTENTS)] == [True, True]
    assert not ActionPlan(Profile.BASIC, False, ALL_TEXT).may_keep_overlays
    assert ActionPlan(Profile.BASIC, False, ALL_TEXT, rules=(keep,)).may_keep_overlays
    assert ActionPlan(Profile.KEEP_LIST, False, ALL_TEXT, listed=frozenset({0x60003000})).may_keep_overlays
    assert not ActionPlan(Profile.REMOVE_LIST, False, ALL_TEXT).may_keep_overlays
    assert [ActionPlan(Profile.KEEP_ALL, False, image).searches_overlays for image in (ALL_TEXT, NO_TEXT)] == [True, False]


@pytest.mark.parametrize(("verb", "vr"), [(Verb.KEEP, "OB"), (Verb.KEEP, "OW"), (Verb.KEEP, "UN"), (Verb.CLEAN_TEXT, "UN")])
def test_a_plan_may_keep_an_overlay_by_any_vr_its_bitmap_may_have(verb, vr):
    """UN is what it has in a file that states no VRs; cleaned like a text, it stays too."""
    assert ActionPlan(Profile.BASIC, False, ALL_TEXT, rules=(Rule(verb, parse_query(vr)),)).may_keep_overlays


@pytest.mark.parametrize(
    ("vr", "syntax"),
    [("OB", ExplicitVRLittleEndian), ("OW", ExplicitVRLittleEndian), ("UN", ExplicitVRLittleEndian), ("UN", ImplicitVRLittleEndian)],
)
def test_a_name_in_an_overlay_goes_whatever_the_vr_it_is_kept_by(real_file, secret, vr, syntax):
    rules = (Rule(Verb.KEEP, parse_query(vr)), Rule(Verb.KEEP, parse_query("60xx001x")))
    plan = ActionPlan(Profile.BASIC, False, ALL_TEXT, rules=rules)
    opened = instance(real_file, 1, ExplicitVRLittleEndian)
    opened.dataset[0x60023000].VR = vr
    opened.dataset.file_meta.TransferSyntaxUID = syntax
    opened = saved(opened.dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    redacted = Redactor(ALL_TEXT, text_search(PixelSearch.FAST), overlays=plan.may_keep_overlays).redact(opened)
    (plane,) = planes(pydicom.dcmread(io.BytesIO(Scrubber(plan, secret).scrub(redacted).content)))
    assert not plane.bits[:, :90].any()
    assert np.array_equal(plane.bits[:, 90:], drawing(1)[:, 90:])


def test_the_data_set_stays_as_it_was_read(real_file):
    """In implicit VR the tags' stage would else take an overlay for something else than its rows."""
    explicit = instance(real_file, 2, ExplicitVRLittleEndian).dataset
    explicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset = saved(explicit, implicit_vr=True, little_endian=True).dataset
    before = {tag: dataset.get_item(tag) for tag in list(dataset.keys())}  # to go through the data set would convert them
    assert len([*planes(dataset)]) == 1
    assert all(dataset.get_item(tag) is element for tag, element in before.items())


def test_a_text_where_a_bitmap_should_be_is_passed_over(real_file):
    opened = instance(real_file, 1, ExplicitVRLittleEndian, t60043000=("LT", "Smithers"))
    assert [plane.tag for plane in planes(opened.dataset)] == [0x60023000]


@pytest.mark.parametrize("empty", [False, True])
def test_an_overlay_of_an_instance_without_samples_is_searched_too(real_file, secret, empty):
    """Such as a presentation state, or an image whose samples went astray."""
    dataset = instance(real_file, 1, ExplicitVRLittleEndian).dataset
    dataset.PixelData = b""
    if not empty:
        del dataset.PixelData
    redacted = Redactor(ALL_TEXT, text_search(PixelSearch.FAST), overlays=True).redact(saved(dataset))
    assert (redacted.pixels.second_look, redacted.pixels.boxes) == (SecondLook.CLEAN, ())
    published = pydicom.dcmread(io.BytesIO(Scrubber(KEEP_ALL, secret).scrub(redacted).content))
    (plane,) = planes(published)
    assert not plane.bits[:, :90].any()
    assert np.array_equal(plane.bits[:, 90:], drawing(1)[:, 90:])
    assert not published.get("PixelData")


def test_where_no_text_is_looked_for_an_instance_without_samples_stays_as_it_is(real_file):
    dataset = instance(real_file, 1, ExplicitVRLittleEndian).dataset
    del dataset.PixelData
    assert Redactor(NO_TEXT, None, overlays=True).redact(saved(dataset)).pixels == PixelResult()
