"""A held instance that is released is the very file it would have been without the doubt, where its pixels could be trusted."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset

from transforms.model.plan import Profile
from transforms.model.records import Action, InstanceUids, PixelResult, PixelSearch, Release, SecondLook, WrittenInstance
from transforms.tags.released import released

CLEAN = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)
HOLD = {"hold": "UID_COLLISION"}
FILES = ("rtplan.dcm", "test-SR.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "image_dfl.dcm", "CT_small.dcm")


def told(scrubbed):
    """What is told of it once it is written, or released."""
    opened, uids = scrubbed.opened, InstanceUids("2.25.1", "2.25.2", "2.25.3")
    search, started = opened.pixels.search, opened.started
    written = WrittenInstance(
        opened.ref, uids, uids, 0, 0, 0, 0, scrubbed.findings, (), search, started, started, "X", release=scrubbed.release
    )
    return set(written.released.tags)


@pytest.mark.parametrize("name", FILES)
def test_it_is_the_file_it_would_have_been_without_the_doubt(scrub, real_file, name):
    content = real_file(name).read_bytes()
    held, in_doubt = scrub(content, pixels=CLEAN, **HOLD)
    free, _ = scrub(content, pixels=CLEAN)
    assert in_doubt.PatientIdentityRemoved == "NO"
    assert released(held.content, held.release.methods) == free.content
    assert told(held) == set(free.findings)


def test_earlier_methods_are_kept_and_told_of(scrub, file_bytes):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113101", "DCM", "Clean Pixel Data Option"
    earlier = Dataset()
    earlier.PatientIdentityRemoved, earlier.DeidentificationMethodCodeSequence = "NO", [code]
    held, _ = scrub(file_bytes(earlier), **HOLD)
    content = released(held.content, held.release.methods)
    assert content == scrub(file_bytes(earlier))[0].content
    new = pydicom.dcmread(io.BytesIO(content))
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113101", "113100"]
    changed = {finding.tag: (finding.action, finding.original, finding.replaced) for finding in told(held)}
    assert changed["00120062"] == (Action.RESET, "NO", "YES")
    assert changed["00120064"][0] is Action.RESET


def test_a_person_vouches_for_pixels_that_were_searched_badly_but_not_for_the_search(scrub, real_file):
    held, _ = scrub(real_file("CT_small.dcm").read_bytes(), **HOLD)
    new = pydicom.dcmread(io.BytesIO(released(held.content, held.release.methods)))
    assert new.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert "BurnedInAnnotation" not in new


@pytest.mark.parametrize("plan", [{"profile": Profile.KEEP_ALL}, {"keep_uids": True}])
def test_nobody_vouches_for_a_plan_that_leaves_identity(scrub, file_bytes, plan):
    held, _ = scrub(file_bytes(Dataset()), **plan, **HOLD)
    assert held.release == Release()
    assert released(held.content, ()) == held.content
    assert told(held) == set(held.findings)
