import dataclasses

import pytest
from pydicom.dataset import Dataset

from transforms.model.plan import Profile
from transforms.model.records import Action, LossyStep, PixelResult, PixelSearch, SecondLook
from transforms.tags.tables import EDITION

SR = "1.2.840.10008.5.1.4.1.1.88.11"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
MULTI_FRAME_SC = "1.2.840.10008.5.1.4.1.1.7.4"


def data_set(**attributes) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def with_samples(**attributes) -> Dataset:
    dataset = data_set(Rows=1, Columns=2, BitsAllocated=8, PixelRepresentation=0, **attributes)
    dataset.add_new(0x7FE00010, "OB", b"\1\2")
    return dataset


@pytest.mark.parametrize("profile", [Profile.BASIC, Profile.MINIMAL])
def test_without_samples_the_identity_is_removed(scrub, file_bytes, profile):
    _, new = scrub(file_bytes(data_set(SOPClassUID=SR)), profile)
    assert new.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100"]
    assert EDITION in new.DeidentificationMethod
    assert new.LongitudinalTemporalInformationModified == "REMOVED"


@pytest.mark.parametrize("redact", [True, False])
@pytest.mark.parametrize("profile", list(Profile))
def test_with_samples_nothing_is_claimed(scrub, file_bytes, profile, redact):
    _, new = scrub(file_bytes(with_samples(BurnedInAnnotation="NO", PatientIdentityRemoved="YES")), profile, redact=redact)
    assert new.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethodCodeSequence" not in new
    assert "BurnedInAnnotation" not in new


CLEAN = PixelResult(search=PixelSearch.DEFAULT, all_text=True, second_look=SecondLook.CLEAN)


@pytest.mark.parametrize("stated", ["YES", "NO", None])
@pytest.mark.parametrize("sop_class", [MULTI_FRAME_SC, ENHANCED_CT, "1.2.840.10008.5.1.4.1.1.2"])
def test_samples_that_were_searched_well_twice_are_without_text(scrub, file_bytes, stated, sop_class):
    source = with_samples(SOPClassUID=sop_class, **({"BurnedInAnnotation": stated} if stated else {}))
    _, new = scrub(file_bytes(source), pixels=CLEAN)
    assert (new.PatientIdentityRemoved, new.BurnedInAnnotation) == ("YES", "NO")
    codes = [(item.CodeValue, item.CodeMeaning) for item in new.DeidentificationMethodCodeSequence]
    assert codes == [("113100", "Basic Application Confidentiality Profile"), ("113101", "Clean Pixel Data Option")]


@pytest.mark.parametrize(
    "less",
    [
        {"search": PixelSearch.FAST},
        {"search": PixelSearch.NONE},
        {"second_look": SecondLook.NONE},
        {"second_look": SecondLook.RESIDUAL},
        {"all_text": False},
    ],
)
def test_anything_less_earns_no_claim(scrub, file_bytes, less):
    _, new = scrub(file_bytes(with_samples(BurnedInAnnotation="NO")), pixels=dataclasses.replace(CLEAN, **less))
    assert new.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethodCodeSequence" not in new
    assert "BurnedInAnnotation" not in new


def test_kept_uids_or_a_doubt_or_keep_all_earn_no_claim(scrub, file_bytes):
    content = file_bytes(data_set(SOPClassUID=SR))
    assert scrub(content, keep_uids=True)[1].PatientIdentityRemoved == "NO"
    assert scrub(content, hold="UID_COLLISION")[1].PatientIdentityRemoved == "NO"
    assert scrub(content, Profile.KEEP_ALL)[1].PatientIdentityRemoved == "NO"


@pytest.mark.parametrize("profile", list(Profile))
def test_burned_in_yes_stays(scrub, file_bytes, profile):
    assert scrub(file_bytes(with_samples(BurnedInAnnotation="YES")), profile)[1].BurnedInAnnotation == "YES"


def test_a_class_that_must_have_an_answer_says_yes(scrub, file_bytes):
    scrubbed, new = scrub(file_bytes(with_samples(BurnedInAnnotation="NO", SOPClassUID=MULTI_FRAME_SC)))
    assert new.BurnedInAnnotation == "YES"
    assert [(found.original, found.replaced) for found in scrubbed.findings if found.tag == "00280301"] == [("NO", "YES")]


def test_earlier_methods_are_kept_and_appended_to(scrub, file_bytes):
    code = data_set(CodeValue="113101", CodingSchemeDesignator="DCM", CodeMeaning="Clean Pixel Data Option")
    earlier = data_set(SOPClassUID=SR, DeidentificationMethod=["first", "second"], DeidentificationMethodCodeSequence=[code])
    _, new = scrub(file_bytes(earlier))
    assert list(new.DeidentificationMethod)[:2] == ["first", "second"]
    assert len(new.DeidentificationMethod) == 3
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113101", "113100"]


@pytest.mark.parametrize("stated", ["Kowalski", "NO\\YES", "no"])
def test_burned_in_says_yes_or_no_or_nothing(scrub, file_bytes, stated):
    scrubbed, new = scrub(file_bytes(with_samples(BurnedInAnnotation=stated.split("\\"))))
    assert "BurnedInAnnotation" not in new
    assert [found.action for found in scrubbed.findings if found.tag == "00280301"] == [Action.DELETED]


def test_keep_all_leaves_what_was_said_of_dates(scrub, file_bytes):
    moved = file_bytes(data_set(SOPClassUID=SR, LongitudinalTemporalInformationModified="MODIFIED"))
    assert scrub(moved, Profile.KEEP_ALL)[1].LongitudinalTemporalInformationModified == "MODIFIED"
    assert scrub(file_bytes(data_set(SOPClassUID=SR)), Profile.KEEP_ALL)[1].LongitudinalTemporalInformationModified == "UNMODIFIED"


@pytest.mark.parametrize("profile", list(Profile))
def test_a_lossy_step_joins_earlier_ones(scrub, file_bytes, profile):
    source = with_samples(LossyImageCompression="01", LossyImageCompressionRatio="7.5", LossyImageCompressionMethod="ISO_15444_1")
    _, new = scrub(file_bytes(source), profile, pixels=PixelResult(lossy=LossyStep("ISO_10918_1", 12.3456)))
    assert new.LossyImageCompression == "01"
    assert [float(ratio) for ratio in new.LossyImageCompressionRatio] == [7.5, 12.35]
    assert list(new.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"]


def test_another_form_of_colour_is_stated_and_found(scrub, file_bytes):
    source = file_bytes(with_samples(PhotometricInterpretation="XYB"))
    scrubbed, new = scrub(source, pixels=PixelResult(photometric="RGB"))
    assert new.PhotometricInterpretation == "RGB"
    assert [found.action for found in scrubbed.findings if found.tag == "00280004"] == [Action.RESET]
    assert scrub(source)[1].PhotometricInterpretation == "XYB"


def test_the_first_lossy_step_is_stated(scrub, file_bytes):
    _, new = scrub(file_bytes(with_samples()), pixels=PixelResult(lossy=LossyStep("ISO_10918_1", 3)))
    assert (new.LossyImageCompression, new.LossyImageCompressionRatio, new.LossyImageCompressionMethod) == ("01", 3, "ISO_10918_1")


@pytest.mark.parametrize("ratio", [b"7.5 to 1 ", b"7.5\\unknown "])
def test_a_ratio_that_is_no_number_does_not_stop_the_instance(scrub, file_bytes, ratio):
    source = with_samples(LossyImageCompression="01")
    source.add_new("LossyImageCompressionRatio", "LO", ratio.decode())
    content = file_bytes(source).replace(b"\x28\x00\x12\x21LO", b"\x28\x00\x12\x21DS")
    scrubbed, new = scrub(content, pixels=PixelResult(lossy=LossyStep("ISO_10918_1", 3)))
    assert new.LossyImageCompressionRatio == 3
    (finding,) = [finding for finding in scrubbed.findings if finding.tag == "00282112"]
    assert (finding.original, finding.replaced) == (ratio.decode().rstrip(), "3")


def test_what_the_header_states_has_one_finding_even_if_the_profile_changed_it_before(scrub, file_bytes):
    item = data_set(CodeValue="113101", CodingSchemeDesignator="DCM", CodeMeaning="Clean Pixel Data Option", PatientComments="Doe")
    source = data_set(SOPClassUID=SR, DeidentificationMethodCodeSequence=[item])
    source.add_new("LongitudinalTemporalInformationModified", "DA", "20200131")
    scrubbed, new = scrub(file_bytes(source))
    top = [finding.tag for finding in scrubbed.findings if not finding.path]
    assert (top.count("00120064"), top.count("00280303")) == (1, 1)
    assert ("00120064[0]", "00104000") in {(finding.path, finding.tag) for finding in scrubbed.findings}
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113101", "113100"]
